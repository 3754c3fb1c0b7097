package mesh_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// life is what a plain reader of the rules would know of a job.
type life struct {
	submitter, via, executor string
	budget                   uint64
	attempt                  uint32
	spec                     icn.CID
	open, assigned           bool
	due, from                icn.Time
	reserve                  []string // who else offered, best first
}

// lives are all jobs so far, beside the market.
type lives struct {
	*market
	jobs  map[icn.CID]*life
	order []icn.CID
}

func (l *lives) mayPost(who string, o icn.JobPost, via string) bool {
	open := 0
	for _, j := range l.jobs { // order: a count
		if j.open && j.submitter == who {
			open++
		}
	}
	return o.Budget > 0 && l.nodes[did(via)] && uint64(open) < l.rules.JobsPerMember && l.free[did(who)] >= int64(o.Budget)
}

// failed moves a job on as after a failed attempt.
func (l *lives) failed(j *life) {
	j.assigned, j.executor = false, ""
	if uint64(j.attempt) == l.rules.JobAttempts { // nobody declines here, so that each attempt counts
		j.open = false
		return
	}
	j.attempt++
	if len(j.reserve) > 0 {
		j.assigned, j.executor, j.reserve = true, j.reserve[0], j.reserve[1:]
		j.due = l.now + icn.Time(l.rules.JobWallMillis+l.rules.JobSlackMillis)
		return
	}
	j.due = 0 // the pause before the next auction is the fold's; agree looks at its bounds
	j.from = l.now
}

// agree compares every job with what the market knows.
func (l *lives) agree() {
	for _, id := range l.order {
		want := l.jobs[id]
		got, open := l.f.Job(id)
		require.Equal(l, want.open, open, "open")
		if !open {
			require.NotEmpty(l, l.ended[id])
			continue
		}
		require.Equal(l, want.assigned, got.Phase == mesh.Assigned)
		require.Equal(l, want.attempt, got.Attempt)
		if want.due == 0 {
			pause := l.rules.JobBackoffMillis << (got.Tries - 1)
			require.GreaterOrEqual(l, got.From, want.from+icn.Time(pause))
			require.Less(l, got.From, want.from+icn.Time(pause+pause/4))
			want.due, want.from = got.From+icn.Time(l.rules.JobAssignMillis), got.From
		}
		require.Equal(l, want.due, got.Due)
		require.Equal(l, want.executor != "", len(got.Runs) == 1 && got.Runs[0].Executor == did(want.executor))
	}
}

// TestJobsLiveByTheRules says right and wrong things in any order to the fold,
// and to a plain reader of the rules: both accept the same, and lead to the same.
func TestJobsLiveByTheRules(t *testing.T) {
	people := rapid.SampledFrom([]string{"n1", "n2", "n3", "n4", "ann", "stranger"})
	rapid.Check(t, func(t *rapid.T) {
		l := &lives{market: newMarket(t), jobs: map[icn.CID]*life{}}
		l.rules.BanAfter = 1000 // bans have tests of their own
		l.rules.JobsPerMember, l.rules.JobAttempts = 3, rapid.Uint64Range(1, 3).Draw(t, "attempts")
		// Mostly the right ones, now and then others.
		pick := func(right string) string {
			if right != "" && rapid.IntRange(0, 3).Draw(t, "right in four") > 0 {
				return right
			}
			return people.Draw(t, "who")
		}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			id, j := block("no job"), &life{}
			if len(l.order) > 0 {
				id = rapid.SampledFrom(l.order).Draw(t, "job")
				j = l.jobs[id]
			}
			attempt := j.attempt
			if rapid.IntRange(0, 7).Draw(t, "attempt") == 0 {
				attempt = rapid.Uint32Range(0, 4).Draw(t, "another attempt")
			}
			switch rapid.IntRange(0, 7).Draw(t, "operation") {
			case 0, 1:
				who, via := people.Draw(t, "submitter"), pick("n1")
				o := icn.JobPost{Via: did(via), Budget: rapid.SampledFrom([]uint64{0, 50, 100, purse}).Draw(t, "budget"), Spec: spec()}
				ok := l.mayPost(who, o, via)
				require.Equal(t, ok, l.do(who, o) == nil)
				if ok {
					id = icn.JobID(block(fmt.Sprint("statement ", l.said)), 0)
					l.jobs[id] = &life{submitter: who, via: via, budget: o.Budget, attempt: 1, spec: l.job(id).Spec.CID(), open: true,
						due: l.now + icn.Time(l.rules.JobAssignMillis)}
					l.order = append(l.order, id)
				}
			case 2, 3:
				l.sayAssign(t, id, j, attempt, pick)
			case 4:
				l.sayReceipt(t, id, j, attempt, pick)
			case 5:
				who := pick(j.executor)
				err := l.do(who, icn.JobFail{Job: id, Attempt: attempt, Executor: did(j.executor), Reason: "failed"})
				ok := j.open && j.assigned && attempt == j.attempt && (who == j.executor || who == j.via)
				require.Equal(t, ok, err == nil, "%v", err)
				if ok {
					l.failed(j)
				}
			case 6:
				who := pick(j.submitter)
				err := l.do(who, icn.JobCancel{Job: id})
				ok := j.open && who == j.submitter
				require.Equal(t, ok, err == nil, "%v", err)
				if ok {
					j.open = false
				}
			default:
				millis := rapid.SampledFrom([]uint64{1, 9_999, 10_000, 40_000}).Draw(t, "later")
				for _, x := range l.order {
					if y := l.jobs[x]; y.open && y.due <= l.now+icn.Time(millis) {
						l.now += icn.Time(millis)
						l.failed(y)
						l.now -= icn.Time(millis)
					}
				}
				l.wait(millis)
			}
			l.agree()
		}
		for range 2 * 3 { // left alone, every job ends
			l.wait(40_000)
		}
		require.Zero(t, l.f.Open())
		require.Empty(t, l.timers)
		for _, id := range l.order {
			require.NotEmpty(t, l.ended[id])
		}
	})
}

