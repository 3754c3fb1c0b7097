package trace

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// trial is an attempt at a job.
type trial struct {
	job     icn.CID
	attempt uint32
}

// offer is a bid as it came in.
type offer struct {
	at       time.Time
	executor icn.DID
	pass     bool
	price    uint64
}

// attempt is one under way, of a job that this node assigns.
type attempt struct {
	number uint32
	from   time.Time
	offer  time.Time // since when offers are awaited; zero: an executor was chosen
	says   []attribute.KeyValue
	saw    []happening
}

// answered is a run of this node that is over.
type answered struct {
	attempt uint32
	via     icn.DID
	at      time.Time
}

// Submitted notes when a job was handed in here. It becomes a span when the log has it.
func (t *Tracer) Submitted(job icn.CID, at time.Time) {
	if t.follows(job) {
		t.submitted.Add(job, at)
	}
}

// Offered notes an offer for a job that this node assigns.
func (t *Tracer) Offered(b *icn.Bid) {
	if !t.follows(b.Job) {
		return
	}
	t.bidding.Lock()
	defer t.bidding.Unlock()
	at := trial{b.Job, b.Attempt}
	got, _ := t.offers.Get(at)
	if len(got) < icn.MaxOffers {
		t.offers.Add(at, append(got, offer{time.Now(), b.Executor, b.Pass, b.Price}))
	}
}

// bids are the offers for an attempt, as they came; they are forgotten then.
func (t *Tracer) bids(at trial) (out []happening) {
	t.bidding.Lock()
	got, _ := t.offers.Get(at)
	t.offers.Remove(at)
	t.bidding.Unlock()
	for _, o := range got {
		out = append(out, happening{"bid", o.at, []attribute.KeyValue{
			attribute.String("icn.executor", o.executor.String()), attribute.Bool("icn.pass", o.pass), attribute.Int64("icn.price", int64(o.price))}})
	}
	return out
}

// Resume takes up an attempt at a job that this node assigns and that began before the
// tracer did.
func (t *Tracer) Resume(job icn.CID, number uint32, assigned bool) {
	if !t.follows(job) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok := t.attempts.Get(job); ok && a.number == number {
		return
	}
	a := &attempt{number: number, from: time.Now(), says: []attribute.KeyValue{attribute.Bool("icn.resumed", true)}}
	if !assigned {
		a.offer = a.from
	}
	t.attempts.Add(job, a)
}

// Saw takes events of the federation's log, as they are applied here.
func (t *Tracer) Saw(events []icn.Event) {
	if t == nil {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		fresh := e.Time >= t.since
		switch b := e.Body.(type) {
		case icn.JobPosted:
			if fresh && b.Via == t.cfg.Node && t.follows(b.Job) {
				t.posted(b, now)
			}
		case icn.JobAssigned:
			t.assigned(b, now)
		case icn.RunFailed:
			t.runFailed(b, now)
		case icn.AttemptFailed:
			t.attemptFailed(b, e.Time, now)
		case icn.JobSettled:
			t.settled(b, now)
		case icn.JobCancelled:
			t.cancelled(b, now)
		case icn.JobRolledBack:
			t.rolledBack(b, now)
		case icn.CheckOpened:
			if fresh && b.Checker == t.cfg.Node && t.follows(b.Job) {
				t.check(b.Job, now)
			}
		case icn.CheckEnded:
			t.checked(b, now)
		}
	}
}

func (t *Tracer) here(job icn.CID, attempt uint32, step string) place {
	return place{job: job, attempt: attempt, step: step, node: t.cfg.Node}
}

func (t *Tracer) posted(b icn.JobPosted, now time.Time) {
	from, ok := t.submitted.Get(b.Job)
	if !ok {
		from = now // a program posted it, or somebody before this node's restart
	}
	t.submitted.Remove(b.Job)
	t.tell(span{at: t.here(b.Job, 0, stepSubmit), kind: otel.SpanKindServer, from: from, to: now, says: []attribute.KeyValue{attribute.Int64("icn.held", int64(b.Held))}})
	t.attempts.Add(b.Job, &attempt{number: 1, from: now, offer: now})
}

// under is the attempt under way that an event is about, if this node assigns the job.
func (t *Tracer) under(job icn.CID, number uint32) *attempt {
	if a, ok := t.attempts.Get(job); ok && (number == 0 || a.number == number) {
		return a
	}
	return nil
}

func (t *Tracer) assigned(b icn.JobAssigned, now time.Time) {
	a := t.under(b.Job, b.Attempt)
	if a == nil {
		return
	}
	who := b.Executors
	if len(who) == 0 {
		who = []icn.DID{b.Executor}
	}
	chosen := []attribute.KeyValue{attribute.StringSlice("icn.executors", texts(who)), attribute.Int64("icn.price", int64(b.Price))}
	a.says = append(a.says, chosen...)
	if b.Next {
		a.offer = time.Time{}
		a.says = append(a.says, attribute.Bool("icn.next_best", true))
	}
	t.endOffer(b.Job, a, now, chosen, "")
}

