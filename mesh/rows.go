package mesh

import "github.com/InterCooperative-Network/icn-core/icn"

func appendJob(b []byte, j Job) []byte {
	b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 16), j.Submitter), j.Via)
	b = j.Spec.Append(icn.AppendUint(b, j.Budget))
	b = icn.AppendUint(icn.AppendTime(b, j.PostedAt), uint64(j.Phase))
	b = icn.AppendUint(icn.AppendUint(b, uint64(j.Attempt)), uint64(j.Tries))
	b = icn.AppendArray(b, len(j.Runs))
	for _, r := range j.Runs {
		b = icn.AppendUint(icn.AppendUint(icn.AppendDID(icn.AppendArray(b, 4), r.Executor), r.Price), uint64(r.Phase))
		b = r.Outcome.Append(b)
	}
	b = icn.AppendArray(b, len(j.Reserve))
	for _, o := range j.Reserve {
		b = o.Append(b)
	}
	b = icn.AppendTime(icn.AppendTime(b, j.From), j.Due)
	b = icn.AppendUint(icn.AppendCID(icn.AppendCID(b, j.State), j.Began), j.Given)
	b = icn.AppendArray(b, len(j.Failures))
	for _, f := range j.Failures {
		b = icn.AppendDID(icn.AppendArray(b, 3), f.Executor)
		b = icn.AppendText(icn.AppendText(b, string(f.Cause)), f.Reason)
	}
	return b
}

func readJob(r *icn.Reader) Job {
	r.Tuple(16)
	j := Job{Submitter: r.DID(), Via: r.DID(), Budget: r.Uint(), Spec: icn.ReadJobSpec(r), PostedAt: r.Time(), Phase: Phase(r.Uint()),
		Attempt: r.Uint32(), Tries: r.Uint32()}
	for range r.Array(icn.MaxCopies) {
		r.Tuple(4)
		x := Run{Executor: r.DID(), Price: r.Uint(), Phase: RunPhase(r.Uint()), Outcome: icn.ReadOutcome(r)}
		if r.Err() != nil {
			return j
		}
		j.Runs = append(j.Runs, x)
	}
	for range r.Array(reserves) {
		j.Reserve = append(j.Reserve, icn.ReadOffer(r))
	}
	j.From, j.Due, j.State, j.Began, j.Given = r.Time(), r.Time(), r.CID(), r.CID(), r.Uint()
	for range r.Array(1000) {
		r.Tuple(3)
		j.Failures = append(j.Failures, Failure{Executor: r.DID(), Cause: icn.Cause(r.Text(16)), Reason: r.Text(1024)})
		if r.Err() != nil {
			break
		}
	}
	return j
}

func readProfile(r *icn.Reader) icn.NodeProfile {
	r.Tuple(6)
	return icn.ReadNodeProfile(r)
}

// numbers lists a standing's counters in wire order.
func (s *Standing) numbers() []*uint64 {
	return []*uint64{&s.Open, &s.Last, &s.Strikes, &s.Done, &s.Failed, &s.Unanswered, &s.Declined, &s.Gone, &s.Faults, &s.Convicted}
}

func appendStanding(b []byte, s Standing) []byte {
	n := s.numbers()
	b = icn.AppendTime(icn.AppendArray(b, 1+len(n)), s.BannedUntil)
	for _, x := range n {
		b = icn.AppendUint(b, *x)
	}
	return b
}

func readStanding(r *icn.Reader) (s Standing) {
	n := s.numbers()
	r.Tuple(1 + len(n))
	s.BannedUntil = r.Time()
	for _, x := range n {
		*x = r.Uint()
	}
	return s
}

func appendCheck(b []byte, c Check) []byte {
	b = icn.AppendDID(icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 13), c.Submitter), c.Via), c.Executor)
	b = icn.AppendTime(c.Spec.Append(icn.AppendUint(b, c.Price)), c.PostedAt)
	b = icn.AppendUint(icn.AppendUint(icn.AppendCID(b, c.Began), c.Given), uint64(c.ABI))
	b = icn.AppendTime(icn.AppendCID(b, c.Outcome), c.Due)
	b = icn.AppendArray(b, len(c.Named))
	for _, d := range c.Named {
		b = icn.AppendDID(b, d)
	}
	b = icn.AppendArray(b, len(c.Verdicts))
	for _, v := range c.Verdicts {
		b = icn.AppendCID(icn.AppendDID(icn.AppendArray(b, 2), v.By), v.Outcome)
	}
	return b
}

func readCheck(r *icn.Reader) Check {
	r.Tuple(13)
	c := Check{Submitter: r.DID(), Via: r.DID(), Executor: r.DID(), Price: r.Uint(), Spec: icn.ReadJobSpec(r), PostedAt: r.Time(),
		Began: r.CID(), Given: r.Uint(), ABI: r.Uint32(), Outcome: r.CID(), Due: r.Time()}
	for range r.Array(maxCheckers) {
		c.Named = append(c.Named, r.DID())
	}
	for range r.Array(maxCheckers) {
		r.Tuple(2)
		c.Verdicts = append(c.Verdicts, Verdict{By: r.DID(), Outcome: r.CID()})
	}
	return c
}
