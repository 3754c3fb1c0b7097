package node

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Evidence is a clerk's own signed word that contradicts what everybody else
// computes, or another word of its own. It outlives a restart.
type Evidence struct {
	Clerk icn.DID `json:"clerk"`
	Size  uint64  `json:"size"`            // of the checkpoint
	Words string  `json:"words"`           // what is wrong with it
	Note  string  `json:"note"`            // the checkpoint as it signed it
	Other string  `json:"other,omitempty"` // another one of that size that it signed, which proves it to anybody
}

// contradicts notes that a clerk signed other roots than this node computed and a
// majority of the clerks signed.
func (l *Loop) contradicts(s signed, own icn.Checkpoint) {
	l.accuse(Evidence{Clerk: s.sig.Signer, Size: s.c.Size, Note: s.c.Note([]icn.NoteSig{s.sig}),
		Words: fmt.Sprintf("it signed other roots at entry %d than a majority of the clerks and this node (%x, not %x)", s.c.Size, s.c.State[:6], own.State[:6])})
}

// contradictsItself notes that a clerk signed two checkpoints of one size.
func (l *Loop) contradictsItself(a, b signed) {
	l.accuse(Evidence{Clerk: a.sig.Signer, Size: a.c.Size, Note: a.c.Note([]icn.NoteSig{a.sig}), Other: b.c.Note([]icn.NoteSig{b.sig}),
		Words: fmt.Sprintf("it signed two different checkpoints of size %d", a.c.Size)})
}

// accuse raises the alarm about a clerk and keeps the evidence: the first of each
// kind, so that nobody can fill the store with it.
func (l *Loop) accuse(e Evidence) {
	old, known := l.points.evidence[e.Clerk]
	if known && (old.Other != "" || e.Other == "") {
		return
	}
	l.mu.Lock()
	l.points.evidence[e.Clerk] = e
	l.mu.Unlock()
	l.batch.Put(evidenceKey(e.Clerk), marshal(e))
	l.raise(e)
}

// raise alarms as long as the clerk belongs: it is then for the operators to do
// something.
func (l *Loop) raise(e Evidence) {
	if !l.m.IsNode(e.Clerk) {
		return
	}
	l.alarm(clerkAlarm(e.Clerk), fmt.Sprintf("clerk %s is not to be trusted: %s. Look at it with its operator, or: icn-cli federation expel %s", e.Clerk, e.Words, e.Clerk))
}

func clerkAlarm(d icn.DID) string { return "clerk " + d.Short() }

func evidenceKey(d icn.DID) []byte { return append([]byte(keyEvidence), d[:]...) }

// loadEvidence raises the alarms again that a restart interrupted.
func (l *Loop) loadEvidence() error {
	var bad error
	err := l.st.Scan(store.Prefix([]byte(keyEvidence)), func(_, v []byte) bool {
		var e Evidence
		if bad = json.Unmarshal(v, &e); bad != nil {
			return false
		}
		l.points.evidence[e.Clerk] = e
		return true
	})
	if err := errors.Join(err, bad); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	for _, d := range sortedDIDs(l.points.evidence) {
		l.raise(l.points.evidence[d])
	}
	return nil
}

// calmExpelled ends the alarms about clerks that are gone. The evidence stays.
func (l *Loop) calmExpelled() {
	for _, d := range sortedDIDs(l.points.evidence) {
		if !l.m.IsNode(d) {
			l.calm(clerkAlarm(d))
		}
	}
}

// Accused is a node that somebody has something against.
type Accused struct {
	Node     icn.DID    `json:"node"`
	Name     string     `json:"name"`
	Belongs  bool       `json:"belongs"`
	Votes    []VoteView `json:"votes"` // of clerks, for expelling it
	Needed   int        `json:"needed"`
	Evidence *Evidence  `json:"evidence,omitempty"` // that this node has
}

// VoteView is a clerk's word that a node shall go.
type VoteView struct {
	By     icn.DID  `json:"by"`
	At     icn.Time `json:"at_ms"`
	Reason string   `json:"reason"`
}

// Accused lists the nodes against which there is evidence here, or a clerk's word.
func (n *Node) Accused() ([]Accused, error) {
	l := n.loop.Load()
	if l == nil {
		return nil, fmt.Errorf("node: %w: it is %s", icn.ErrUnavailable, n.State())
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := map[icn.DID]*Accused{}
	about := func(d icn.DID) *Accused {
		if all[d] == nil {
			node, belongs := l.m.Node(d)
			all[d] = &Accused{Node: d, Name: node.Name, Belongs: belongs, Votes: []VoteView{}, Needed: len(l.m.Clerks())/2 + 1}
		}
		return all[d]
	}
	l.m.Accused(func(d icn.DID, votes identity.Ballots) bool {
		for _, v := range votes {
			about(d).Votes = append(about(d).Votes, VoteView{v.By, v.At, v.Reason})
		}
		return true
	})
	for d, e := range l.points.evidence { // order: sorted below
		about(d).Evidence = &e
	}
	out := make([]Accused, 0, len(all))
	for _, d := range sortedDIDs(all) {
		out = append(out, *all[d])
	}
	return out, nil
}
