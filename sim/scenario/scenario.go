// Package scenario lets an operator try something on a simulated federation before
// touching the real one: a topology, an outage, a parameter. A scenario is a TOML
// file; what comes of it is told in words, in numbers, and as a chart.
//
// The invariant: a scenario and a seed give the same report, to the byte. What runs
// is the real node's loop, order and folds (package sim); network, disks, clocks
// and programs are simulated.
//
// It changes nothing anywhere.
//
//	s, err := scenario.Read(file)
//	report, err := s.Run()
//	fmt.Print(report.Text())
//	svg := report.SVG()
package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Scenario is what is to be tried.
type Scenario struct {
	Title      string         `toml:"title"`
	Seed       uint64         `toml:"seed"`    // of chance; 1 if not said
	Seconds    int64          `toml:"seconds"` // how long it goes on; 60 if not said
	Federation Federation     `toml:"federation"`
	Rules      map[string]any `toml:"rules"` // of the federation, by their names
	Sites      []Site         `toml:"site"`
	Load       Load           `toml:"load"`
	Events     []Event        `toml:"event"`
}

// Federation says who there is.
type Federation struct {
	Nodes   int      `toml:"nodes"` // 3 if neither is said
	Names   []string `toml:"names"` // or their names
	DelayMS float64  `toml:"delay_ms"`
	Loss    int      `toml:"loss_permille"`
	Members int      `toml:"members"` // persons who vote: member1, member2, …
	TickMS  int64    `toml:"tick_ms"` // how often a node looks up; more makes large worlds cheaper, and elections slower
}

// Site is a place where nodes stand together.
type Site struct {
	Name    string   `toml:"name"`
	Nodes   []string `toml:"nodes"`
	DelayMS float64  `toml:"delay_ms"` // to nodes elsewhere
}

// Load is the jobs that are offered.
type Load struct {
	PerSecond float64  `toml:"jobs_per_second"`
	From      []string `toml:"from"` // the nodes that offer them, in turn; all if not said
	RunMS     int64    `toml:"run_ms"`
	Budget    uint64   `toml:"budget"`
	Fail      int64    `toml:"fail_permille"`
	Start     float64  `toml:"start"` // seconds
	Stop      float64  `toml:"stop"`
}

// Event is something that happens at a time. "leader" names whoever leads then.
type Event struct {
	At     float64    `toml:"at"` // seconds
	Down   []string   `toml:"down"`
	Up     []string   `toml:"up"`
	CutOff []string   `toml:"cut_off"` // these nodes from all others
	Part   [][]string `toml:"part"`    // groups that cannot reach each other
	Join   bool       `toml:"join"`    // the network is whole again
	Lie    []string   `toml:"lie"`     // they invent results of jobs
	Mute   []string   `toml:"mute"`    // they take jobs, and never answer
	Unmute []string   `toml:"unmute"`
	Hold   []string   `toml:"withhold"` // while they lead, they leave out what OF say
	Of     []string   `toml:"of"`
	Leave  []string   `toml:"leave"` // they leave the federation
	Loss   *int       `toml:"loss_permille"`
	Skew   []string   `toml:"skew"` // their clocks are wrong by SkewMS
	SkewMS int64      `toml:"skew_ms"`

	Propose string            `toml:"propose"`  // the question that a member puts: the first, or BY
	Set     map[string]uint64 `toml:"set"`      // the parameters that are changed if it is accepted
	VoteSec uint64            `toml:"vote_for"` // how long the vote is open, in seconds; 0: as the rules say
	By      string            `toml:"by"`
	Yes     []string          `toml:"yes"` // members vote on what was proposed last
	No      []string          `toml:"no"`
	Abstain []string          `toml:"abstain"`
	Via     string            `toml:"via"` // the node that members use; each another one if not said
}

