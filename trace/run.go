package trace

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Run follows a run on this node. Its methods are for one goroutine; they do nothing
// on a nil one, which is a run of a job that is not traced.
type Run struct {
	t     *Tracer
	at    place
	under place
	from  time.Time
	steps []span
	in    [2]time.Time // since when the program runs, until when
}

// Run begins to follow a run of an attempt. Attempt 0 is a settled job that is run
// again. What its steps were is told when it ends.
func (t *Tracer) Run(job icn.CID, attempt uint32, via icn.DID) *Run {
	if !t.follows(job) {
		return nil
	}
	r := &Run{t: t, at: t.here(job, attempt, stepRun), from: time.Now()}
	if attempt > 0 {
		r.under = place{job: job, attempt: attempt, step: stepAttempt, node: via}
		return r
	}
	r.under = t.here(job, 0, stepCheck)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.check(job, r.from).via = via
	return r
}

// Audit begins to follow the run of a settled job that somebody asked this node for,
// beside the log.
func (t *Tracer) Audit(job icn.CID, via icn.DID) *Run {
	if !t.follows(job) {
		return nil
	}
	r := &Run{t: t, at: t.here(job, 0, stepAudit), under: *root(job, via), from: time.Now()}
	r.at.once = r.from.UnixNano()
	return r
}

// Input notes that the inputs are fetched; what it returns, that they are here.
func (r *Run) Input() func(error) { return r.step(stepInput) }

// Program notes that the program is fetched; what it returns, that it is here.
func (r *Run) Program() func(error) { return r.step(stepProgram) }

func (r *Run) step(name string) func(error) {
	if r == nil {
		return func(error) {}
	}
	s := span{at: r.below(name), under: &r.at, from: time.Now()}
	return func(err error) {
		s.to = time.Now()
		if err != nil {
			s.failed = "it was not to be had"
		}
		r.steps = append(r.steps, s)
	}
}

// below is a step of this run.
func (r *Run) below(name string) place {
	p := r.at
	p.step = name
	return p
}

// Enter notes that the program runs from here on.
func (r *Run) Enter() {
	if r != nil {
		r.in[0] = time.Now()
	}
}

// Leave notes that it does no longer.
func (r *Run) Leave() {
	if r != nil {
		r.in[1] = time.Now()
	}
}

// End tells the run: what it came to, or why it came to nothing. What an error says is
// not told, since it may name what the program was given.
func (r *Run) End(rc icn.JobReceipt, err error) {
	if r == nil {
		return
	}
	now, failed := time.Now(), failure(rc.Outcome, err)
	for _, s := range r.steps {
		r.t.tell(s)
	}
	if !r.in[0].IsZero() && !r.in[1].IsZero() {
		r.t.tell(span{at: r.below(stepExecute), under: &r.at, from: r.in[0], to: r.in[1], failed: failed, says: []attribute.KeyValue{
			attribute.Int64("icn.gas", int64(rc.Outcome.Gas)), attribute.Int64("icn.exit_code", int64(rc.Outcome.ExitCode)), attribute.String("icn.fault", string(rc.Outcome.Fault)),
			attribute.Int64("icn.memory_denied", int64(rc.MemDenied)), attribute.Int64("icn.table_denied", int64(rc.TblDenied))}})
	}
	r.t.tell(span{at: r.at, under: &r.under, from: r.from, to: now, failed: failed})
	if r.at.attempt > 0 {
		r.t.receipts.Add(r.at.job, &answered{r.at.attempt, r.under.node, now})
	}
}

// failure is why a run gave no result, in words that tell nothing of its program.
func failure(o icn.Outcome, err error) string {
	switch {
	case err != nil:
		return "this node could not run it to its end"
	case o.Fault != icn.FaultNone:
		return "the program failed: " + string(o.Fault)
	}
	return ""
}