func (l *lives) sayAssign(t *rapid.T, id icn.CID, j *life, attempt uint32, pick func(string) string) {
	var offers []icn.Offer
	for _, n := range []string{"n1", "n2", "n3", "n4"} {
		if rapid.Bool().Draw(t, n+" offers") {
			offers = append(offers, offer(n, rapid.SampledFrom([]uint64{0, 20, 60, 2000}).Draw(t, "price")))
		}
	}
	known, _ := l.f.Job(id)
	executor, reserve := "nobody", []string(nil)
	able := slices.DeleteFunc(slices.Clone(offers), func(o icn.Offer) bool { return o.Price > j.budget })
	if len(able) > 0 && j.open {
		order, scores := l.f.Choose(l.step(icn.DID{}), known, able)
		for k, i := range order {
			for _, n := range []string{"n1", "n2", "n3", "n4"} {
				switch {
				case able[i].Executor != did(n):
				case k == 0:
					executor = n
				case scores[i].Excluded == "":
					reserve = append(reserve, n)
				}
			}
		}
	}
	said, who := pick(executor), pick(j.via)
	err := l.do(who, icn.JobAssign{Job: id, Attempt: attempt, Executor: did(said), Offers: offers})
	ok := j.open && !j.assigned && attempt == j.attempt && who == j.via && said == executor && executor != "nobody" && l.now >= j.from
	require.Equal(t, ok, err == nil, "%v", err)
	if ok {
		j.assigned, j.executor, j.reserve = true, executor, reserve
		j.due = l.now + icn.Time(l.rules.JobWallMillis+l.rules.JobSlackMillis)
	}
}

func (l *lives) sayReceipt(t *rapid.T, id icn.CID, j *life, attempt uint32, pick func(string) string) {
	r := icn.JobReceipt{Job: id, Attempt: attempt, Spec: j.spec, Outcome: icn.Outcome{Output: block("output")}}
	fits := true
	switch rapid.IntRange(0, 7).Draw(t, "receipt") {
	case 0:
		r.Outcome.Fault = icn.FaultTrap
	case 1:
		r.Spec, fits = block("another program"), false
	case 2:
		r.Outcome.Output, fits = icn.CID{}, false
	}
	who := pick(j.executor)
	paid := l.minted
	err := l.do(who, r)
	ok := j.open && j.assigned && attempt == j.attempt && who == j.executor && fits
	require.Equal(t, ok, err == nil, "%v", err)
	require.False(t, errors.Is(err, errBroke))
	switch {
	case !ok || r.Outcome.Fault != icn.FaultNone:
		require.Equal(t, paid, l.minted, "nothing is paid without a result")
		if ok {
			l.failed(j)
		}
	default:
		j.open = false
	}
}