// Read reads a scenario strictly: what is not known is refused, with its line.
func Read(text []byte) (*Scenario, error) {
	s := &Scenario{Seed: 1, Seconds: 60}
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			row, _ := strict.Errors[0].Position()
			return nil, fmt.Errorf("line %d: %w: %q is no key of a scenario; see icn-cli sim run --help", row, icn.ErrInvalid, strings.Join(strict.Errors[0].Key(), "."))
		}
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, _ := at.Position()
			return nil, fmt.Errorf("line %d: %w: %v", row, icn.ErrInvalid, err)
		}
		return nil, fmt.Errorf("%w: %v", icn.ErrInvalid, err)
	}
	s.fill()
	return s, s.check()
}

// fill puts in what was not said.
func (s *Scenario) fill() {
	f := &s.Federation
	if f.Nodes == 0 {
		f.Nodes = 3
	}
	if len(f.Names) == 0 {
		for i := range f.Nodes {
			f.Names = append(f.Names, fmt.Sprintf("node%d", i+1))
		}
	}
	f.Nodes = len(f.Names)
	if f.DelayMS == 0 {
		f.DelayMS = 2
	}
	if f.TickMS == 0 {
		f.TickMS = 25
	}
	l := &s.Load
	if len(l.From) == 0 {
		l.From = f.Names
	}
	if l.RunMS == 0 {
		l.RunMS = 100
	}
	if l.Budget == 0 {
		l.Budget = 20
	}
	if l.Start == 0 {
		l.Start = 2
	}
	if l.Stop == 0 {
		l.Stop = float64(s.Seconds)
	}
}

// bounds of what is simulated.
const (
	maxNodes   = 200
	maxSeconds = 7 * 24 * 3600
)

func (s *Scenario) check() error {
	f := s.Federation
	bad := func(format string, args ...any) error {
		return fmt.Errorf("scenario: %w: "+format, append([]any{icn.ErrInvalid}, args...)...)
	}
	switch {
	case f.Nodes < 1 || f.Nodes > maxNodes:
		return bad("%d nodes; 1 to %d can be simulated", f.Nodes, maxNodes)
	case s.Seconds < 1 || s.Seconds > maxSeconds:
		return bad("seconds = %d; want 1 to %d", s.Seconds, maxSeconds)
	case f.TickMS < 1 || f.TickMS > 10_000 || f.DelayMS < 0 || f.Loss < 0 || f.Loss > 1000:
		return bad("tick_ms, delay_ms or loss_permille is out of bounds")
	case f.Members < 0 || f.Members > 1000:
		return bad("members = %d; want 0 to 1000", f.Members)
	case s.Load.PerSecond < 0 || s.Load.PerSecond > 10_000 || s.Load.Fail < 0 || s.Load.Fail > 1000 || s.Load.RunMS < 0:
		return bad("the load is out of bounds")
	}
	for i, n := range f.Names {
		if n == "" || n == leaderName || slices.Contains(f.Names[:i], n) {
			return bad("node name %q is empty, stands twice, or is the word for whoever leads", n)
		}
	}
	lists := [][]string{s.Load.From}
	for _, x := range s.Sites {
		lists = append(lists, x.Nodes)
	}
	for _, e := range s.Events {
		lists = append(lists, e.Down, e.Up, e.CutOff, e.Lie, e.Mute, e.Unmute, e.Skew, e.Hold, e.Of, e.Leave)
		lists = append(lists, e.Part...)
		if e.Via != "" {
			lists = append(lists, []string{e.Via})
		}
	}
	for _, list := range lists {
		for _, n := range list {
			if n != leaderName && !slices.Contains(f.Names, n) {
				return bad("there is no node %q; there are %s", n, strings.Join(f.Names, ", "))
			}
		}
	}
	for _, e := range s.Events {
		if err := e.checkVote(f.Members); err != nil {
			return bad("%w", err)
		}
		if (len(e.Hold) == 0) != (len(e.Of) == 0) {
			return bad("withhold and of go together: who leaves out statements, and whose")
		}
	}
	r := icn.DefaultRules()
	return s.rules(&r)
}

// leaderName stands for whoever leads at that moment.
const leaderName = "leader"

// rules changes what the scenario says.
func (s *Scenario) rules(r *icn.Rules) error {
	b, err := json.Marshal(s.Rules)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return fmt.Errorf("[rules]: %w: %v; the rules are those of docs/formats.md", icn.ErrInvalid, err)
	}
	return r.Check()
}
