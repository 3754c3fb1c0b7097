package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// AccountMana tells an account's capacity, now or as of a moment of the past
// ("" = now).
func (c *Client) AccountMana(ctx context.Context, d icn.DID, asOf string) (node.AccountView, error) {
	q := url.Values{}
	if asOf != "" {
		q.Set("as_of", asOf)
	}
	return get[node.AccountView](ctx, c, call{path: "/account/" + d.String() + "/mana", query: q})
}

// AccountHistory tells the last changes of an account, at most limit of them, at
// or before a moment ("" = now).
func (c *Client) AccountHistory(ctx context.Context, d icn.DID, at string, limit int) (node.Statement, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if at != "" {
		q.Set("as_of", at)
	}
	return get[node.Statement](ctx, c, call{path: "/account/" + d.String() + "/history", query: q})
}

// Reputation tells somebody's reputation, with its last why reasons.
func (c *Client) Reputation(ctx context.Context, d icn.DID, why int) (node.Reputation, error) {
	return get[node.Reputation](ctx, c, call{path: "/reputation/" + d.String(), query: url.Values{"why": {strconv.Itoa(why)}}})
}

// NetworkPeers lists the peers that the network knows.
func (c *Client) NetworkPeers(ctx context.Context) ([]node.Link, error) {
	l, err := get[wire.Links](ctx, c, call{path: "/network/peers"})
	return l.Peers, err
}

// NetworkLocalPeerID is how the node can be reached.
func (c *Client) NetworkLocalPeerID(ctx context.Context) (wire.PeerID, error) {
	return get[wire.PeerID](ctx, c, call{path: "/network/local-peer-id"})
}

// NetworkConnect has the node dial an address.
func (c *Client) NetworkConnect(ctx context.Context, addr string) (wire.Connected, error) {
	return post[wire.Connected](ctx, c, call{path: "/network/connect"}, wire.Connect{Peer: addr})
}

// NetworkPing measures the way to a peer, named by its DID or peer id.
func (c *Client) NetworkPing(ctx context.Context, peer string) (wire.Pong, error) {
	return post[wire.Pong](ctx, c, call{path: "/network/ping"}, wire.Ping{Peer: peer})
}

// FederationStatus tells who belongs.
func (c *Client) FederationStatus(ctx context.Context) (wire.Federation, error) {
	return get[wire.Federation](ctx, c, call{path: "/federation/status"})
}

// FederationPeers lists the other nodes of the federation.
func (c *Client) FederationPeers(ctx context.Context) ([]node.NodeView, error) {
	n, err := get[wire.Nodes](ctx, c, call{path: "/federation/peers"})
	return n.Peers, err
}

// FederationAdmit takes a node in.
func (c *Client) FederationAdmit(ctx context.Context, d icn.DID, name string) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/federation/admit"}, wire.Admit{DID: d, Name: name})
}

// FederationInvite makes a join code that lets one of a role in, for as long as life
// (0: the node's default).
func (c *Client) FederationInvite(ctx context.Context, role icn.Role, life time.Duration) (wire.Invited, error) {
	return post[wire.Invited](ctx, c, call{path: "/federation/invite"}, wire.Invite{Role: role, Expires: wire.Duration(life)})
}

// FederationJoin has the node go over to another federation.
func (c *Client) FederationJoin(ctx context.Context, peer, code string) (wire.Joined, error) {
	return post[wire.Joined](ctx, c, call{path: "/federation/join"}, wire.Join{Peer: peer, Code: code})
}

// FederationMembers takes a person or an organisation in.
func (c *Client) FederationMembers(ctx context.Context, m wire.Member) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/federation/members"}, m)
}

// FederationMembersBatch takes many in with one statement, of at most
// [wire.MemberBatch].
func (c *Client) FederationMembersBatch(ctx context.Context, all []wire.Member) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/federation/members/batch"}, wire.NewMembers{Members: all})
}

// FederationMember tells of a member, also of one that has left.
func (c *Client) FederationMember(ctx context.Context, d icn.DID) (node.MembershipView, error) {
	return get[node.MembershipView](ctx, c, call{path: "/federation/members/" + d.String()})
}

// FederationLeave takes the node out of its federation.
func (c *Client) FederationLeave(ctx context.Context) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/federation/leave"}, nil)
}

// FederationAccused lists the nodes that somebody has something against.
func (c *Client) FederationAccused(ctx context.Context) ([]node.Accused, error) {
	a, err := get[wire.Accused](ctx, c, call{path: "/federation/accused"})
	return a.Accused, err
}

// FederationExpel says that a node shall leave the federation.
func (c *Client) FederationExpel(ctx context.Context, e wire.Expel) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/federation/expel"}, e)
}

// FederationKnocking lists the nodes that ask to be let in.
func (c *Client) FederationKnocking(ctx context.Context) ([]node.Knocker, error) {
	k, err := get[wire.Knocking](ctx, c, call{path: "/federation/knocking"})
	return k.Knocking, err
}
