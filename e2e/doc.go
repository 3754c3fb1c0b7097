// Package e2e tests the real binaries with scripts (testdata/script): nodes as
// processes of their own, driven by icn-cli as a person would.
//
// The scripts know these commands beside those of testscript:
//
//	node NAME [FLAG…]        start icn-node in the background; its output goes to NAME.log
//	at NAME                  icn-cli talks to this node from here on
//	p2p VAR NAME             VAR = the node's first P2P address
//	listen VAR NAME          VAR = the same address to listen on again
//	kill9 NAME               end a node as a power cut would
//	end NAME                 end a node with SIGTERM; it must end with exit code 0
//	exits CODE COMMAND…      run a command that must end with this exit code
//	take VAR REGEXP          VAR = the group in what the last command wrote to stdout
//	whois VAR DID            VAR = the name of the node with this DID
//	other VAR NAME…          VAR = a running node that is none of these
//	agree NAME…              these nodes get equally far, with equal roots
//	mana DID WANT            the account has this much, or one more: an hour regenerates ten
//	postgres VAR             VAR = the address of a new PostgreSQL database
//	pause NAME               a node's process is stopped (SIGSTOP), resume lets it go on
//	gone NAME                wait until a node has ended by itself, with exit code 1
//	certificate NAME         NAME.crt and NAME.key, for loopback
//	plain NAME PATH STATUS   ask a node's port without TLS
//	flip FILE…               change a byte in the middle of the largest of these files
//
// It waits with the product's own means only (icn-cli health --wait, federation
// status --wait-nodes, mesh status --wait).
package e2e
