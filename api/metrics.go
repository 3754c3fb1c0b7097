package api

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// meters are the requests' own; those of the node are read when somebody asks.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	denied   *prometheus.CounterVec
	limited  prometheus.Counter
	handler  http.Handler
}

// Why a caller was not let in: the values of a label.
const (
	deniedCredential = "credential" // none, or a wrong one
	deniedScope      = "scope"      // a good one that is not good for this
)

func newMeters(s *Server) meters {
	m := meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "icn_http_requests_total", Help: "Requests answered, by class of status."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "icn_http_request_duration_seconds", Help: "Time to answer a request; streams and calls that wait are not in it.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 30}}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "icn_http_requests_in_flight", Help: "Requests that are being answered at this moment, streams among them."}),
		denied:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "icn_http_auth_failures_total", Help: "Requests that were refused: for a credential that is missing, wrong or over, or for a scope that does not reach."}, []string{"reason"}),
		limited:  prometheus.NewCounter(prometheus.CounterOpts{Name: "icn_http_rate_limited_total", Help: "Requests without a credential that were refused because their caller had sent too many."}),
		handler:  promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
	}
	for _, reason := range []string{deniedCredential, deniedScope} { // there from the start, so that a rate can be taken of the first
		m.denied.WithLabelValues(reason)
	}
	s.reg.MustRegister(m.requests, m.seconds, m.inFlight, m.denied, m.limited, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), nodeMetrics{s}, voteMetrics{s.n}, hostMetrics{s.cfg.Host}, writeMetrics{s.cfg.Writes}, traceMetrics{s.cfg.Traces}, checkMetrics{s})
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
	m.requests.WithLabelValues(rt.path, rt.method, classNames[5]) // there from the start, so that a rate can be taken of the first fault
	return &tally{m: m, route: rt, seconds: m.seconds.WithLabelValues(rt.path, rt.method)}
}

func (t *tally) done(status int, start time.Time) {
	t.m.inFlight.Dec()
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

// refused counts a request that did not pass the gate.
func (m *meters) refused(status int) {
	switch status {
	case http.StatusUnauthorized:
		m.denied.WithLabelValues(deniedCredential).Inc()
	case http.StatusForbidden:
		m.denied.WithLabelValues(deniedScope).Inc()
	case http.StatusTooManyRequests:
		m.limited.Inc()
	}
}
