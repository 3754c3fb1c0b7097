package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (s *Server) account(_ context.Context, in *struct {
	DID  string `path:"did"`
	AsOf string `query:"as_of" doc:"A moment of the past (RFC 3339), or a day: its end, in UTC."`
}) (node.AccountView, error) {
	d, err := icn.ParseDID(in.DID)
	if err != nil {
		return node.AccountView{}, misplaced("path.did", err)
	}
	if in.AsOf == "" {
		return s.n.Account(d)
	}
	at, err := wire.ParseAsOf(in.AsOf)
	if err != nil {
		return node.AccountView{}, misplaced("query.as_of", err)
	}
	v, err := s.n.Statement(d, at, 1)
	return v.AccountView, err
}

func (s *Server) federation(context.Context, *none) (wire.Federation, error) {
	v, err := s.n.Federation()
	return wire.Federation{FederationView: v, PeerCount: max(len(v.Nodes)-1, 0)}, err
}

func (s *Server) federationPeers(context.Context, *none) (wire.Nodes, error) {
	v, err := s.n.Federation()
	out := wire.Nodes{Peers: []node.NodeView{}}
	for _, p := range v.Nodes {
		if p.DID != s.n.Me() {
			out.Peers = append(out.Peers, p)
		}
	}
	return out, err
}

func (s *Server) knocking(context.Context, *none) (wire.Knocking, error) {
	return wire.Knocking{Knocking: filled(s.n.Knockers())}, nil
}

func (s *Server) admit(ctx context.Context, in *body[wire.Admit]) (wire.Said, error) {
	return s.told(s.n.Admit(ctx, in.Body.DID, in.Body.Name))
}

// inviteLife is how long a join code is good when nobody says.
const inviteLife = 72 * time.Hour

func (s *Server) invite(ctx context.Context, in *struct {
	Body *wire.Invite `required:"false"`
}) (wire.Invited, error) {
	life, role := inviteLife, icn.RoleNode
	if in.Body != nil && in.Body.Expires > 0 {
		life = time.Duration(in.Body.Expires)
	}
	if in.Body != nil && in.Body.Role != 0 {
		role = in.Body.Role
	}
	expires := icn.Time(time.Now().Add(life).UnixMilli())
	code, said, err := s.n.Invite(ctx, role, life)
	out := wire.Invited{Code: code, Expires: expires}
	out.Said, err = s.told(said, err)
	return out, err
}

func (s *Server) join(ctx context.Context, in *body[wire.Join]) (wire.Joined, error) {
	admitted, err := s.n.Join(ctx, in.Body.Peer, in.Body.Code)
	out := wire.Joined{Admitted: admitted, Message: "admitted; this node goes over to that federation now"}
	if !admitted {
		out.Message = "not admitted yet; on the other side: icn-cli federation admit " + s.n.Me().String() + "; then join again"
	}
	return out, err
}

func (s *Server) admitMember(ctx context.Context, in *body[wire.Member]) (wire.Said, error) {
	return s.told(s.n.Do(ctx, in.Body.Op()))
}

func (s *Server) admitMembers(ctx context.Context, in *body[wire.NewMembers]) (wire.Said, error) {
	var ops []icn.Op
	for _, m := range in.Body.Members {
		ops = append(ops, m.Op())
	}
	return s.told(s.n.Do(ctx, ops...))
}

func (s *Server) member(_ context.Context, in *struct {
	DID string `path:"did"`
}) (node.MembershipView, error) {
	d, err := icn.ParseDID(in.DID)
	if err != nil {
		return node.MembershipView{}, misplaced("path.did", err)
	}
	return s.n.Membership(d)
}

func (s *Server) accused(context.Context, *none) (wire.Accused, error) {
	list, err := s.n.Accused()
	return wire.Accused{Accused: filled(list)}, err
}

func (s *Server) expel(ctx context.Context, in *body[wire.Expel]) (wire.Said, error) {
	return s.told(s.n.Do(ctx, icn.NodeExpel{Node: in.Body.DID, Reason: in.Body.Reason, Withdrawn: in.Body.Withdrawn}))
}

func (s *Server) leave(ctx context.Context, _ *none) (wire.Said, error) {
	return s.told(s.n.Leave(ctx))
}

// directory is the links of the network, if there is one.
func (s *Server) directory() (node.Directory, error) {
	if s.cfg.Directory == nil {
		return nil, fmt.Errorf("network: %w: this node has no P2P network; start it with --p2p-listen-addr", icn.ErrUnavailable)
	}
	return s.cfg.Directory, nil
}

func (s *Server) peers(context.Context, *none) (wire.Links, error) {
	if s.cfg.Directory == nil {
		return wire.Links{Peers: []node.Link{}}, nil
	}
	return wire.Links{Peers: filled(s.cfg.Directory.Links())}, nil
}

func (s *Server) localPeerID(context.Context, *none) (wire.PeerID, error) {
	out := wire.PeerID{PeerID: key.PeerID(icn.DID(s.n.Signer().Public())), Addresses: []string{}}
	if s.cfg.Directory != nil {
		out.Addresses = filled(s.cfg.Directory.Addrs())
	}
	return out, nil
}

// dialTime bounds dialling and pinging.
const dialTime = 15 * time.Second

func (s *Server) connect(ctx context.Context, in *body[wire.Connect]) (wire.Connected, error) {
	links, err := s.directory()
	if err != nil {
		return wire.Connected{}, err
	}
	ctx, cancel := s.patience(ctx, dialTime)
	defer cancel()
	d, err := links.Dial(ctx, in.Body.Peer)
	return wire.Connected{Connected: in.Body.Peer, DID: d}, err
}

func (s *Server) ping(ctx context.Context, in *body[wire.Ping]) (wire.Pong, error) {
	d, err := peerOf(in.Body.Peer)
	if err != nil {
		return wire.Pong{}, &wire.FieldError{Path: "peer", Reason: err.Error()}
	}
	links, err := s.directory()
	if err != nil {
		return wire.Pong{}, err
	}
	ctx, cancel := s.patience(ctx, dialTime)
	defer cancel()
	rtt, err := links.Ping(ctx, d)
	return wire.Pong{DID: d, RTTMicros: rtt.Microseconds()}, err
}

// peerOf finds whom a DID, a peer id or an address means.
func peerOf(name string) (icn.DID, error) {
	if strings.HasPrefix(name, "did:") {
		return icn.ParseDID(name)
	}
	if _, id, ok := strings.Cut(name, "/p2p/"); ok {
		name = id
	}
	return key.DIDOfPeer(name)
}
