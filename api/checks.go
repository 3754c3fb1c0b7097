package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/node"
)

// longWait is how long a statement may wait before somebody should look.
const longWait = time.Minute

// Checks are what the node looks at again and again: they feed /ready, /health, the
// log, the metrics, and icn-cli doctor, so that all of these say the same.
func (s *Server) Checks(ctx context.Context) []wire.Check {
	out := []wire.Check{{Name: "node", State: wire.CheckOK, Says: "it runs"}}
	if state := s.n.State(); state != "running" {
		out[0] = wire.Check{Name: "node", State: wire.CheckFailed, Says: state, Do: "wait until it has read its log; its own log tells how far it is"}
		return s.around(out)
	}
	st, err := s.n.Status(ctx)
	if err != nil {
		out[0] = wire.Check{Name: "node", State: wire.CheckFailed, Says: err.Error(), Do: "it is busy or stuck: look at its log, and make a bundle for whoever helps: icn-cli debug bundle"}
		return s.around(out)
	}
	out = append(out, checkOrder(st), checkLog(st), checkWaiting(st), checkPeers(st), checkReleases(st))
	return s.around(append(out, alarms(st.Alarms)...))
}

// around adds what the node itself cannot know.
func (s *Server) around(out []wire.Check) []wire.Check {
	if s.cfg.Host != nil {
		out = append(out, s.cfg.Host.Surroundings().Checks...)
	}
	return out
}

func (s *Server) lookAtChecks(ctx context.Context, _ *none) (wire.Checks, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	return wire.Checks{Checks: s.Checks(ctx)}, nil
}

// summary is the form of /ready and /health: what is well is "ok", and an alarm does
// not make a node unready.
func summary(checks []wire.Check) (named map[string]string, ready bool) {
	named, ready = map[string]string{}, true
	for _, c := range checks {
		says := c.Says
		if c.Do != "" {
			says += "; " + c.Do
		}
		switch c.State {
		case wire.CheckFailed:
			named[c.Name], ready = says, false
		case wire.CheckAlarm:
			named["alarm "+c.Name] = says
		default:
			named[c.Name] = "ok"
		}
	}
	return named, ready
}

func checkOrder(s node.Status) wire.Check {
	if s.Leader == nil {
		return wire.Check{Name: "order", State: wire.CheckFailed, Says: "no leader: too few clerks can be reached; statements wait",
			Do: "bring the other clerks back (icn-cli network peers tells which are missing), or see to this node's network"}
	}
	return wire.Check{Name: "order", State: wire.CheckOK, Says: "there is a leader, statements are ordered"}
}

func checkLog(s node.Status) wire.Check {
	if s.Role == "catching up" {
		return wire.Check{Name: "log", State: wire.CheckFailed, Says: "catching up with the federation's log", Do: "wait; icn-cli status tells how far it is"}
	}
	return wire.Check{Name: "log", State: wire.CheckOK, Says: fmt.Sprintf("%d entries, certified up to %d", s.Height, s.Certified)}
}

func checkWaiting(s node.Status) wire.Check {
	for _, w := range s.Waiting {
		if since := time.UnixMilli(int64(w.Since)); time.Since(since) > longWait {
			return wire.Check{Name: "statements", State: wire.CheckAlarm, Says: fmt.Sprintf("statement %d of %s has waited since %s", w.Number, w.Author.Short(), since.UTC().Format(time.TimeOnly)),
				Do: "see whether a leader is there (icn-cli status)"}
		}
	}
	return wire.Check{Name: "statements", State: wire.CheckOK, Says: fmt.Sprintf("%d wait to be ordered", len(s.Waiting))}
}

func checkPeers(s node.Status) wire.Check {
	c := wire.Check{Name: "peers", State: wire.CheckOK}
	var lost []string
	for _, p := range s.Peers {
		if !p.Linked {
			lost = append(lost, p.DID.Short())
		}
	}
	c.Says = fmt.Sprintf("%d of %d other nodes are linked", len(s.Peers)-len(lost), len(s.Peers))
	switch {
	case len(s.Peers) == 0:
		c.Says = "this node is a federation of its own"
	case len(lost) == len(s.Peers):
		c.State, c.Do = wire.CheckAlarm, "see to this node's network; icn-cli network peers tells for each why not"
	case len(lost) > 0:
		c.State, c.Says = wire.CheckAdvice, c.Says+"; missing: "+strings.Join(lost, ", ")
		c.Do = "icn-cli network peers tells why; their operators may know more"
	}
	return c
}

func checkReleases(s node.Status) wire.Check {
	var others []string
	for _, p := range s.Peers {
		if p.Linked && p.Release != "" && p.Release != s.Release && !slices.Contains(others, p.Release) {
			others = append(others, p.Release)
		}
	}
	c := wire.Check{Name: "version", State: wire.CheckOK, Says: "all linked nodes are of release " + s.Release}
	if len(others) > 0 {
		slices.Sort(others)
		c.State, c.Says = wire.CheckAdvice, fmt.Sprintf("this node is of release %s, others are of %s", s.Release, strings.Join(others, ", "))
		c.Do = "bring all to one release, one node after the other (docs/operating.md, Upgrading)"
	}
	return c
}

// alarmNames are the loop's alarms by their first word, so that there are only so many
// names of checks, and each is there before it is needed; and what is said while none
// is raised.
var alarmNames = map[string]string{
	"clock":      "the clocks of all linked nodes agree",
	"clerk":      "no clerk has signed what is not so",
	"feeder":     "no node fed this one a wrong log",
	"leader":     "no leader leaves statements out",
	"membership": "this node belongs to its federation",
	"seat":       "its place in the order is its own",
	"upgrade":    "no vote asks for another release",
}

// alarms are those that the loop has raised. Those of one kind are one check.
func alarms(raised map[string]string) []wire.Check {
	byName := map[string][]string{}
	for _, k := range slices.Sorted(maps.Keys(raised)) {
		name, _, _ := strings.Cut(k, " ")
		if k == "log time" {
			name = "clock"
		}
		byName[name] = append(byName[name], raised[k])
	}
	var out []wire.Check
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, wire.Check{Name: name, State: wire.CheckAlarm, Says: strings.Join(byName[name], "; ")})
	}
	for _, name := range slices.Sorted(maps.Keys(alarmNames)) {
		if byName[name] == nil {
			out = append(out, wire.Check{Name: name, State: wire.CheckOK, Says: alarmNames[name]})
		}
	}
	return out
}

// checkMetrics tells of each check whether it is well.
type checkMetrics struct{ s *Server }

var metricCheck = prometheus.NewDesc("icn_check_ok", "1 while this check finds nothing that somebody should look at now (icn-cli doctor tells more), 0 otherwise.", []string{"check"}, nil)

// Describe implements prometheus.Collector.
func (checkMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- metricCheck }

// Collect implements prometheus.Collector. Two checks of one name are well if both are.
func (m checkMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	well := map[string]bool{}
	for _, c := range m.s.Checks(ctx) {
		before, seen := well[c.Name]
		well[c.Name] = (before || !seen) && !c.State.Bad()
	}
	for name, ok := range well { // order: whoever reads metrics sorts them
		ch <- prometheus.MustNewConstMetric(metricCheck, prometheus.GaugeValue, bit(ok), name)
	}
}
