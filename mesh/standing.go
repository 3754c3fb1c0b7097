package mesh

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Standing is what the log tells of a node as an executor.
type Standing struct {
	Open        uint64   `json:"open"`         // runs that it has now
	Last        uint64   `json:"last_entry"`   // when it last got one
	Strikes     uint64   `json:"strikes"`      // failures since its last result
	BannedUntil icn.Time `json:"banned_until"` // 0 = it is not
	Done        uint64   `json:"done"`
	Failed      uint64   `json:"failed"`
	Unanswered  uint64   `json:"unanswered"`
	Declined    uint64   `json:"declined"`
	Gone        uint64   `json:"gone"`
	Faults      uint64   `json:"program_faults"`
	Convicted   uint64   `json:"convicted"`
}

// Banned says whether it gets no jobs at this time.
func (s Standing) Banned(now icn.Time) bool { return s.BannedUntil > now }

// Standing returns what is known of an executor.
func (f *Fold) Standing(d icn.DID) Standing {
	s, _ := f.standings.Get(d)
	return s
}

// Standings calls fn for every executor that is known, in the order of DIDs.
func (f *Fold) Standings(fn func(icn.DID, Standing) bool) { f.standings.Each(fn) }

// Profile is what a node offers, and whether it has said so.
func (f *Fold) Profile(d icn.DID) (icn.NodeProfile, bool) { return f.profiles.Get(d) }

func (f *Fold) profile(s Step, o icn.NodeProfile) (Result, error) {
	if !s.IsNode(s.Author) {
		return Result{}, fmt.Errorf("profile: %w: %s is not a node of this federation", icn.ErrDenied, s.Author)
	}
	f.profiles.Put(s.Author, o)
	return Result{Events: []icn.EventBody{icn.ProfileChanged{Node: s.Author, Profile: o}}}, nil
}

// note writes a failure down. What is the executor's own doing is a strike, and
// enough of them in a row are a ban.
func (f *Fold) note(s Step, job icn.CID, why Failure) []icn.EventBody {
	st := f.Standing(why.Executor)
	strike := false
	switch why.Cause {
	case icn.CauseFailed:
		st.Failed, strike = st.Failed+1, true
	case icn.CauseUnanswered:
		st.Unanswered, strike = st.Unanswered+1, true
	case icn.CauseDeclined:
		st.Declined++
	case icn.CauseGone, icn.CauseLeft: // the word of the node that assigned, or a farewell: it bans nobody
		st.Gone++
	case icn.CauseProgram:
		st.Faults++
	}
	var events []icn.EventBody
	if strike {
		if st.Strikes++; st.Strikes >= s.Rules.BanAfter {
			st.BannedUntil, st.Strikes = later(s.Time, s.Rules.BanMillis), 0
			events = append(events, icn.ExecutorBanned{Executor: why.Executor, Until: st.BannedUntil, Job: job,
				Reason: fmt.Sprintf("%d failures in a row; the last: %s", s.Rules.BanAfter, why.Reason)})
		}
	}
	f.standings.Put(why.Executor, st)
	return events
}

func (f *Fold) lift(s Step, o icn.BanLift) (Result, error) {
	if !s.IsClerk(s.Author) {
		return Result{}, fmt.Errorf("lift ban: %w: only a clerk of the federation may; ask one of them", icn.ErrDenied)
	}
	st := f.Standing(o.Executor)
	if !st.Banned(s.Time) {
		return Result{}, fmt.Errorf("lift ban: %w: %s is not banned", icn.ErrNotFound, o.Executor)
	}
	st.BannedUntil, st.Strikes = 0, 0
	f.standings.Put(o.Executor, st)
	return Result{Events: []icn.EventBody{icn.BanLifted{Executor: o.Executor}}}, nil
}

// conviction is a node's wrong word about a run, and who stands against it.
type conviction struct {
	job     icn.CID
	who     icn.DID
	against []icn.DID
	to      icn.DID // who paid for it, or zero
	paid    uint64
}

// convict bans a node whose result nobody else finds, and takes back what it was
// paid for it.
func (f *Fold) convict(s Step, c conviction) Result {
	st := f.Standing(c.who)
	st.Convicted, st.Strikes = st.Convicted+1, 0
	st.BannedUntil = max(st.BannedUntil, later(s.Time, s.Rules.ConvictedMillis))
	f.standings.Put(c.who, st)
	told := icn.ExecutorConvicted{Job: c.job, Executor: c.who, Against: c.against}
	var r Result
	if c.paid > 0 {
		r.Effects = append(r.Effects, icn.Refund{Job: c.job, From: c.who, To: c.to, Amount: c.paid})
	}
	r.Events = []icn.EventBody{told, icn.ExecutorBanned{Executor: c.who, Until: st.BannedUntil, Job: c.job, Reason: "its result of a job is not what others find"}}
	return r
}

// Check says whether the executors' runs are those of the open jobs, and the
// submitters' counts those of theirs.
func (f *Fold) Check() error {
	open, counts := map[icn.DID]uint64{}, map[icn.DID]uint64{}
	f.jobs.Each(func(_ icn.CID, j Job) bool {
		counts[j.Submitter]++
		for _, r := range j.Runs {
			open[r.Executor]++
		}
		return true
	})
	var err error
	f.standings.Each(func(d icn.DID, s Standing) bool {
		if s.Open != open[d] {
			err = fmt.Errorf("executor %s: %w: %d runs, open jobs name %d", d, icn.ErrCorrupt, s.Open, open[d])
		}
		delete(open, d)
		return err == nil
	})
	f.counts.Each(func(d icn.DID, n uint64) bool {
		if err == nil && n != counts[d] {
			err = fmt.Errorf("submitter %s: %w: %d open jobs, counted as %d", d, icn.ErrCorrupt, counts[d], n)
		}
		delete(counts, d)
		return err == nil
	})
	if err == nil && len(open)+len(counts) > 0 {
		err = fmt.Errorf("open jobs: %w: executors or submitters are not counted", icn.ErrCorrupt)
	}
	return err
}
