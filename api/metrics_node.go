package api

import (
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
	"github.com/InterCooperative-Network/icn-core/node"
)

// nodeMetrics reads the node's state when somebody asks.
type nodeMetrics struct{ s *Server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// gauges are what the node's status tells.
var gauges = []struct {
	desc *prometheus.Desc
	of   func(node.Status) float64
}{
	{desc("icn_node_uptime_seconds", "Time since the node started."), func(s node.Status) float64 { return s.Uptime.Seconds() }},
	{desc("icn_mana_balance_total", "Capacity that this node's account can spend now."), func(s node.Status) float64 { return float64(s.Balance) }},
	{desc("icn_mana_held", "Capacity of this node's account that is held for its open jobs."), func(s node.Status) float64 { return float64(s.Held) }},
	{desc("icn_mana_cap", "Where this node's account stops growing."), func(s node.Status) float64 { return float64(s.Cap) }},
	{desc("icn_mana_federation_balance", "Balances of all accounts of the federation, as of their last change."), func(s node.Status) float64 { return float64(s.Totals.Balances) }},
	{desc("icn_mana_federation_held", "Capacity held for all open jobs of the federation."), func(s node.Status) float64 { return float64(s.Totals.Held) }},
	{desc("icn_p2p_peers_connected", "Peers linked at this moment."), linkedPeers},
	{desc("icn_federation_nodes", "Nodes of the federation."), func(s node.Status) float64 { return float64(s.Nodes) }},
	{desc("icn_federation_executors_banned", "Nodes of the federation that get no jobs for now, because their runs failed."), func(s node.Status) float64 { return float64(s.Banned) }},
	{desc("icn_jobs_open", "Jobs of the federation that have not ended."), func(s node.Status) float64 { return float64(s.OpenJobs) }},
	{desc("icn_governance_open_votes", "Votes that are on."), func(s node.Status) float64 { return float64(s.OpenVotes) }},
	{desc("icn_jobs_running", "Jobs that this node runs at this moment."), func(s node.Status) float64 { return float64(s.Running) }},
	{desc("icn_jobs_executor_banned", "1 while this node gets no jobs, because its runs failed."), func(s node.Status) float64 { return bit(s.BannedOwn) }},
	{desc("icn_log_height", "Entries of the log that were applied here."), func(s node.Status) float64 { return float64(s.Height) }},
	{desc("icn_log_certified_size", "Entries that the last certified checkpoint covers."), func(s node.Status) float64 { return float64(s.Certified) }},
	{desc("icn_log_gap", "Entries that are still to be fetched behind a snapshot."), func(s node.Status) float64 { return float64(s.Behind) }},
	{desc("icn_statements_waiting", "Statements that this node has not got ordered yet."), func(s node.Status) float64 { return float64(len(s.Waiting)) }},
	{desc("icn_node_leader_known", "1 while there is a leader: statements can be ordered."), func(s node.Status) float64 { return bit(s.Leader != nil) }},
	{desc("icn_node_leading", "1 while this node orders the log."), func(s node.Status) float64 { return bit(s.Leader != nil && *s.Leader == s.DID) }},
	{desc("icn_node_alarms", "Things that the operator should look at (see /status)."), func(s node.Status) float64 { return float64(len(s.Alarms)) }},
	{desc("icn_clock_offset_seconds", "How far the clocks of most linked peers are ahead of this machine's; below 0: behind it."), clockOffset},
}

// totals are what the log tells of capacity since the federation began.
var totals = []struct {
	desc *prometheus.Desc
	of   func(node.Status) uint64
}{
	{desc("icn_mana_federation_issued_total", "Capacity that new accounts began with, since the federation began."), func(s node.Status) uint64 { return s.Totals.Issued }},
	{desc("icn_mana_federation_regenerated_total", "Capacity that has grown by time, as of each account's last change."), func(s node.Status) uint64 { return s.Totals.Regenerated }},
	{desc("icn_mana_federation_credited_total", "Capacity credited to executors for their work."), func(s node.Status) uint64 { return s.Totals.Minted }},
	{desc("icn_mana_federation_spent_total", "Capacity spent by submitters, for good."), func(s node.Status) uint64 { return s.Totals.Burnt }},
	{desc("icn_mana_federation_lost_total", "Capacity that was credited to full accounts, and lost."), func(s node.Status) uint64 { return s.Totals.Lost }},
}

// counters are what the node counted since it started.
var counters = []struct {
	desc *prometheus.Desc
	of   func(*node.Stats) uint64
}{
	{desc("icn_jobs_submitted_total", "Jobs that were posted in the federation."), func(s *node.Stats) uint64 { return s.Posted.Load() }},
	{desc("icn_jobs_assigned_total", "Attempts that were given to an executor, retries among them."), func(s *node.Stats) uint64 { return s.Assigned.Load() }},
	{desc("icn_jobs_executed_total", "Jobs that this node ran to their end."), func(s *node.Stats) uint64 { return s.Executed.Load() }},
	{desc("icn_jobs_settled_total", "Jobs that were settled."), func(s *node.Stats) uint64 { return s.Settled.Load() }},
	{desc("icn_jobs_rolled_back_total", "Jobs that were rolled back."), func(s *node.Stats) uint64 { return s.RolledBack.Load() }},
	{desc("icn_jobs_cancelled_total", "Jobs that their submitters ended."), func(s *node.Stats) uint64 { return s.Cancelled.Load() }},
	{desc("icn_jobs_executor_bans_total", "Bans of executors, anywhere in the federation."), func(s *node.Stats) uint64 { return s.Bans.Load() }},
	{desc("icn_jobs_gas_total", "Gas used by programs that ran on this node."), func(s *node.Stats) uint64 { return s.Gas.Load() }},
	{desc("icn_jobs_run_declined_total", "Runs that this node gave back before the program ran: its module or an input was not to be had."), func(s *node.Stats) uint64 { return s.NotRun.Load() }},
	{desc("icn_jobs_run_errors_total", "Runs on this node that ended by the node's own fault."), func(s *node.Stats) uint64 { return s.Broken.Load() }},
	{desc("icn_statements_refused_total", "Statements that were ordered and changed nothing."), func(s *node.Stats) uint64 { return s.Refused.Load() }},
	{desc("icn_log_entries_total", "Entries that were applied."), func(s *node.Stats) uint64 { return s.Entries.Load() }},
	{desc("wasm_memory_growth_denied_total", "Times that a program was denied memory over its limit."), func(s *node.Stats) uint64 { return s.MemoryDenied.Load() }},
	{desc("wasm_table_growth_denied_total", "Times that a program was denied table elements over its limit."), func(s *node.Stats) uint64 { return s.TableDenied.Load() }},
}

// spans are what the node measured since it started.
var spans = []struct {
	desc *prometheus.Desc
	of   func(*node.Stats) *meter.Histogram
}{
	{desc("icn_jobs_assignment_duration_seconds", "From the posting of a job to its first executor, by the log's time."), func(s *node.Stats) *meter.Histogram { return s.Assigning }},
	{desc("icn_jobs_run_duration_seconds", "Time that a run took on this node."), func(s *node.Stats) *meter.Histogram { return s.Running }},
	{desc("icn_log_apply_duration_seconds", "Time to write and fold what was ordered together: one turn of the node's loop."), func(s *node.Stats) *meter.Histogram { return s.Turns }},
}

var (
	metricBuild    = desc("icn_build_info", "1; the labels tell which release runs.", "version", "goversion")
	metricNode     = desc("icn_node_info", "1; the labels tell which node this is.", "did", "name", "federation")
	metricReady    = desc("icn_node_ready", "1 while /ready says that this node can be sent work.")
	metricAttempts = desc("icn_jobs_attempts_failed_total", "Attempts at jobs that failed, by cause; the job goes on with another.", "cause")
	metricChecks   = desc("icn_jobs_checks_total", "Settled jobs that were run again to check them, by what that has shown.", "result")

	metricPuts     = desc("icn_dag_puts_total", "Blocks that were stored here.")
	metricPutBytes = desc("icn_dag_put_bytes_total", "Bytes of blocks that were stored here.")
	metricGets     = desc("icn_dag_gets_total", "Blocks that were asked for here, by where they were found.", "found")
	metricArrived  = desc("icn_dag_blocks_arrived_total", "Blocks that were ever stored here, before this start, too.")
)

func linkedPeers(s node.Status) float64 {
	n := 0
	for _, p := range s.Peers {
		if p.Linked {
			n++
		}
	}
	return float64(n)
}

// clockOffset is the one in the middle of what the linked peers' clocks differ by; of
// two in the middle the smaller, so that one wrong clock of three is that node's alone.
func clockOffset(s node.Status) float64 {
	var off []int64
	for _, p := range s.Peers {
		if p.Linked {
			off = append(off, p.SkewMS)
		}
	}
	if len(off) == 0 {
		return 0
	}
	slices.Sort(off)
	a, b := float64(off[(len(off)-1)/2]), float64(off[len(off)/2])
	if math.Abs(b) < math.Abs(a) {
		a = b
	}
	return a / 1000
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (nodeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
	for _, t := range totals {
		ch <- t.desc
	}
	for _, c := range counters {
		ch <- c.desc
	}
	for _, h := range spans {
		ch <- h.desc
	}
	for _, d := range []*prometheus.Desc{metricBuild, metricNode, metricReady, metricAttempts, metricChecks, metricPuts, metricPutBytes, metricGets, metricArrived} {
		ch <- d
	}
}

// teller hands metrics over.
type teller chan<- prometheus.Metric

func (t teller) gauge(d *prometheus.Desc, v float64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (t teller) count(d *prometheus.Desc, n uint64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (t teller) spread(d *prometheus.Desc, h *meter.Histogram, labels ...string) {
	n, sum, buckets := h.Read()
	t <- prometheus.MustNewConstHistogram(d, n, sum, buckets, labels...)
}

// Collect implements prometheus.Collector. A node that does not answer in time
// has no gauges then.
func (m nodeMetrics) Collect(ch chan<- prometheus.Metric) {
	tell, n := teller(ch), m.s.n
	stats := n.Stats()
	for _, c := range counters {
		tell.count(c.desc, c.of(stats))
	}
	for _, h := range spans {
		tell.spread(h.desc, h.of(stats))
	}
	stats.Attempts.Each(func(why icn.Cause, x uint64) { tell.count(metricAttempts, x, string(why)) })
	tell.count(metricChecks, stats.Checks.Match.Load(), "match")
	tell.count(metricChecks, stats.Checks.Mismatch.Load(), "mismatch")
	tell.count(metricChecks, stats.Checks.Indeterminate.Load(), "indeterminate")
	m.blocks(tell)
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	ready, err := m.s.ready(ctx, nil)
	tell.gauge(metricReady, bit(err == nil && ready.Ready))
	st, err := n.Status(ctx)
	if err != nil {
		return
	}
	tell.gauge(metricBuild, 1, st.Release, runtime.Version())
	tell.gauge(metricNode, 1, st.DID.String(), st.Name, st.Federation)
	for _, g := range gauges {
		tell.gauge(g.desc, g.of(st))
	}
	for _, t := range totals {
		tell.count(t.desc, t.of(st))
	}
}

// blocks tells of the block store.
func (m nodeMetrics) blocks(tell teller) {
	d := m.s.n.Blocks()
	s := d.Stats()
	tell.count(metricPuts, s.Puts.Load())
	tell.count(metricPutBytes, s.PutBytes.Load())
	tell.count(metricGets, s.Cached.Load(), "cache")
	tell.count(metricGets, s.Here.Load(), "here")
	tell.count(metricGets, s.Fetched.Load(), "peer")
	tell.count(metricGets, s.Missing.Load(), "nowhere")
	tell.count(metricArrived, d.Arrived())
}
