package mesh

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func (f *Fold) receipt(s Step, op int, o icn.JobReceipt) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Assigned)
	if err != nil {
		return Result{}, fmt.Errorf("receipt: %w", err)
	}
	i := slices.IndexFunc(j.Runs, func(r Run) bool { return r.Executor == s.Author && r.Phase == Running })
	if i < 0 {
		return Result{}, fmt.Errorf("receipt for job %s: %w: attempt %d is %s's", o.Job, icn.ErrDenied, o.Attempt, j.Runs[0].Executor)
	}
	if o.Spec != j.Spec.CID() {
		return Result{}, fmt.Errorf("receipt for job %s: %w: it is about another program or other inputs", o.Job, icn.ErrInvalid)
	}
	if err := j.fits(o.Outcome); err != nil {
		return Result{}, fmt.Errorf("receipt for job %s: %w", o.Job, err)
	}
	j.Runs[i].Phase, j.Runs[i].Outcome = Done, o.Outcome
	if j.Of() > 1 {
		return f.conclude(s, o.Job, j, s.Statement, op), nil
	}
	if o.Outcome.Fault != icn.FaultNone {
		why := Failure{Executor: s.Author, Cause: icn.CauseProgram, Reason: faultText(o.Outcome, o.Message)}
		r := Result{Events: f.note(s, o.Job, why)}
		r.add(f.next(s, o.Job, j, why))
		return r, nil
	}
	r := f.settle(s, o.Job, j, j.Runs, settlement{s.Statement, op})
	r.add(f.keep(s, o, j))
	return r, nil
}

// fits says whether an outcome is one that the job allows.
func (j Job) fits(o icn.Outcome) error {
	if o.Spent > j.Spec.Grants.Spend {
		return fmt.Errorf("%w: it spends %d, of %d that were granted", icn.ErrInvalid, o.Spent, j.Spec.Grants.Spend)
	}
	asked := uint64(0)
	for _, x := range o.Submits {
		for _, n := range []uint64{x.Budget, x.Spec.Grants.Submit, x.Spec.Grants.Spend} {
			if n > j.Spec.Grants.Submit-asked {
				return fmt.Errorf("%w: the jobs that it posts hold more than the %d that were granted", icn.ErrInvalid, j.Spec.Grants.Submit)
			}
			asked += n
		}
	}
	if o.Transcript.Defined() && !j.Spec.Grants.Read {
		return fmt.Errorf("%w: its program asked what was not granted", icn.ErrInvalid)
	}
	for i, x := range o.Outputs {
		if !slices.Contains(j.Spec.Outputs, x.Name) || i > 0 && o.Outputs[i-1].Name >= x.Name {
			return fmt.Errorf("%w: output %q was not asked for, or is out of order", icn.ErrInvalid, icn.Fit(x.Name, 80))
		}
	}
	switch {
	case o.Fault != icn.FaultNone && (o.Spent > 0 || len(o.Submits) > 0):
		return fmt.Errorf("%w: a failed run spends and posts nothing", icn.ErrInvalid)
	case o.Fault != icn.FaultNone:
		return nil
	case !o.Output.Defined():
		return fmt.Errorf("%w: success without an output", icn.ErrInvalid)
	case len(o.Outputs) != len(j.Spec.Outputs):
		return fmt.Errorf("%w: success with %d of %d named outputs", icn.ErrInvalid, len(o.Outputs), len(j.Spec.Outputs))
	}
	return nil
}

func faultText(o icn.Outcome, message string) string {
	if o.Fault == icn.FaultExit {
		return fmt.Sprintf("the program ended with exit code %d", o.ExitCode)
	}
	if message == "" {
		return "the program failed: " + string(o.Fault)
	}
	return fmt.Sprintf("the program failed: %s: %s", o.Fault, message)
}

// settlement is the operation that settles: jobs that the program posts are named
// after it.
type settlement struct {
	statement icn.CID
	op        int
}

