package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/sim"
)

// Line is something that happened.
type Line struct {
	At   int64  `json:"at_ms"`
	Text string `json:"text"`
}

// Second is what one second of the run had.
type Second struct {
	Posted    int    `json:"posted"`
	Completed int    `json:"completed"`
	Failed    int    `json:"rolled_back"`
	Open      int    `json:"open"`
	P50       int64  `json:"p50_ms"` // of the jobs that were completed in it
	Leader    string `json:"leader,omitempty"`
	Ordering  bool   `json:"ordering"` // somebody led, whom most clerks could reach
}

// Report is what came of a scenario.
type Report struct {
	Title      string            `json:"title"`
	Seed       uint64            `json:"seed"`
	Nodes      int               `json:"nodes"`
	Clerks     int               `json:"clerks"`
	Timeline   []Line            `json:"timeline"`
	Seconds    []Second          `json:"seconds"`
	Posted     int               `json:"jobs_posted"`
	Refused    int               `json:"jobs_not_taken"`     // the node that should take them was down
	Denied     int               `json:"statements_refused"` // by the rules: no capacity, say
	Completed  int               `json:"jobs_completed"`
	RolledBack int               `json:"jobs_rolled_back"`
	Retries    int               `json:"attempts_that_failed"`
	P50        int64             `json:"p50_ms"`
	P95        int64             `json:"p95_ms"`
	Longest    int64             `json:"longest_ms"`
	Idle       int64             `json:"without_leader_ms"`
	Rest       int64             `json:"settled_after_ms"` // from the end of all faults until everything had come to rest
	Burnt      uint64            `json:"burnt"`
	By         map[string]int    `json:"jobs_by_node"`
	Balances   map[string]uint64 `json:"balances"`
	Votes      int               `json:"votes_closed"`
	Accepted   int               `json:"votes_accepted"`
	Err        string            `json:"broken,omitempty"` // what must not happen has happened
}

// run is one run of a scenario.
type run struct {
	*Scenario
	w       *sim.World
	r       *Report
	posted  map[icn.CID]int64
	waits   []int64
	second  []int64 // durations of this second
	leader  string
	lost    int64 // since when nobody leads; -1: somebody does
	site    map[int]int
	open    int
	counted map[string]int // things that are told a few times only
	asked   icn.CID        // what was proposed last
}

// Run plays the scenario to its end.
func (s *Scenario) Run() (*Report, error) {
	x := &run{Scenario: s, posted: map[icn.CID]int64{}, lost: 0, site: map[int]int{}, counted: map[string]int{},
		r: &Report{Title: s.Title, Seed: s.Seed, Nodes: s.Federation.Nodes, By: map[string]int{}, Balances: map[string]uint64{}}}
	for i, st := range s.Sites {
		for _, n := range st.Nodes {
			x.site[slices.Index(s.Federation.Names, n)] = i + 1
		}
	}
	var bad error
	f := s.Federation
	x.w = sim.New(sim.Options{Seed: s.Seed, Nodes: f.Nodes, Millis: s.Seconds * 1000, Stage: &sim.Stage{
		Begin: x.begin, Event: x.event, Delay: x.delay, Members: f.Members,
		Rules: func(r *icn.Rules) {
			*r = icn.DefaultRules()
			bad = s.rules(r)
		},
		Tune: node.Tuning{TickMillis: f.TickMS, BeaconMillis: max(1000, 40*f.TickMS), Slots: 4, Queue: 64},
	}})
	if bad != nil {
		return nil, bad
	}
	if err := x.w.Run(); err != nil {
		x.r.Err = err.Error()
	}
	x.finish()
	return x.r, nil
}

func (x *run) delay(from, to int) float64 {
	a, b := x.site[from], x.site[to]
	if a == b {
		return x.Federation.DelayMS
	}
	d := x.Federation.DelayMS
	for _, s := range []int{a, b} {
		if s > 0 {
			d = max(d, x.Sites[s-1].DelayMS)
		}
	}
	return d
}

func (x *run) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for i, n := range x.Federation.Names {
		text = strings.ReplaceAll(text, x.w.Name(i).String(), n)
	}
	x.r.Timeline = append(x.r.Timeline, Line{x.w.Now(), text})
}

