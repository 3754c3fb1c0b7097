// Package reputation is the fold that keeps what nodes have earned by running
// jobs: a number from 0 to 100 points that begins at 50, rises with each paid
// result, falls with broken promises, and forgets: day by day it drifts back
// towards 50.
//
// The invariant it keeps: it follows from the federation's events alone, by
// [Fold.See], so that anybody who reads them comes to the same number and can say
// why. Nothing that a node tells of itself raises it.
//
// A vote can freeze a reputation: as long as it is frozen it counts for nothing. What
// happens meanwhile is noted, and counts when it is thawed.
//
// It decides nothing: who is chosen for a job, and how fast capacity grows, is said
// elsewhere.
//
//	f := reputation.New(db)
//	changes := f.See(step, event)
//	points := f.At(did, now, rules) / 1000
package reputation

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Everything is counted in thousandths of a point.
const (
	Point = 1000
	Most  = 100 * Point
	Start = 50 * Point
)

// What things count for.
const (
	forResult     = Point / 2
	forFailure    = -2 * Point
	forSilence    = -3 * Point
	forConviction = -40 * Point
	forProposal   = Point
)

// Score is a reputation as of the time At.
type Score struct {
	Value uint64
	At    icn.Time
	Rem   uint64   // part of a thousandth that was forgotten, in thousandths a day × ms
	Tier  icn.Tier // of the account, as it was told last
}

// Fold is the state of the reputations.
type Fold struct {
	scores *state.Table[icn.DID, Score]
	frozen *state.Table[icn.DID, bool] // true, or no row
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	return &Fold{
		scores: state.NewTable(db, state.Spec[icn.DID, Score]{
			Name: "reputation", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendScore, Read: readScore}),
		frozen: state.NewTable(db, state.Spec[icn.DID, bool]{
			Name: "frozen", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendBool, Read: readFrozen}),
	}
}

// Change is a step of somebody's reputation.
type Change struct {
	Who    icn.DID
	By     int64 // in thousandths; the bounds of the scale may have swallowed part of it
	Value  uint64
	Reason string
	Tier   icn.Tier
	Turned bool // the tier is another one than before
	frost  frost
}

// frost is what a vote does to a reputation.
type frost uint8

const (
	nothing frost = iota
	freezes
	thaws
)

// FrozenOnes calls fn for each whose reputation counts for nothing, in the order of
// DIDs.
func (f *Fold) FrozenOnes(fn func(icn.DID) bool) {
	f.frozen.Each(func(d icn.DID, _ bool) bool { return fn(d) })
}

// Frozen says whether d's reputation counts for nothing.
func (f *Fold) Frozen(d icn.DID) bool {
	_, ok := f.frozen.Get(d)
	return ok
}

// At is a reputation at time now, in thousandths; 0 while it is frozen.
func (f *Fold) At(d icn.DID, now icn.Time, r icn.Rules) uint64 {
	if f.Frozen(d) {
		return 0
	}
	s, ok := f.scores.Get(d)
	if !ok {
		return Start
	}
	return s.faded(now, r).Value
}

// Each calls fn for each who has one, in the order of DIDs.
func (f *Fold) Each(fn func(icn.DID, Score) bool) { f.scores.Each(fn) }

const dayMillis = 24 * 3_600_000

// faded is the score at time now: as far back towards the beginning as the rules
// say. Looking often gains and loses nothing.
func (s Score) faded(now icn.Time, r icn.Rules) Score {
	if now <= s.At {
		return s
	}
	// A span of 2^53 ms and a rate within the scale stay below 2^64.
	passed := min(uint64(now-s.At), 1<<40)*min(r.ReputationDecay, Most) + s.Rem
	s.At, s.Rem = now, passed%dayMillis
	step := passed / dayMillis
	switch {
	case s.Value > Start:
		s.Value -= min(step, s.Value-Start)
	case s.Value < Start:
		s.Value += min(step, Start-s.Value)
	}
	if s.Value == Start {
		s.Rem = 0
	}
	return s
}

// See takes an event in, and returns whose reputation it changed.
func (f *Fold) See(now icn.Time, r icn.Rules, e icn.EventBody) []Change {
	out := causes(e)
	for i, c := range out {
		switch c.frost {
		case freezes:
			f.frozen.Put(c.Who, true)
		case thaws:
			f.frozen.Delete(c.Who)
		}
		s, ok := f.scores.Get(c.Who)
		if !ok {
			s = Score{Value: Start, At: now}
		}
		f.scores.Put(c.Who, s.change(now, r, &out[i], f.Frozen(c.Who)))
	}
	return out
}