// endOffer ends the step in which an executor was looked for, if it is on.
func (t *Tracer) endOffer(job icn.CID, a *attempt, now time.Time, says []attribute.KeyValue, failed string) {
	bids := t.bids(trial{job, a.number})
	if a.offer.IsZero() {
		return
	}
	up := t.here(job, a.number, stepAttempt)
	t.tell(span{at: t.here(job, a.number, stepOffer), under: &up, from: a.offer, to: now, says: says, saw: bids, failed: failed})
	a.offer = time.Time{}
}

// endAttempt ends an attempt at a job that this node assigns.
func (t *Tracer) endAttempt(job icn.CID, a *attempt, now time.Time, outcome, failed string) {
	t.endOffer(job, a, now, nil, failed)
	says := append(a.says, attribute.String("icn.outcome", outcome))
	t.tell(span{at: t.here(job, a.number, stepAttempt), under: root(job, t.cfg.Node), from: a.from, to: now, says: says, saw: a.saw, failed: failed})
}

func (t *Tracer) runFailed(b icn.RunFailed, now time.Time) {
	if a := t.under(b.Job, b.Attempt); a != nil {
		a.saw = append(a.saw, happening{"run failed", now, []attribute.KeyValue{attribute.String("icn.executor", b.Executor.String())}})
	}
	if b.Executor == t.cfg.Node {
		t.endReceipt(b.Job, b.Attempt, now, "failed", "the run failed")
	}
}

func (t *Tracer) attemptFailed(b icn.AttemptFailed, at icn.Time, now time.Time) {
	t.endReceipt(b.Job, b.Attempt, now, "failed", "the attempt failed: "+string(b.Cause))
	a := t.under(b.Job, b.Attempt)
	if a == nil {
		return
	}
	a.says = append(a.says, attribute.String("icn.cause", string(b.Cause)))
	t.endAttempt(b.Job, a, now, "failed", "the attempt failed: "+string(b.Cause))
	next := &attempt{number: b.Attempt + 1, from: now, offer: now}
	if b.Next > at {
		next.says = []attribute.KeyValue{attribute.Int64("icn.backoff_ms", int64(b.Next-at))}
	}
	t.attempts.Add(b.Job, next)
}

func (t *Tracer) settled(b icn.JobSettled, now time.Time) {
	t.endReceipt(b.Job, b.Attempt, now, "settled", "")
	if a := t.under(b.Job, b.Attempt); a != nil {
		a.says = append(a.says, attribute.Int64("icn.burnt", int64(b.Burnt)))
		if len(b.Submitted) > 0 {
			a.says = append(a.says, attribute.StringSlice("icn.submitted", texts(b.Submitted)))
		}
		t.endAttempt(b.Job, a, now, "settled", "")
	}
	t.forget(b.Job)
}

func (t *Tracer) cancelled(b icn.JobCancelled, now time.Time) {
	t.endReceipt(b.Job, 0, now, "cancelled", "")
	if a := t.under(b.Job, 0); a != nil {
		t.endAttempt(b.Job, a, now, "cancelled", "")
	}
	t.forget(b.Job)
}

// rolledBack follows the failure of the last attempt, in the same entry: the attempt
// that began with it never was one.
func (t *Tracer) rolledBack(b icn.JobRolledBack, now time.Time) {
	if t.under(b.Job, 0) != nil {
		t.tell(span{at: t.here(b.Job, 0, stepBack), under: root(b.Job, t.cfg.Node), from: now, to: now,
			says: []attribute.KeyValue{attribute.Int64("icn.attempts", int64(b.Attempts))}, failed: "the job was rolled back: its attempts are spent"})
	}
	t.forget(b.Job)
}

func (t *Tracer) forget(job icn.CID) {
	t.attempts.Remove(job)
	t.receipts.Remove(job)
}

// endReceipt ends the step that follows a run of this node. Attempt 0 stands for
// whichever it was.
func (t *Tracer) endReceipt(job icn.CID, number uint32, now time.Time, outcome, failed string) {
	r, ok := t.receipts.Get(job)
	if !ok || number != 0 && r.attempt != number {
		return
	}
	t.receipts.Remove(job)
	t.tell(span{at: t.here(job, r.attempt, stepReceipt), under: &place{job: job, attempt: r.attempt, step: stepAttempt, node: r.via}, from: r.at, to: now,
		says: []attribute.KeyValue{attribute.String("icn.outcome", outcome)}, failed: failed})
}

// checking is a settled job that this node runs again.
type checking struct {
	from time.Time
	via  icn.DID // zero: the run has not begun
}

// check is the one of a job, from its beginning.
func (t *Tracer) check(job icn.CID, now time.Time) *checking {
	c, ok := t.checks.Get(job)
	if !ok {
		c = &checking{from: now}
		t.checks.Add(job, c)
	}
	return c
}

func (t *Tracer) checked(b icn.CheckEnded, now time.Time) {
	c, ok := t.checks.Get(b.Job)
	t.checks.Remove(b.Job)
	if !ok || c.via.IsZero() {
		return
	}
	failed := ""
	if b.Result == "mismatch" {
		failed = "running the job again led to another result"
	}
	t.tell(span{at: t.here(b.Job, 0, stepCheck), under: root(b.Job, c.via), from: c.from, to: now, failed: failed,
		says: []attribute.KeyValue{attribute.String("icn.result", b.Result), attribute.String("icn.executor", b.Executor.String())}})
}

func texts[T interface{ String() string }](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.String()
	}
	return out
}
