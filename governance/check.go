package governance

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Timers calls fn for each timer that must be set, with its time.
func (f *Fold) Timers(fn func(name string, due icn.Time)) {
	f.proposals.Each(func(id icn.CID, p Proposal) bool {
		if p.Until != 0 {
			fn(timerName(id), p.Until)
		}
		return true
	})
}

// Check says whether the tables agree with each other: what a fold relies on that
// goes on from a snapshot.
func (f *Fold) Check() (err error) {
	open := map[icn.DID]uint64{}
	f.proposals.Each(func(id icn.CID, p Proposal) bool {
		if !p.Stage.Over() {
			open[p.Proposer]++
		}
		waits := p.Stage >= icn.StageSponsorship && p.Stage <= icn.StageTimelock
		voted, counted := p.Stage == icn.StageVoting, p.Count.Closed != 0
		switch {
		case p.Motion == nil || p.Stage < icn.StageDraft || p.Stage > icn.StageFailed:
			err = fmt.Errorf("proposal %s: %w: stage %d", id, icn.ErrCorrupt, p.Stage)
		case waits != (p.Until != 0) || p.Stage.Over() != (p.Ended != 0):
			err = fmt.Errorf("proposal %s: %w: at the stage %s, until %d, ended at entry %d", id, icn.ErrCorrupt, p.Stage, p.Until, p.Ended)
		case voted && (p.Vote.Opened == 0 || counted) || counted && p.Vote.Opened == 0:
			err = fmt.Errorf("proposal %s: %w: the vote was opened at entry %d and closed at %d", id, icn.ErrCorrupt, p.Vote.Opened, p.Count.Closed)
		}
		return err == nil
	})
	f.open.Each(func(d icn.DID, n uint64) bool {
		if err == nil && open[d] != n {
			err = fmt.Errorf("proposals of %s: %w: %d are open, counted are %d", d, icn.ErrCorrupt, open[d], n)
		}
		delete(open, d)
		return err == nil
	})
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("proposals: %w: open ones of %d authors are not counted", icn.ErrCorrupt, len(open))
	}
	f.ballots.Each(func(k ballotKey, _ Ballot) bool {
		if p, ok := f.proposals.Get(k.proposal); err == nil && (!ok || p.Stage != icn.StageVoting) {
			err = fmt.Errorf("ballot of %s: %w: there is no open vote for it", k.voter, icn.ErrCorrupt)
		}
		return err == nil
	})
	return err
}