// often tells something the first few times only.
func (x *run) often(kind, format string, args ...any) {
	if x.counted[kind]++; x.counted[kind] <= 5 {
		x.tell(format, args...)
	}
}

func (x *run) begin(w *sim.World) {
	if x.Federation.Loss > 0 {
		w.Loss(x.Federation.Loss)
	}
	if l := x.Load; l.PerSecond > 0 {
		n := int64((l.Stop - l.Start) * l.PerSecond)
		for i := range n {
			w.At(int64(l.Start*1000+float64(i)*1000/l.PerSecond), func() { x.post(int(i)) })
		}
	}
	for _, e := range x.Events {
		w.At(int64(e.At*1000), func() { x.happen(e) })
	}
	w.At(100, x.look)
}

func (x *run) post(i int) {
	l := x.Load
	from := slices.Index(x.Federation.Names, l.From[i%len(l.From)])
	args := []string{fmt.Sprint(l.RunMS)}
	if x.w.Random(1000) < l.Fail {
		args = append(args, "fail")
	}
	o := icn.JobPost{Budget: l.Budget, Spec: icn.JobSpec{Module: icn.SumCID(icn.Raw, []byte("program")), Args: args}}
	o.Spec.Limits.WallMillis = uint64(max(l.RunMS*3, 1000))
	if !x.w.Post(from, o) {
		x.r.Refused++
	}
}

func (x *run) event(ms int64, e icn.Event) {
	switch b := e.Body.(type) {
	case icn.JobPosted:
		x.posted[b.Job] = ms
		x.open++
		x.r.Posted++
		x.at(ms).Posted++
	case icn.JobSettled:
		took := ms - x.posted[b.Job]
		x.waits, x.second = append(x.waits, took), append(x.second, took)
		x.open--
		x.r.Completed++
		x.at(ms).Completed++
		x.r.Burnt += b.Burnt
		for _, d := range b.Executors() {
			x.r.By[x.name(d)]++
		}
	case icn.JobRolledBack:
		x.open--
		x.r.RolledBack++
		x.at(ms).Failed++
		x.often("back", "a job is rolled back after %d attempts: %s", b.Attempts, b.Errors[len(b.Errors)-1])
	case icn.JobCancelled:
		x.open--
	case icn.Refused:
		x.r.Denied++
		x.often("refused", "a statement is refused: %s", b.Reason)
	case icn.AttemptFailed:
		x.r.Retries++
	case icn.ExecutorBanned:
		x.tell("%s gets no jobs until %d s: %s", x.name(b.Executor), (int64(b.Until)-int64(e.Time)+ms)/1000, b.Reason)
	case icn.ExecutorConvicted:
		x.often("lie", "%s is convicted: its result is not what others found", x.name(b.Executor))
	case icn.VotingOpened, icn.VotingClosed, icn.ProposalMoved, icn.RuleChanged:
		x.voteEvent(b)
	case icn.NodeRejoined:
		x.tell("%s has taken a new place in the order: %s", x.name(b.Node), b.Reason)
	}
}

func (x *run) name(d icn.DID) string {
	if i := x.w.Index(d); i >= 0 && i < len(x.Federation.Names) {
		return x.Federation.Names[i]
	}
	return d.Short()
}

// at is the second that a time belongs to.
func (x *run) at(ms int64) *Second {
	for int64(len(x.r.Seconds)) <= ms/1000 {
		x.r.Seconds = append(x.r.Seconds, Second{})
	}
	return &x.r.Seconds[ms/1000]
}

// look follows who leads, and closes each second.
func (x *run) look() {
	now := x.w.Now()
	leader := x.leads()
	switch {
	case leader == "" && x.lost < 0:
		x.lost = now
	case leader != "" && x.lost >= 0:
		x.r.Idle += now - x.lost
		if x.leader == "" {
			x.tell("%s leads", leader)
		} else {
			x.tell("%s leads, after %s without a leader", leader, span(now-x.lost))
		}
		x.lost = -1
	case leader != "" && x.leader != "" && leader != x.leader:
		x.tell("%s leads instead of %s", leader, x.leader)
	}
	if leader != "" {
		x.leader = leader
	}
	s := x.at(now)
	s.Leader, s.Ordering, s.Open = leader, leader != "", x.open
	if now/1000 != (now+100)/1000 {
		slices.Sort(x.second)
		s.P50 = percentile(x.second, 50)
		x.second = x.second[:0]
	}
	x.w.At(now+100, x.look)
}

