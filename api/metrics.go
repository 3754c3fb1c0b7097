package api

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/InterCooperative-Network/icn-core/node"
)

// meters are the requests' own; those of the node are read when somebody asks.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	handler  http.Handler
}

func newMeters(s *Server) meters {
	m := meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "icn_http_requests_total", Help: "Requests answered, by class of status."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "icn_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 30}}, []string{"route", "method"}),
		handler: promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
	}
	s.reg.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), nodeMetrics{s.n}, voteMetrics{s.n}, checkMetrics{s})
	if s.cfg.Host != nil {
		s.reg.MustRegister(hostMetrics{s.cfg.Host})
	}
	if s.cfg.Directory != nil {
		s.reg.MustRegister(linkMetrics{s.cfg.Directory})
	}
	return m
}

// Registry is where further metrics of this process can be added, before serving.
func (s *Server) Registry() prometheus.Registerer { return s.reg }

// Metrics serves the counters alone, to whoever asks: for a listener of its own.
func (s *Server) Metrics() http.Handler { return s.meters.handler }

func (s *Server) scrape(w *writer, r *http.Request) error {
	s.meters.handler.ServeHTTP(w, r)
	return nil
}

// tally counts one route's requests. The counters are looked up once.
type tally struct {
	m       *meters
	route   route
	classes [6]atomic.Pointer[prometheus.Counter]
	seconds prometheus.Observer
}

var classNames = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (m *meters) route(rt route) *tally {
	return &tally{m: m, route: rt, seconds: m.seconds.WithLabelValues(rt.path, rt.method)}
}

func (t *tally) done(status int, start time.Time) {
	class := min(max(status/100, 0), 5)
	c := t.classes[class].Load()
	if c == nil {
		x := t.m.requests.WithLabelValues(t.route.path, t.route.method, classNames[class])
		c = &x
		t.classes[class].Store(c)
	}
	(*c).Inc()
	if !t.route.long {
		t.seconds.Observe(time.Since(start).Seconds())
	}
}

// nodeMetrics reads the node's state when somebody asks.
type nodeMetrics struct{ n *node.Node }

