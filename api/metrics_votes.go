package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// voteMetrics read what the node knows of votes when somebody asks.
type voteMetrics struct{ n *node.Node }

var (
	metricProposals = prometheus.NewDesc("icn_governance_proposals_total", "Proposals that came to a state, since the node started.", []string{"state", "kind"}, nil)
	metricEnacted   = prometheus.NewDesc("icn_governance_enacted_total", "Proposals that were enacted, since the node started.", []string{"kind"}, nil)
	metricBallots   = desc("icn_governance_ballots_total", "Ballots that were cast, changed ones counted again, since the node started.")
	metricFailed    = desc("icn_governance_failed_total", "Proposals that were accepted and could not be enacted, since the node started.")
	metricMembers   = prometheus.NewDesc("icn_governance_members", "Persons and organisations, by their standing.", []string{"standing"}, nil)
)

// Describe implements prometheus.Collector.
func (voteMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricProposals, metricEnacted, metricBallots, metricFailed, metricMembers} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Each kind of motion is there from the
// beginning, so that a rate can be taken of its first proposal.
func (m voteMetrics) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	stats := m.n.Stats()
	count(metricBallots, stats.Ballots.Load())
	count(metricFailed, stats.Failed.Load())
	moved, enacted := stats.Votes.Counts()
	for _, kind := range icn.MotionKinds() {
		count(metricEnacted, enacted[kind], kind)
		if first := (node.Moved{Stage: icn.StageDraft, Kind: kind}); moved[first] == 0 {
			count(metricProposals, 0, first.Stage.String(), kind)
		}
	}
	for at, n := range moved { // order: whoever reads metrics sorts them
		count(metricProposals, n, at.Stage.String(), at.Kind)
	}
	members, err := m.n.Members()
	if err != nil {
		return // it is in no federation
	}
	for standing, n := range members { // order: whoever reads metrics sorts them
		ch <- prometheus.MustNewConstMetric(metricMembers, prometheus.GaugeValue, float64(n), standing.String())
	}
}
