package wire

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Federation is who belongs.
type Federation struct {
	node.FederationView
	PeerCount int `json:"peer_count" doc:"Nodes of the federation besides this one."`
}

// Nodes are nodes of the federation.
type Nodes struct {
	Peers []node.NodeView `json:"peers"`
}

// Knocking are nodes that ask to be let in.
type Knocking struct {
	Knocking []node.Knocker `json:"knocking"`
}

// Admit takes a node in.
type Admit struct {
	DID  icn.DID `json:"did"`
	Name string  `json:"name,omitempty" maxLength:"64"`
}

// Member takes a person or an organisation in.
type Member struct {
	DID  icn.DID  `json:"did"`
	Role icn.Role `json:"role" enum:"person,organisation"`
	Name string   `json:"name" minLength:"1" maxLength:"128"`
	Code string   `json:"code,omitempty" maxLength:"128" doc:"A join code; without one this node must be a clerk, and the rules must let clerks admit members."`
}

// Op is the operation that takes a member in.
func (m Member) Op() icn.MemberAdmit {
	op := icn.MemberAdmit{Member: m.DID, Role: m.Role, Name: m.Name}
	if m.Code != "" {
		op.Code = node.CodeBytes(m.Code)
	}
	return op
}

// MemberBatch is the most members that one statement takes in.
const MemberBatch = 500

// NewMembers takes many in with one statement: all of them, or none.
type NewMembers struct {
	Members []Member `json:"members" minItems:"1" maxItems:"500"`
}

// Expel is a clerk's word that a node shall go.
type Expel struct {
	DID       icn.DID `json:"did"`
	Reason    string  `json:"reason,omitempty" maxLength:"256" doc:"In words, for the other clerks."`
	Withdrawn bool    `json:"withdrawn,omitempty" doc:"It no longer thinks so."`
}

// Accused are the nodes that somebody has something against.
type Accused struct {
	Accused []node.Accused `json:"accused"`
}

// Invite asks for a join code.
type Invite struct {
	Expires Duration `json:"expires,omitempty" doc:"How long it is good: seconds, or as in 72h (the default)."`
	Role    icn.Role `json:"role,omitempty" enum:"node,person,organisation" doc:"Whom it lets in; by default a node."`
}

// Invited is a join code that works once.
type Invited struct {
	Code    string   `json:"code"`
	Expires icn.Time `json:"expires_ms"`
	Said
}

// Join goes over to another federation.
type Join struct {
	Peer string `json:"peer" doc:"Address of one of its nodes: /ip4/…/tcp/…/p2p/12D3KooW…" minLength:"1"`
	Code string `json:"code,omitempty" doc:"A join code."`
}

// Joined says whether the other side let this node in.
type Joined struct {
	Admitted bool   `json:"admitted"`
	Message  string `json:"message"`
}

// Links are the peers that the network knows.
type Links struct {
	Peers []node.Link `json:"peers"`
}

// PeerID is how this node can be reached.
type PeerID struct {
	PeerID    string   `json:"peer_id"`
	Addresses []string `json:"addresses"`
}

// Connect dials an address.
type Connect struct {
	Peer string `json:"peer" doc:"/ip4/…/tcp/…/p2p/12D3KooW…" minLength:"1"`
}

// Connected is who answered there.
type Connected struct {
	Connected string  `json:"connected" doc:"The address, as it was asked for."`
	DID       icn.DID `json:"did"`
}

// Ping measures the way to a peer.
type Ping struct {
	Peer string `json:"peer" doc:"A DID or a peer id." minLength:"1"`
}

// Pong is how far away it is.
type Pong struct {
	DID       icn.DID `json:"did"`
	RTTMicros int64   `json:"rtt_us"`
}
