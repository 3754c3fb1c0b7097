package governance

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

func (f *Fold) closeEarly(s Step, id icn.CID) (r Result, err error) {
	p, err := f.get(id, "close", icn.StageVoting)
	if err != nil {
		return r, err
	}
	v, _ := f.poll(s, id, p)
	if done, why := v.Decided(); !done {
		return r, fmt.Errorf("close %s: %w: %s; it closes by itself at the deadline", id, icn.ErrConflict, why)
	}
	r.ask(icn.ClearTimer{Name: timerName(id)})
	f.closeVote(s, &r, id, p, true)
	return r, nil
}

// closeVote counts, and lets the ballots go: the log keeps them.
func (f *Fold) closeVote(s Step, r *Result, id icn.CID, p Proposal, early bool) {
	v, mandates := f.poll(s, id, p)
	t := v.Count()
	for _, d := range v.Roll {
		f.ballots.Delete(ballotKey{id, d})
	}
	p.Count = Count{Closed: s.Index, At: s.Time, Early: early, Mandates: icn.MandatesHash(mandates), Tally: t}
	r.tell(icn.VotingClosed{Proposal: id, Early: early, Tally: t})
	if !t.Accepted {
		f.end(s, r, id, p, icn.StageRejected, t.Reason)
		return
	}
	p.Count.VetoUntil = later(s.Time, s.Rules.VetoMillis)
	wait := max(p.TimelockMillis, s.Rules.TimelockMillis, s.Rules.VetoMillis)
	f.move(s, r, id, p, icn.StageTimelock, later(s.Time, wait))
	if wait == 0 {
		r.Effects = r.Effects[:len(r.Effects)-1] // the timer
		r.ask(icn.Enact{Proposal: id, Motion: p.Motion})
	}
}

func (f *Fold) stop(s Step, o icn.ProposalVeto) (r Result, err error) {
	p, err := f.get(o.ID, "veto", icn.StageTimelock)
	switch {
	case err != nil:
		return r, err
	case !slices.Contains(f.VetoGroup(), s.Author):
		return r, fmt.Errorf("veto %s: %w: %s is not of the veto group", o.ID, icn.ErrDenied, s.Author.Short())
	case s.Time > p.Count.VetoUntil:
		return r, fmt.Errorf("veto %s: %w: the time for a veto is over", o.ID, icn.ErrConflict)
	}
	f.end(s, &r, o.ID, p, icn.StageVetoed, o.Reason)
	return r, nil
}

// thanks is what a proposal that was enacted is worth to who proposed it.
const thanks = 1

// Enacted notes what came of an enactment: why it could not be, or nil.
func (f *Fold) Enacted(s Step, id icn.CID, failed error) (r Result) {
	p, ok := f.proposals.Get(id)
	if !ok {
		return r
	}
	if failed != nil {
		f.end(s, &r, id, p, icn.StageFailed, failed.Error())
		return r
	}
	f.end(s, &r, id, p, icn.StageExecuted, p.Count.Tally.Reason)
	r.ask(icn.Grant{Account: p.Proposer, Amount: thanks, Thanks: id})
	r.tell(icn.Enacted{Proposal: id, Motion: icn.MotionJSON{Motion: p.Motion}, Difference: p.Vote.Difference.String()})
	return r
}

// Enact carries out the motions that change this fold alone.
func (f *Fold) Enact(s Step, m icn.Motion) (events []icn.EventBody, err error) {
	switch m := m.(type) {
	case icn.Declare:
		return nil, nil
	case icn.NoticeUpgrade:
		if m.Version == "" {
			return nil, fmt.Errorf("upgrade notice: %w: without a version", icn.ErrInvalid)
		}
		f.notice.Put(state.One{}, m.Version)
		return []icn.EventBody{icn.UpgradeNoticed{Version: m.Version}}, nil
	case icn.SetVetoGroup:
		was := f.VetoGroup()
		for i, d := range m.Members {
			if !s.Member(d) || slices.Contains(m.Members[:i], d) {
				return nil, fmt.Errorf("veto group: %w: %s is there twice, or no member in good standing", icn.ErrInvalid, d)
			}
		}
		f.veto.Put(state.One{}, m.Members)
		return []icn.EventBody{icn.VetoGroupChanged{Members: all(m.Members), Was: all(was)}}, nil
	case icn.Resolve:
		if len(m.Actions) == 0 {
			return nil, fmt.Errorf("resolution: %w: without an action", icn.ErrInvalid)
		}
		for _, a := range m.Actions {
			events = append(events, f.resolve(s, a))
		}
		return events, nil
	}
	return nil, fmt.Errorf("motion %s: %w: not governance's own", m.MotionKind(), icn.ErrInvalid)
}

// resolve carries out an action. A reputation is another fold's: the event says it.
func (f *Fold) resolve(s Step, a icn.Action) icn.EventBody {
	switch a.Do {
	case icn.PauseCredential:
		f.paused.Put(a.Credential, s.Index)
		return icn.CredentialPaused{Credential: a.Credential}
	case icn.ResumeCredential:
		f.paused.Delete(a.Credential)
		return icn.CredentialPaused{Credential: a.Credential, Resumed: true}
	}
	return icn.ReputationFrozen{Who: a.Who, Thawed: a.Do == icn.ThawReputation}
}

// all is a list that JSON shows as such, even without anything in it.
func all(d []icn.DID) []icn.DID {
	if d == nil {
		return []icn.DID{}
	}
	return d
}