// leads is who leads and is believed by most clerks.
func (x *run) leads() string {
	clerks := x.w.Clerks()
	x.r.Clerks = max(x.r.Clerks, len(clerks))
	votes := map[int]int{}
	for _, i := range clerks {
		if at, up := x.w.Leader(i); up && at >= 0 {
			votes[at]++
		}
	}
	for at, n := range votes { // order: more than half are one only
		if self, up := x.w.Leader(at); n > len(clerks)/2 && up && self == at && at < len(x.Federation.Names) {
			return x.Federation.Names[at]
		}
	}
	return ""
}

// node is the number of a node's name; whoever leads has a name of its own.
func (x *run) node(name string) int {
	if name == leaderName {
		name = x.leader
	}
	return max(slices.Index(x.Federation.Names, name), 0)
}

func (x *run) happen(e Event) {
	each := func(names []string, what string, f func(int)) {
		var told []string
		for _, n := range names {
			if n == leaderName {
				n = x.leader
			}
			if i := slices.Index(x.Federation.Names, n); i >= 0 {
				f(i)
				told = append(told, n)
			}
		}
		if len(told) > 0 {
			x.tell("%s %s", some(told), what)
		}
	}
	each(e.Down, "goes down", x.w.Down)
	each(e.Up, "comes back", x.w.Up)
	each(e.Lie, "begins to invent results", x.w.Lie)
	each(e.Mute, "takes jobs and answers no more", func(i int) { x.w.Mute(i, true) })
	each(e.Leave, "leaves the federation", x.w.Leave)
	for _, of := range e.Of {
		each(e.Hold, "leaves out what "+of+" says, while it leads", func(i int) { x.w.Withhold(i, x.node(of)) })
	}
	each(e.Unmute, "answers again", func(i int) { x.w.Mute(i, false) })
	each(e.Skew, fmt.Sprintf("has a clock that is %s off", span(e.SkewMS)), func(i int) { x.w.Skew(i, e.SkewMS) })
	x.ballots(e)
	if e.Loss != nil {
		x.w.Loss(*e.Loss)
		x.tell("%d of 1,000 messages are lost from here on", *e.Loss)
	}
	if len(e.CutOff) > 0 {
		e.Part = append(e.Part, e.CutOff)
	}
	if len(e.Part) > 0 {
		side := map[int]int{}
		for k, g := range e.Part {
			for _, n := range g {
				if n == leaderName {
					n = x.leader
				}
				side[slices.Index(x.Federation.Names, n)] = k + 1
			}
			x.tell("%s cannot reach the others", some(g))
		}
		x.w.Part(func(i int) int { return side[i] })
	}
	if e.Join {
		x.w.Join()
		x.tell("the network is whole again")
	}
}

// some names a few of many.
func some(names []string) string {
	if len(names) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func (x *run) finish() {
	r, end := x.r, x.Seconds*1000
	if x.lost >= 0 {
		r.Idle += x.w.Now() - x.lost
	}
	slices.Sort(x.waits)
	r.P50, r.P95 = percentile(x.waits, 50), percentile(x.waits, 95)
	if n := len(x.waits); n > 0 {
		r.Longest = x.waits[n-1]
	}
	r.Rest = max(x.w.Now()-end, 0)
	if r.Err == "" {
		x.tell("everything has come to rest: equal logs and states everywhere, no job open, nothing waiting")
	} else {
		x.tell("broken: %s", r.Err)
	}
	for i, n := range x.Federation.Names {
		if a, ok := x.w.Balance(i); ok {
			r.Balances[n] = a
		}
	}
}

// percentile of sorted numbers; 0 of none.
func percentile(sorted []int64, p int) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