// Turn goes over to other rules: what was forgotten until now goes by the old ones,
// and the tiers by the new ones. It returns those whose tier has turned.
func (f *Fold) Turn(now icn.Time, was, is icn.Rules) []Change {
	var out []Change
	f.scores.Each(func(d icn.DID, s Score) bool {
		c := Change{Who: d, Reason: "the rules changed"}
		f.scores.Put(d, s.faded(now, was).change(now, is, &c, f.Frozen(d)))
		if c.Turned {
			out = append(out, c)
		}
		return true
	})
	return out
}

// Statement is one reputation as events tell it: the same arithmetic as the fold's.
type Statement struct {
	Who    icn.DID
	score  Score
	known  bool
	frozen bool
}

// See takes an event in, under the rules before it.
func (s *Statement) See(now icn.Time, r icn.Rules, e icn.EventBody) {
	if _, ok := e.(icn.RuleChanged); ok && s.known {
		s.score = s.score.faded(now, r)
	}
	for _, c := range causes(e) {
		if c.Who != s.Who {
			continue
		}
		if !s.known {
			s.score, s.known = Score{Value: Start, At: now}, true
		}
		s.frozen = c.frost == freezes || s.frozen && c.frost != thaws
		s.score = s.score.change(now, r, &c, s.frozen)
	}
}

// Until is the reputation at a time when nothing more has happened, in thousandths.
func (s *Statement) Until(now icn.Time, r icn.Rules) uint64 {
	switch {
	case s.frozen:
		return 0
	case !s.known:
		return Start
	}
	return s.score.faded(now, r).Value
}

// causes says whose reputation an event changes, by how much, and why.
func causes(e icn.EventBody) []Change {
	var out []Change
	note := func(d icn.DID, by int64, why string) { out = append(out, Change{Who: d, By: by, Reason: why}) }
	switch e := e.(type) {
	case icn.JobSettled:
		switch {
		case len(e.Paid) > 0:
			for _, p := range e.Paid {
				if p.Executor != e.Submitter {
					note(p.Executor, forResult, "a result that was paid")
				}
			}
		case e.Executor != e.Submitter: // nobody earns a name by working for themselves
			note(e.Executor, forResult, "a result that was paid")
		}
	case icn.AttemptFailed:
		if e.Executor == nil {
			break
		}
		switch e.Cause {
		case icn.CauseFailed:
			note(*e.Executor, forFailure, "it failed to run a job")
		case icn.CauseUnanswered:
			note(*e.Executor, forSilence, "it took a job and did not answer")
		}
	case icn.RunFailed:
		note(e.Executor, forFailure, "it gave no result for a job that several ran")
	case icn.ExecutorConvicted:
		note(e.Executor, forConviction, "its result is not what others found")
	case icn.ProposerThanked:
		note(e.Account, forProposal, "a proposal of theirs was enacted")
	case icn.ReputationFrozen:
		c := Change{Who: e.Who, Reason: "a vote froze it: it counts for nothing", frost: freezes}
		if e.Thawed {
			c.Reason, c.frost = "a vote thawed it", thaws
		}
		out = append(out, c)
	}
	return out
}

// change is the score after a change, which is told what came of it.
func (s Score) change(now icn.Time, r icn.Rules, c *Change, frozen bool) Score {
	s = s.faded(now, r)
	if c.By < 0 {
		s.Value -= min(uint64(-c.By), s.Value)
	} else {
		s.Value = min(s.Value+uint64(c.By), Most)
	}
	if c.Value = s.Value; frozen {
		c.Value = 0
	}
	c.Tier = tier(c.Value, r)
	c.Turned = c.Tier != s.Tier
	s.Tier = c.Tier
	return s
}

func tier(value uint64, r icn.Rules) icn.Tier {
	switch {
	case value < r.TierLow*Point:
		return icn.TierLow
	case value >= r.TierHigh*Point:
		return icn.TierHigh
	}
	return icn.TierNormal
}

func appendScore(b []byte, s Score) []byte {
	b = icn.AppendTime(icn.AppendUint(icn.AppendArray(b, 4), s.Value), s.At)
	return icn.AppendUint(icn.AppendUint(b, s.Rem), uint64(s.Tier))
}

func readScore(r *icn.Reader) Score {
	r.Tuple(4)
	return Score{Value: r.Uint(), At: r.Time(), Rem: r.Uint(), Tier: icn.Tier(r.Uint())}
}

func readFrozen(r *icn.Reader) bool {
	v := r.Bool()
	if !v {
		r.Fail("a reputation that is not frozen has no row")
	}
	return v
}
