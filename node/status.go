package node

import (
	"context"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/order"
)

// Status is a node at a glance.
type Status struct {
	State      string            `json:"state"`
	DID        icn.DID           `json:"did"`
	Name       string            `json:"name"`
	Release    string            `json:"version"`
	Uptime     time.Duration     `json:"-"`
	Network    string            `json:"network,omitempty"`
	Federation string            `json:"federation,omitempty"`
	Height     uint64            `json:"height"`
	LogTime    icn.Time          `json:"log_time_ms"`
	StateRoot  string            `json:"state_root,omitempty"`
	TreeRoot   string            `json:"tree_root,omitempty"`
	Certified  uint64            `json:"certified"`
	Leader     *icn.DID          `json:"leader,omitempty"`
	Role       string            `json:"role,omitempty"`
	FedBy      *icn.DID          `json:"fed_by,omitempty"`
	Balance    uint64            `json:"balance"`
	Held       uint64            `json:"held"`
	OpenJobs   int               `json:"open_jobs"`
	Running    int               `json:"running_jobs"`
	Peers      []PeerStatus      `json:"peers"`
	Nodes      int               `json:"nodes"`
	Waiting    []Waiting         `json:"waiting"`
	Alarms     map[string]string `json:"alarms"`
	Totals     mana.Totals       `json:"mana"`
	Behind     uint64            `json:"log_gap,omitempty"`
	Order      order.Status      `json:"order"`

	OpenVotes int    `json:"open_votes"`
	Cap       uint64 `json:"-"`                         // where this node's account stops growing
	Banned    int    `json:"-"`                         // nodes that get no jobs now
	BannedOwn bool   `json:"-"`                         // this one is among them
	Upgrade   string `json:"upgrade_notice,omitempty"`  // the release that a vote asks operators to install
	Strangers uint64 `json:"open_rate_limit,omitempty"` // requests a minute of callers without a credential, by the rules
}

// Status asks the loop how things stand.
func (n *Node) Status(ctx context.Context) (Status, error) {
	s := Status{State: n.State(), DID: n.me, Name: n.displayName(), Release: n.cfg.Release, Uptime: time.Since(n.started),
		Peers: []PeerStatus{}, Waiting: []Waiting{}, Alarms: map[string]string{}}
	if n.loop.Load() == nil {
		return s, nil
	}
	err := n.ask(ctx, func(l *Loop) { l.Status(&s) })
	return s, err
}

// Status fills in how things stand in the loop.
func (l *Loop) Status(s *Status) {
	if s.Alarms == nil {
		s.Alarms = map[string]string{}
	}
	h := l.m.Head()
	l.mu.Lock()
	_, tree := l.m.Tree()
	root := l.m.Root()
	l.mu.Unlock()
	s.Network, s.Federation = l.m.Network().String(), l.m.Genesis().Name
	s.Height, s.LogTime, s.Certified = h.Index, h.Time, l.points.certified
	s.StateRoot, s.TreeRoot = fmt.Sprintf("%x", root), fmt.Sprintf("%x", tree)
	s.Role = l.role()
	st := l.eng.Status()
	s.Order = st
	if st.Leading {
		me := l.me
		s.Leader = &me
	} else if d, ok := l.leader(); ok {
		s.Leader = &d
	}
	if d := l.fed.from; !d.IsZero() {
		s.FedBy = &d
	}
	if a, ok := l.m.Account(l.me, l.now); ok {
		s.Balance, s.Held, s.Cap = a.Balance, a.Held, a.Cap(l.m.Rules())
	}
	l.bans(s)
	s.OpenJobs, s.Running = l.m.OpenJobs(), len(l.work.running)
	s.Peers, s.Nodes, s.Waiting, s.Totals = l.peerStatus(), len(l.m.Nodes()), l.waitingList(), l.m.Totals()
	if s.Peers == nil {
		s.Peers = []PeerStatus{}
	}
	for k, v := range l.alarms { // order: copied into a map
		s.Alarms[k] = v
	}
	s.OpenVotes, s.Upgrade, s.Strangers = openVotes(l.m), l.m.Notice(), l.m.Rules().StrangersPerMinute
	if l.gap.shadow != nil {
		s.Behind = l.gap.end - l.gap.shadow.Head().Index
	}
}