// settle pays those who ran the job, takes what the program spent, posts what it
// posted, and gives the rest back.
func (f *Fold) settle(s Step, id icn.CID, j Job, paid []Run, by settlement) Result {
	out := paid[0].Outcome
	r := f.end(id, j)
	told := icn.JobSettled{Job: id, Attempt: j.Attempt, Submitter: j.Submitter, Executor: paid[0].Executor, Outputs: out.Outputs, Spent: out.Spent}
	told.Output = &out.Output
	for _, p := range paid {
		r.Effects = append(r.Effects, icn.Settle{From: j.Submitter, To: p.Executor, Held: p.Price, Price: p.Price})
		told.Burnt += p.Price
		if len(paid) > 1 {
			told.Paid = append(told.Paid, icn.Payment{Executor: p.Executor, Amount: p.Price})
		}
		st := f.Standing(p.Executor)
		st.Done, st.Strikes = st.Done+1, 0
		f.standings.Put(p.Executor, st)
	}
	told.Minted = told.Burnt
	if out.Spent > 0 {
		r.Effects = append(r.Effects, icn.Burn{Account: j.Submitter, Amount: out.Spent})
	}
	if told.Released = j.Held() - told.Burnt - out.Spent; told.Released > 0 {
		r.Effects = append(r.Effects, icn.Release{Account: j.Submitter, Amount: told.Released})
	}
	var more Result
	for n, x := range out.Submits {
		child := icn.SubmittedID(by.statement, by.op, n)
		in := s
		in.Author = j.Submitter
		p, err := f.post(in, child, icn.JobPost{Via: j.Via, Budget: x.Budget, Spec: x.Spec})
		if err != nil {
			told.Dropped = append(told.Dropped, icn.Fit(err.Error(), 256))
			continue
		}
		told.Submitted = append(told.Submitted, child)
		more.add(p)
	}
	r.Events = append(r.Events, told)
	r.add(more)
	return r
}

// conclude looks at an attempt of several executors: when all have answered, those
// who agree in sufficient number are paid.
func (f *Fold) conclude(s Step, id icn.CID, j Job, statement icn.CID, op int) Result {
	if slices.ContainsFunc(j.Runs, func(r Run) bool { return r.Phase == Running }) {
		f.jobs.Put(id, j)
		return Result{Touched: []icn.CID{id}}
	}
	agreed, others := largest(j.Runs)
	if len(agreed) == 0 {
		return f.next(s, id, j, Failure{Cause: icn.CauseFailed, Reason: "none of the executors gave a result"})
	}
	var r Result
	if len(agreed) >= 2 && len(agreed) > len(others) {
		for _, x := range others {
			r.add(f.convict(s, conviction{job: id, who: x.Executor, against: executors(agreed)}))
		}
	}
	switch out := agreed[0].Outcome; {
	case len(agreed) < j.Agree():
		why := fmt.Sprintf("%d executors came to one result, %d are wanted", len(agreed), j.Agree())
		r.add(f.next(s, id, j, Failure{Cause: icn.CauseDisagree, Reason: why}))
	case out.Fault != icn.FaultNone:
		r.add(f.next(s, id, j, Failure{Cause: icn.CauseProgram, Reason: faultText(out, "")}))
	default:
		r.add(f.settle(s, id, j, agreed, settlement{statement, op}))
	}
	return r
}

// largest parts the finished runs into the most that agree, and the others. With
// two groups of one size it is that of the better offer.
func largest(runs []Run) (agreed, others []Run) {
	groups := map[icn.CID][]Run{}
	var best icn.CID
	for _, r := range runs {
		if r.Phase == Done {
			d := r.Outcome.Digest()
			groups[d] = append(groups[d], r)
		}
	}
	for _, r := range runs {
		if d := r.Outcome.Digest(); r.Phase == Done && len(groups[d]) > len(groups[best]) {
			best = d
		}
	}
	for _, r := range runs {
		if r.Phase == Done && r.Outcome.Digest() != best {
			others = append(others, r)
		}
	}
	return groups[best], others
}

func executors(runs []Run) (out []icn.DID) {
	for _, r := range runs {
		out = append(out, r.Executor)
	}
	return out
}
