package identity

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Clerk is a node that orders the log, and the key that it signs checkpoints with.
type Clerk struct {
	DID icn.DID
	Key icn.DID
}

// ClerksTable is the name of the table of one row that says who the clerks are: by it
// they are proven to who checks a checkpoint offline.
const ClerksTable = "clerks"

// MaxClerks is how many clerks the rules can want at most.
const MaxClerks = 31

// maxChoice limits the row of a choice of clerks.
const maxChoice = 64

// Clerks are the nodes that order the log and sign checkpoints: those that were
// chosen, then the longest admitted ones, the largest odd number of them up to the
// rules' limit.
func (f *Fold) Clerks(r icn.Rules) []Peer { return f.peers(f.clerks(r)) }

func (f *Fold) clerks(r icn.Rules) []icn.DID {
	return f.rank[:seats(len(f.rank), r)]
}

// seats is how many of so many nodes are clerks.
func seats(nodes int, r icn.Rules) int {
	n := min(nodes, int(r.Clerks))
	if n > 0 && n%2 == 0 {
		n--
	}
	return n
}

// Founding are the clerks of a genesis, with their first keys.
func Founding(g *icn.Genesis) []Clerk {
	var out []Clerk
	for _, n := range g.Nodes[:seats(len(g.Nodes), g.Rules)] {
		out = append(out, Clerk{n.DID, n.DID})
	}
	return out
}

// Learners are the active nodes that are no clerks, in order of admission.
func (f *Fold) Learners(r icn.Rules) []Peer {
	clerks := f.clerks(r)
	out := []icn.DID{}
	for _, d := range f.active {
		if !slices.Contains(clerks, d) {
			out = append(out, d)
		}
	}
	return f.peers(out)
}

// IsClerk says whether d is one of the clerks.
func (f *Fold) IsClerk(d icn.DID, r icn.Rules) bool { return slices.Contains(f.clerks(r), d) }

// Choice are the nodes that shall be clerks first, as a vote has said.
func (f *Fold) Choice() []icn.DID {
	c, _ := f.choice.Get(state.One{})
	return c
}

// order ranks the active nodes: who is clerk before whom.
func (f *Fold) order() {
	f.rank = f.rank[:0]
	for _, d := range f.Choice() {
		if _, ok := f.Node(d); ok {
			f.rank = append(f.rank, d)
		}
	}
	chosen := len(f.rank)
	for _, d := range f.active {
		if !slices.Contains(f.rank[:chosen], d) {
			f.rank = append(f.rank, d)
		}
	}
}

// unchoose takes a node that is out of the federation off the list: should it come
// back, it is like any other.
func (f *Fold) unchoose(d icn.DID) {
	old := f.Choice()
	if i := slices.Index(old, d); i >= 0 {
		f.choose(slices.Delete(slices.Clone(old), i, i+1))
	}
}

func (f *Fold) choose(nodes []icn.DID) {
	if len(nodes) == 0 {
		f.choice.Delete(state.One{})
		return
	}
	f.choice.Put(state.One{}, nodes)
}

// KeepClerks writes down who the clerks are and with which keys they sign, if that
// has changed: the row by which the state root proves it. Call it after whatever
// may have changed nodes, keys or rules.
func (f *Fold) KeepClerks(r icn.Rules) {
	if now := f.inForce(r); !f.kepts(now) {
		f.kept.Put(state.One{}, now)
	}
}

// ClerksKept says whether that row is up to date.
func (f *Fold) ClerksKept(r icn.Rules) bool { return f.kepts(f.inForce(r)) }

func (f *Fold) kepts(now []Clerk) bool {
	was, ok := f.kept.Get(state.One{})
	return ok && slices.Equal(was, now)
}

func (f *Fold) inForce(r icn.Rules) []Clerk {
	clerks := f.clerks(r)
	out := make([]Clerk, 0, len(clerks))
	for _, d := range clerks {
		out = append(out, Clerk{d, f.KeyOf(d)})
	}
	return out
}

// ClerksInForce are the clerks with the keys that they sign with, as they are written
// down.
func (f *Fold) ClerksInForce() []Clerk {
	all, _ := f.kept.Get(state.One{})
	return all
}