// bans counts the nodes that get no jobs.
func (l *Loop) bans(s *Status) {
	at := max(l.now, l.m.Head().Time)
	for _, p := range l.m.Nodes() {
		if l.m.Standing(p.DID).Banned(at) {
			s.Banned++
			s.BannedOwn = s.BannedOwn || p.DID == l.me
		}
	}
}

func (l *Loop) role() string {
	switch st := l.eng.Status(); {
	case l.out():
		return "no longer of this federation"
	case !l.seated():
		return "waiting for its seat"
	case !l.m.IsNode(l.me):
		return "catching up"
	case st.Leading:
		return "leader"
	case l.isClerk():
		return "clerk"
	}
	return "learner"
}

func (l *Loop) isClerk() bool {
	for _, d := range l.clerks() {
		if d == l.me {
			return true
		}
	}
	return false
}

// NodeView is a node of the federation.
type NodeView struct {
	DID     icn.DID `json:"did"`
	Name    string  `json:"name"`
	RaftID  uint64  `json:"raft_id"`
	Clerk   bool    `json:"clerk"`
	Balance uint64  `json:"balance"`
	Held    uint64  `json:"held"`
}

// MemberView is a person or organisation.
type MemberView struct {
	DID   icn.DID  `json:"did"`
	Role  icn.Role `json:"role"`
	Name  string   `json:"name"`
	Since uint64   `json:"since_index"`

	Standing identity.Standing `json:"standing"`
	Until    icn.Time          `json:"suspended_until_ms,omitempty"`
}

// FederationView is who belongs.
type FederationView struct {
	Network  icn.CID      `json:"network"`
	Name     string       `json:"name"`
	Founded  icn.Time     `json:"founded_ms"`
	Nodes    []NodeView   `json:"nodes"`
	Members  []MemberView `json:"members"`
	Rules    icn.Rules    `json:"rules"`
	Knocking []Knocker    `json:"knocking"`
}

// Federation tells who belongs.
func (n *Node) Federation() (FederationView, error) {
	v := FederationView{Nodes: []NodeView{}, Members: []MemberView{}, Knocking: n.Knockers()}
	err := n.View(func(m *core.Machine) {
		v.Network, v.Name, v.Founded, v.Rules = m.Network(), m.Genesis().Name, m.Genesis().Created, m.Rules()
		for _, p := range m.Nodes() {
			node, _ := m.Node(p.DID)
			a, _ := m.Account(p.DID, now())
			v.Nodes = append(v.Nodes, NodeView{p.DID, node.Name, p.RaftID, m.IsClerk(p.DID), a.Balance, a.Held})
		}
		m.Members(func(d icn.DID, x identity.Member) bool {
			if x.Standing != identity.Left {
				v.Members = append(v.Members, MemberView{d, x.Role, x.Name, x.Since, x.Standing, x.Until})
			}
			return true
		})
	})
	return v, err
}

// AccountView is an account's capacity.
type AccountView struct {
	DID     icn.DID  `json:"did"`
	Key     icn.DID  `json:"key,omitzero"` // that its statements are signed with now; absent as of a past time
	Balance uint64   `json:"balance"`
	Held    uint64   `json:"held"`
	Cap     uint64   `json:"cap"`      // it stops growing here
	PerHour uint64   `json:"per_hour"` // how fast it grows
	Tier    icn.Tier `json:"tier"`     // by its reputation
	AsOf    icn.Time `json:"as_of_ms"`
	Index   uint64   `json:"index"`
	Next    uint64   `json:"next_number"`
}

// Account tells an account's capacity now.
func (n *Node) Account(d icn.DID) (AccountView, error) {
	v := AccountView{DID: d, AsOf: now()}
	found := false
	err := n.View(func(m *core.Machine) {
		v.AsOf = max(v.AsOf, m.Head().Time)
		a, ok := m.Account(d, v.AsOf)
		v.Cap, v.PerHour, v.Tier = a.Cap(m.Rules()), a.PerHour(m.Rules()), a.Tier
		found, v.Key, v.Balance, v.Held, v.Index, v.Next = ok, icn.DID(m.KeyOf(d)), a.Balance, a.Held, m.Head().Index, m.NextNumber(d)
	})
	if err == nil && !found {
		err = fmt.Errorf("account %s: %w: nobody of this federation", d, icn.ErrNotFound)
	}
	return v, err
}
