package identity

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Ballots are what clerks said for expelling a node, in the order of their DIDs.
type Ballots []Ballot

// Ballot is a clerk's word that a node shall go.
type Ballot struct {
	By     icn.DID
	At     icn.Time
	Reason string
}

// ballotMillis is how long such a word counts.
const ballotMillis = 7 * 24 * 3600 * 1000

// expel counts a clerk's word that a node shall go, and takes the node out when a
// majority of all clerks has said so. The node itself has no say: it can leave.
func (f *Fold) expel(s Step, o icn.NodeExpel) ([]icn.Effect, []icn.EventBody, error) {
	n, ok := f.Node(o.Node)
	switch {
	case !f.IsClerk(s.Author, s.Rules):
		return nil, nil, fmt.Errorf("expel node %s: %w: only clerks decide about that; ask the operators of these nodes", o.Node.Short(), icn.ErrDenied)
	case !ok:
		return nil, nil, fmt.Errorf("expel node %s: %w: it does not belong to this federation", o.Node.Short(), icn.ErrNotFound)
	case o.Node == s.Author:
		return nil, nil, fmt.Errorf("expel node %s: %w: that is this node itself; it can leave", o.Node.Short(), icn.ErrInvalid)
	}
	old, _ := f.ballots.Get(o.Node)
	said := slices.ContainsFunc(old, func(b Ballot) bool { return b.By == s.Author })
	all := slices.DeleteFunc(slices.Clone(old), func(b Ballot) bool { return b.By == s.Author })
	if o.Withdrawn && !said {
		return nil, nil, fmt.Errorf("expel node %s: %w: this clerk has not said so, or its word was withdrawn", o.Node.Short(), icn.ErrNotFound)
	}
	if !o.Withdrawn {
		i, _ := slices.BinarySearchFunc(all, s.Author, func(b Ballot, d icn.DID) int { return slices.Compare(b.By[:], d[:]) })
		all = slices.Insert(all, i, Ballot{By: s.Author, At: s.Time, Reason: o.Reason})
	}
	told := icn.ExpulsionVoted{Node: o.Node, Withdrawn: o.Withdrawn, Reason: o.Reason, Needed: uint64(len(f.Clerks(s.Rules))/2 + 1)}
	for _, b := range all {
		if f.counts(b, s) {
			told.Votes++
		}
	}
	if told.Votes < told.Needed {
		f.putBallots(o.Node, all)
		return nil, []icn.EventBody{told}, nil
	}
	f.out(o.Node, n)
	return nil, []icn.EventBody{told, icn.NodeLeft{Node: o.Node, Expelled: true, Reason: o.Reason}}, nil
}

// counts says whether a clerk's word counts at this moment: it is still one, and
// said it not too long ago.
func (f *Fold) counts(b Ballot, s Step) bool {
	return s.Time <= b.At+ballotMillis && f.IsClerk(b.By, s.Rules)
}

func (f *Fold) putBallots(d icn.DID, all Ballots) {
	if len(all) == 0 {
		f.ballots.Delete(d)
		return
	}
	f.ballots.Put(d, all)
}

// Accused calls fn for each node that a clerk wants to expel, in the order of DIDs.
func (f *Fold) Accused(fn func(icn.DID, Ballots) bool) { f.ballots.Each(fn) }

func appendBallots(b []byte, all Ballots) []byte {
	b = icn.AppendArray(b, len(all))
	for _, x := range all {
		b = icn.AppendText(icn.AppendTime(icn.AppendDID(icn.AppendArray(b, 3), x.By), x.At), x.Reason)
	}
	return b
}

func readBallots(r *icn.Reader) (all Ballots) {
	for range r.Array(1 << 14) {
		r.Tuple(3)
		all = append(all, Ballot{By: r.DID(), At: r.Time(), Reason: r.Text(icn.MaxReason)})
		if r.Err() != nil {
			break
		}
	}
	return all
}
