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
	due                      icn.Time
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
	if uint64(j.attempt) == l.rules.JobAttempts {
		j.open = false
		return
	}
	j.attempt++
	j.due = l.now + icn.Time(l.rules.JobAssignMillis)
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
		require.Equal(l, want.due, got.Due)
		require.Equal(l, want.executor != "", got.Executor == did(want.executor))
	}
}

// TestJobsLiveByTheRules says right and wrong things in any order to the fold,
// and to a plain reader of the rules: both accept the same, and lead to the same.
func TestJobsLiveByTheRules(t *testing.T) {
	people := rapid.SampledFrom([]string{"n1", "n2", "n3", "n4", "ann", "stranger"})
	rapid.Check(t, func(t *rapid.T) {
		l := &lives{market: newMarket(t), jobs: map[icn.CID]*life{}}
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
				err := l.do(who, icn.JobFail{Job: id, Attempt: attempt, Reason: "failed"})
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
	executor := "nobody"
	able := slices.DeleteFunc(slices.Clone(offers), func(o icn.Offer) bool { return o.Price > j.budget })
	if len(able) > 0 && j.open {
		win, _ := mesh.Choose(known, able, everybody)
		for _, n := range []string{"n1", "n2", "n3", "n4"} {
			if able[win].Executor == did(n) {
				executor = n
			}
		}
	}
	said, who := pick(executor), pick(j.via)
	err := l.do(who, icn.JobAssign{Job: id, Attempt: attempt, Executor: did(said), Offers: offers})
	ok := j.open && !j.assigned && attempt == j.attempt && who == j.via && said == executor && len(able) > 0
	require.Equal(t, ok, err == nil, "%v", err)
	if ok {
		j.assigned, j.executor = true, executor
		j.due = l.now + icn.Time(l.rules.JobWallMillis+l.rules.JobSlackMillis)
	}
}

func (l *lives) sayReceipt(t *rapid.T, id icn.CID, j *life, attempt uint32, pick func(string) string) {
	r := icn.JobReceipt{Job: id, Attempt: attempt, Spec: j.spec, Output: block("output")}
	fits := true
	switch rapid.IntRange(0, 7).Draw(t, "receipt") {
	case 0:
		r.Fault = icn.FaultTrap
	case 1:
		r.Spec, fits = block("another program"), false
	case 2:
		r.Output, fits = icn.CID{}, false
	}
	who := pick(j.executor)
	paid := l.minted
	err := l.do(who, r)
	ok := j.open && j.assigned && attempt == j.attempt && who == j.executor && fits
	require.Equal(t, ok, err == nil, "%v", err)
	require.False(t, errors.Is(err, errBroke))
	switch {
	case !ok || r.Fault != icn.FaultNone:
		require.Equal(t, paid, l.minted, "nothing is paid without a result")
		if ok {
			l.failed(j)
		}
	default:
		j.open = false
	}
}
