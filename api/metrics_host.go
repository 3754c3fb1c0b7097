package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
)

// hostMetrics reads what is around the node when somebody asks.
type hostMetrics struct{ h Host }

var (
	metricCertificate = desc("icn_tls_certificate_expiry_timestamp_seconds", "When the API's TLS certificate ends. Absent without TLS.")
	metricBackup      = desc("icn_backup_last_success_timestamp_seconds", "When the last whole backup was made on schedule. Absent before the first.")
	metricEvery       = desc("icn_backup_interval_seconds", "How often a backup is due. Absent without a schedule, like all of these.")
	metricBackupFails = desc("icn_backup_failures_total", "Backups on schedule that failed, since the node started.")
	metricBackupTook  = desc("icn_backup_last_duration_seconds", "Time that the last whole backup took, with its check. Absent before the first since the start.")
	metricBackupSize  = desc("icn_backup_last_size_bytes", "Content of the last whole backup. Absent before the first since the start.")
	metricFree        = desc("icn_store_free_bytes", "Bytes left on the disk of the store. Absent where the store is no file.")
	metricDisk        = desc("icn_store_disk_bytes", "Size of the disk of the store. Absent where the store is no file.")
	metricUsed        = desc("icn_store_used_bytes", "Bytes that the store's files take. Absent where the store is no file.")
	metricStrangers   = desc("icn_p2p_strangers", "Connections of nodes that are not of the federation.")
	metricRefused     = desc("icn_p2p_strangers_refused_total", "Connections of such nodes that were refused: max_peers_per_ip, or no place left.")
)

// Describe implements prometheus.Collector.
func (m hostMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricCertificate, metricBackup, metricEvery, metricBackupFails, metricBackupTook, metricBackupSize,
		metricFree, metricDisk, metricUsed, metricStrangers, metricRefused} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What there is not has no value.
func (m hostMetrics) Collect(ch chan<- prometheus.Metric) {
	if m.h == nil {
		return
	}
	s, tell := m.h.Surroundings(), teller(ch)
	if s.Certificate != nil {
		tell.gauge(metricCertificate, float64(s.Certificate.Unix()))
	}
	if s.Backup != nil {
		tell.backup(*s.Backup)
	}
	if s.Door != nil {
		tell.gauge(metricStrangers, float64(s.Door.Strangers))
		tell.count(metricRefused, s.Door.Refused)
	}
	for d, v := range map[*prometheus.Desc]*uint64{metricFree: s.Store.FreeBytes, metricDisk: s.Store.DiskBytes, metricUsed: s.Store.UsedBytes} { // order: whoever reads metrics sorts them
		if v != nil {
			tell.gauge(d, float64(*v))
		}
	}
}

func (t teller) backup(b wire.BackupStatus) {
	t.gauge(metricEvery, b.Every.Seconds())
	t.count(metricBackupFails, b.Failures)
	if b.Last != nil {
		t.gauge(metricBackup, float64(b.Last.Unix()))
	}
	if b.Took > 0 {
		t.gauge(metricBackupTook, b.Took.Seconds())
		t.gauge(metricBackupSize, float64(b.Bytes))
	}
}

// writeMetrics are about the stores.
type writeMetrics struct{ w *meter.Writes }

var (
	metricWrite       = desc("icn_store_write_duration_seconds", "Time of one atomic write to the store; durable ones wait for the disk.", "durable")
	metricWriteBytes  = desc("icn_store_write_bytes_total", "Bytes of keys and values that were written to the store.")
	metricWriteErrors = desc("icn_store_write_errors_total", "Writes that the store did not take.")
)

// Describe implements prometheus.Collector.
func (writeMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- metricWrite
	ch <- metricWriteBytes
	ch <- metricWriteErrors
}

// Collect implements prometheus.Collector.
func (m writeMetrics) Collect(ch chan<- prometheus.Metric) {
	if m.w == nil {
		return
	}
	tell := teller(ch)
	tell.spread(metricWrite, m.w.Durable, "true")
	tell.spread(metricWrite, m.w.Relaxed, "false")
	tell.count(metricWriteBytes, m.w.Bytes.Load())
	tell.count(metricWriteErrors, m.w.Failed.Load())
}

// traceMetrics are about the traces of jobs.
type traceMetrics struct{ t Traces }

var (
	metricSpans        = desc("icn_trace_spans_sent_total", "Spans of traces that the collector has taken. 0 without traces.")
	metricSpansDropped = desc("icn_trace_spans_dropped_total", "Spans of traces that the collector has not got: it was away or refused them, or too many waited. 0 without traces.")
)

// Describe implements prometheus.Collector.
func (traceMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- metricSpans
	ch <- metricSpansDropped
}

// Collect implements prometheus.Collector.
func (m traceMetrics) Collect(ch chan<- prometheus.Metric) {
	var sent, dropped uint64
	if m.t != nil {
		sent, dropped = m.t.Sent(), m.t.Dropped()
	}
	teller(ch).count(metricSpans, sent)
	teller(ch).count(metricSpansDropped, dropped)
}
