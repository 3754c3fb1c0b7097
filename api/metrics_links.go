package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// linkMetrics reads what the network knows of each peer when somebody asks.
type linkMetrics struct{ d node.Directory }

func perPeer(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"peer"}, nil)
}

// linkMeters are told for each peer, by its DID: there are no more than max_peers.
var linkMeters = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(node.Link) float64
}{
	{perPeer("icn_p2p_linked", "1 while there is a link to this peer."), prometheus.GaugeValue, func(l node.Link) float64 { return bit(l.Connected) }},
	{perPeer("icn_p2p_round_trip_seconds", "Round trip to this peer, as last measured."), prometheus.GaugeValue, func(l node.Link) float64 { return float64(l.RTTMicros) / 1e6 }},
	{perPeer("icn_p2p_received_bytes_total", "Bytes that this peer sent here."), prometheus.CounterValue, func(l node.Link) float64 { return float64(l.BytesIn) }},
	{perPeer("icn_p2p_sent_bytes_total", "Bytes that were sent to this peer."), prometheus.CounterValue, func(l node.Link) float64 { return float64(l.BytesOut) }},
	{perPeer("icn_p2p_dropped_frames_total", "Frames for this peer that were not sent: there was no room in its queue."), prometheus.CounterValue, func(l node.Link) float64 { return float64(l.Dropped) }},
	{perPeer("icn_p2p_throttled_frames_total", "Frames of this peer that had to wait for its rate limit."), prometheus.CounterValue, func(l node.Link) float64 { return float64(l.Throttled) }},
	{perPeer("icn_p2p_refused_streams_total", "Streams of this peer that were reset for breaking a rule."), prometheus.CounterValue, func(l node.Link) float64 { return float64(l.Refused) }},
	{perPeer("icn_p2p_unanswered_calls", "Calls in a row that this peer did not answer."), prometheus.GaugeValue, func(l node.Link) float64 { return float64(l.Failures) }},
	{perPeer("icn_p2p_breaker", "Circuit breaker of calls to this peer: 0 closed, 1 half-open, 2 open."), prometheus.GaugeValue, breakerNumber},
}

func breakerNumber(l node.Link) float64 {
	switch l.Breaker {
	case "half-open":
		return 1
	case "open":
		return 2
	}
	return 0
}

// Describe implements prometheus.Collector.
func (linkMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range linkMeters {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c linkMetrics) Collect(ch chan<- prometheus.Metric) {
	told := map[icn.DID]bool{} // a node whose key changes has two links for a moment
	for _, l := range c.d.Links() {
		if told[l.DID] {
			continue
		}
		told[l.DID] = true
		for _, m := range linkMeters {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.of(l), l.DID.String())
		}
	}
}