func desc(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// gauges are what the node's status tells.
var gauges = []struct {
	desc *prometheus.Desc
	of   func(node.Status) float64
}{
	{desc("icn_node_uptime_seconds", "Time since the node started."), func(s node.Status) float64 { return s.Uptime.Seconds() }},
	{desc("icn_mana_balance_total", "Mana that this node's account can spend now."), func(s node.Status) float64 { return float64(s.Balance) }},
	{desc("icn_mana_held_total", "Mana of this node's account that is held for its open jobs."), func(s node.Status) float64 { return float64(s.Held) }},
	{desc("icn_mana_federation_balance_total", "Balances of all accounts of the federation, as of their last change."), func(s node.Status) float64 { return float64(s.Totals.Balances) }},
	{desc("icn_mana_federation_held_total", "Mana held for all open jobs of the federation."), func(s node.Status) float64 { return float64(s.Totals.Held) }},
	{desc("icn_p2p_peers_connected", "Peers linked at this moment."), linkedPeers},
	{desc("icn_federation_nodes", "Nodes of the federation."), func(s node.Status) float64 { return float64(s.Nodes) }},
	{desc("icn_jobs_open", "Jobs of the federation that have not ended."), func(s node.Status) float64 { return float64(s.OpenJobs) }},
	{desc("icn_governance_open_votes", "Votes that are on."), func(s node.Status) float64 { return float64(s.OpenVotes) }},
	{desc("icn_jobs_running", "Jobs that this node runs at this moment."), func(s node.Status) float64 { return float64(s.Running) }},
	{desc("icn_log_height", "Entries of the log that were applied here."), func(s node.Status) float64 { return float64(s.Height) }},
	{desc("icn_log_certified_size", "Entries that the last certified checkpoint covers."), func(s node.Status) float64 { return float64(s.Certified) }},
	{desc("icn_log_gap", "Entries that are still to be fetched behind a snapshot."), func(s node.Status) float64 { return float64(s.Behind) }},
	{desc("icn_statements_waiting", "Statements that this node has not got ordered yet."), func(s node.Status) float64 { return float64(len(s.Waiting)) }},
	{desc("icn_node_leader_known", "1 while there is a leader: statements can be ordered."), func(s node.Status) float64 { return bit(s.Leader != nil) }},
	{desc("icn_node_alarms", "Things that the operator should look at (see /status)."), func(s node.Status) float64 { return float64(len(s.Alarms)) }},
}

// counters are what the node counted since it started.
var counters = []struct {
	desc *prometheus.Desc
	of   func(*node.Stats) uint64
}{
	{desc("icn_jobs_executed_total", "Jobs that this node ran to their end."), func(s *node.Stats) uint64 { return s.Executed.Load() }},
	{desc("icn_jobs_settled_total", "Jobs that were settled."), func(s *node.Stats) uint64 { return s.Settled.Load() }},
	{desc("icn_jobs_rolled_back_total", "Jobs that were rolled back."), func(s *node.Stats) uint64 { return s.RolledBack.Load() }},
	{desc("icn_statements_refused_total", "Statements that were ordered and changed nothing."), func(s *node.Stats) uint64 { return s.Refused.Load() }},
	{desc("icn_log_entries_total", "Entries that were applied."), func(s *node.Stats) uint64 { return s.Entries.Load() }},
	{desc("wasm_memory_growth_denied_total", "Times that a program was denied memory over its limit."), func(s *node.Stats) uint64 { return s.MemoryDenied.Load() }},
	{desc("wasm_table_growth_denied_total", "Times that a program was denied table elements over its limit."), func(s *node.Stats) uint64 { return s.TableDenied.Load() }},
}

// hostMetrics reads what is around the node when somebody asks.
type hostMetrics struct{ h Host }

var (
	metricCertificate = desc("icn_tls_certificate_expiry_timestamp_seconds", "When the API's TLS certificate ends.")
	metricBackup      = desc("icn_backup_last_success_timestamp_seconds", "When the last whole backup was made on schedule.")
	metricFree        = desc("icn_store_free_bytes", "Bytes left on the disk of the store.")
	metricStrangers   = desc("icn_p2p_strangers", "Connections of nodes that are not of the federation.")
	metricRefused     = desc("icn_p2p_strangers_refused_total", "Connections of such nodes that were refused: max_peers_per_ip, or no place left.")
)

// Describe implements prometheus.Collector.
func (hostMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricCertificate, metricBackup, metricFree, metricStrangers, metricRefused} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What there is not has no value.
func (m hostMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.h.Surroundings()
	tell := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	if s.Certificate != nil {
		tell(metricCertificate, float64(s.Certificate.Unix()))
	}
	if s.Backup != nil && s.Backup.Last != nil {
		tell(metricBackup, float64(s.Backup.Last.Unix()))
	}
	if s.Door != nil {
		tell(metricStrangers, float64(s.Door.Strangers))
		ch <- prometheus.MustNewConstMetric(metricRefused, prometheus.CounterValue, float64(s.Door.Refused))
	}
	if s.Store.FreeBytes != nil {
		tell(metricFree, float64(*s.Store.FreeBytes))
	}
}

func linkedPeers(s node.Status) float64 {
	n := 0
	for _, p := range s.Peers {
		if p.Linked {
			n++
		}
	}
	return float64(n)
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
	for _, c := range counters {
		ch <- c.desc
	}
}

// Collect implements prometheus.Collector. A node that does not answer in time
// has no gauges then.
func (m nodeMetrics) Collect(ch chan<- prometheus.Metric) {
	stats := m.n.Stats()
	for _, c := range counters {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.of(stats)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	st, err := m.n.Status(ctx)
	if err != nil {
		return
	}
	for _, g := range gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.of(st))
	}
}
