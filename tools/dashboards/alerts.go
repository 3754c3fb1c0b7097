package main

// runbooks is where an alert's section stands.
const runbooks = "https://github.com/InterCooperative-Network/icn-core/blob/main/docs/runbooks.md#"

// alert is a rule, with an example of series that it fires for and one that it does
// not fire for: promtool tries both. {A} and {B} are the labels of two nodes.
type alert struct {
	name, expr, wait, severity string
	summary, description       string // {{ $labels.… }} may stand in both
	fires, quiet               []series
	at                         string // when both are looked at, from their beginning
	about                      string // the labels of what it fires for: A, B, another set as written, or several with a plus
}

type series struct{ name, values string }

// Severities: critical is worth waking somebody, warning the next working day, info
// a look now and then.
const (
	critical = "critical"
	warning  = "warning"
	info     = "info"
)

// record is a rule that computes something once, for alerts and panels.
type record struct{ name, expr string }

var records = []record{
	{"icn:http_errors:ratio5m", `sum by (federation, node) (rate(icn_http_requests_total{status="5xx"}[5m])) / sum by (federation, node) (rate(icn_http_requests_total[5m]))`},
	{"icn:http_request_duration_seconds:p95_5m", `histogram_quantile(0.95, sum by (federation, node, le) (rate(icn_http_request_duration_seconds_bucket[5m])))`},
	{"icn:store_write_duration_seconds:p99_5m", `histogram_quantile(0.99, sum by (federation, node, le) (rate(icn_store_write_duration_seconds_bucket{durable="true"}[5m])))`},
	{"icn:jobs_rolled_back:increase15m", `max by (federation) (increase(icn_jobs_rolled_back_total[15m]))`},
	{"icn:jobs_submitted:increase15m", `max by (federation) (increase(icn_jobs_submitted_total[15m]))`},
}

var alerts = []alert{
	{name: "NodeDown", expr: `up{job="icn"} == 0`, wait: "1m", severity: critical,
		summary:     "Node {{ $labels.node }} does not answer",
		description: "Prometheus has not reached the metrics of {{ $labels.node }} for a minute. Members who use this node cannot work; jobs that it ran go to others.",
		fires:       []series{{`up{A}`, "0x20"}}, quiet: []series{{`up{A}`, "0 0 1x20"}}, at: "5m", about: "A"},
	{name: "NodeNotReady", expr: `icn_node_ready == 0`, wait: "5m", severity: warning,
		summary:     "Node {{ $labels.node }} is up and not ready",
		description: "It answers, but /ready says that it should be sent no work. It may be catching up, have no leader, or have no space.",
		fires:       []series{{`icn_node_ready{A}`, "0x20"}}, quiet: []series{{`icn_node_ready{A}`, "0x4 1x20"}}, at: "10m", about: "A"},
	{name: "NoLeader", expr: `max by (federation) (icn_node_leader_known) == 0`, wait: "1m", severity: critical,
		summary:     "No node of {{ $labels.federation }} knows a leader",
		description: "Too few clerks reach each other. Nothing is ordered: no job is given out, no ballot counts; what members hand in waits.",
		fires:       []series{{`icn_node_leader_known{A}`, "0x20"}, {`icn_node_leader_known{B}`, "0x20"}},
		quiet:       []series{{`icn_node_leader_known{A}`, "0x20"}, {`icn_node_leader_known{B}`, "1x20"}}, at: "5m", about: `federation: f`},
	{name: "FederationPartition", expr: `icn_node_leader_known == 0 and on (federation) max by (federation) (icn_node_leader_known) == 1`, wait: "2m", severity: critical,
		summary:     "Node {{ $labels.node }} is cut off from the federation's leader",
		description: "Others have a leader and this node knows none. Members can read there, but what they hand in waits until the network is whole.",
		fires:       []series{{`icn_node_leader_known{A}`, "0x20"}, {`icn_node_leader_known{B}`, "1x20"}},
		quiet:       []series{{`icn_node_leader_known{A}`, "0x20"}, {`icn_node_leader_known{B}`, "0x20"}}, at: "5m", about: "A"},
	{name: "PeersLost", expr: `icn_p2p_peers_connected < icn_federation_nodes - 1`, wait: "10m", severity: warning,
		summary:     "Node {{ $labels.node }} is not linked with all others",
		description: "Some links have been missing for ten minutes. Work goes on, but fewer nodes may fail before it stops.",
		fires:       []series{{`icn_p2p_peers_connected{A}`, "1x30"}, {`icn_federation_nodes{A}`, "3x30"}},
		quiet:       []series{{`icn_p2p_peers_connected{A}`, "2x30"}, {`icn_federation_nodes{A}`, "3x30"}}, at: "15m", about: "A"},
	// A breaker is open for seconds at a time, opens anew with each try, and is left
	// half-open when nobody calls. So it must not be closed at any look, more calls must
	// fail meanwhile, and there must be a link: without one, PeersLost
	// and NodeDown tell the same once, and not once for each pair of nodes.
	{name: "BreakerOpen", expr: `icn_p2p_breaker > 0 and delta(icn_p2p_unanswered_calls[5m]) > 0 and icn_p2p_linked == 1`, wait: "10m", severity: warning,
		summary:     "A peer of {{ $labels.node }} is linked and does not answer",
		description: "For ten minutes every call of {{ $labels.node }} to {{ $labels.peer }} has gone without an answer, so it is asked only now and then. Content and results that only this peer has do not arrive.",
		fires:       []series{{`icn_p2p_breaker{A,peer="p"}`, "0 2 2 2 2 2 2 2 2 2 2 1 2x40"}, {`icn_p2p_unanswered_calls{A,peer="p"}`, "0 3+1x40"}, {`icn_p2p_linked{A,peer="p"}`, "1x40"}},
		quiet: []series{{`icn_p2p_breaker{A,peer="nobody calls it"}`, "0 2 1x40"}, {`icn_p2p_unanswered_calls{A,peer="nobody calls it"}`, "0 3x40"}, {`icn_p2p_linked{A,peer="nobody calls it"}`, "1x40"},
			{`icn_p2p_breaker{A,peer="not linked"}`, "2x40"}, {`icn_p2p_unanswered_calls{A,peer="not linked"}`, "3+1x40"}, {`icn_p2p_linked{A,peer="not linked"}`, "0x40"},
			{`icn_p2p_breaker{A,peer="answers at times"}`, "2 2 2 2 2 2 2 2 2 2 2 2 0 2x40"}, {`icn_p2p_unanswered_calls{A,peer="answers at times"}`, "3+1x40"}, {`icn_p2p_linked{A,peer="answers at times"}`, "1x40"}}, at: "20m", about: "A, peer: p"},
	// One node that waits to be let in knocks twice a second at most, and is refused only
	// where its address has no place left. One a second over a quarter of an hour is a
	// machine that does not stop, or a network with more nodes than max_peers_per_ip.
	{name: "StrangersRefused", expr: `rate(icn_p2p_strangers_refused_total[10m]) > 1`, wait: "5m", severity: warning,
		summary:     "Many strangers are turned away at {{ $labels.node }}",
		description: "For ten minutes more than one connection a second of nodes that are not of the federation has been refused by the limits. The federation's own links have places of their own; new nodes may not get in.",
		fires:       []series{{`icn_p2p_strangers_refused_total{A}`, "0+90x40"}},
		quiet:       []series{{`icn_p2p_strangers_refused_total{A}`, "0+30x40"}, {`icn_p2p_strangers_refused_total{B}`, "0 0 0 0 0 500x40"}}, at: "30m", about: "A"},
	{name: "NodeAlarm", expr: `icn_check_ok{check!~"backup|certificate|clock|disk|node|order|peers"} == 0`, wait: "5m", severity: warning,
		summary:     "Node {{ $labels.node }}: look at {{ $labels.check }}",
		description: "The node itself says that its operator should look; icn-cli doctor tells what it is about and what to do.",
		fires:       []series{{`icn_check_ok{A,check="leader"}`, "0x20"}, {`icn_check_ok{A,check="disk"}`, "0x20"}},
		quiet:       []series{{`icn_check_ok{A,check="leader"}`, "1x20"}, {`icn_check_ok{A,check="disk"}`, "0x20"}}, at: "10m", about: "A, check: leader"},
	{name: "LogBehind", expr: `max by (federation) (icn_log_height) - on (federation) group_right () icn_log_height > 100`, wait: "5m", severity: warning,
		summary:     "Node {{ $labels.node }} is behind in the federation's log",
		description: "It has more than a hundred entries less than the furthest node. Members see old balances and votes there.",
		fires:       []series{{`icn_log_height{A}`, "10x20"}, {`icn_log_height{B}`, "1000x20"}},
		quiet:       []series{{`icn_log_height{A}`, "950x20"}, {`icn_log_height{B}`, "1000x20"}}, at: "10m", about: "A"},
	{name: "CertifiedLagging", expr: `increase(icn_log_entries_total[10m]) > 10 and delta(icn_log_certified_size[10m]) == 0`, wait: "5m", severity: warning,
		summary:     "Nothing new is certified at {{ $labels.node }}",
		description: "Entries are applied, but the clerks' signatures on a checkpoint do not come together. Receipts cannot be proven to strangers until they do.",
		fires:       []series{{`icn_log_entries_total{A}`, "0+10x30"}, {`icn_log_certified_size{A}`, "5x30"}},
		quiet:       []series{{`icn_log_entries_total{A}`, "0+10x30"}, {`icn_log_certified_size{A}`, "0+10x30"}}, at: "20m", about: "A"},
	{name: "StatementsWaiting", expr: `icn_statements_waiting > 100`, wait: "5m", severity: warning,
		summary:     "What members handed in at {{ $labels.node }} is not ordered",
		description: "More than a hundred statements have been waiting for five minutes. They go in when the order moves again, or expire.",
		fires:       []series{{`icn_statements_waiting{A}`, "101x20"}}, quiet: []series{{`icn_statements_waiting{A}`, "100x20"}}, at: "10m", about: "A"},
	{name: "JobsRolledBack", expr: `icn:jobs_rolled_back:increase15m > 2 and icn:jobs_rolled_back:increase15m / icn:jobs_submitted:increase15m > 0.1`, wait: "5m", severity: warning,
		summary:     "Jobs of {{ $labels.federation }} are rolled back",
		description: "More than one job in ten failed in all of its attempts within a quarter of an hour. Submitters have their capacity back, and no result.",
		fires:       []series{{`icn_jobs_rolled_back_total{A}`, "0+1x40"}, {`icn_jobs_submitted_total{A}`, "0+5x40"}},
		quiet:       []series{{`icn_jobs_rolled_back_total{A}`, "0+1x40"}, {`icn_jobs_submitted_total{A}`, "0+50x40"}}, at: "30m", about: `federation: f`},
	{name: "JobBacklog", expr: `max by (federation) (icn_jobs_open) > 20 * max by (federation) (icn_federation_nodes)`, wait: "10m", severity: warning,
		summary:     "Many jobs of {{ $labels.federation }} are waiting",
		description: "There have been more than twenty open jobs for each node for ten minutes. Members wait longer for results.",
		fires:       []series{{`icn_jobs_open{A}`, "61x30"}, {`icn_federation_nodes{A}`, "3x30"}},
		quiet:       []series{{`icn_jobs_open{A}`, "60x30"}, {`icn_federation_nodes{A}`, "3x30"}}, at: "15m", about: `federation: f`},
	{name: "ExecutorBanned", expr: `icn_jobs_executor_banned == 1`, wait: "1m", severity: warning,
		summary:     "Node {{ $labels.node }} is given no jobs",
		description: "Its last runs failed, so the federation gives its jobs to others for a while. It earns no capacity meanwhile.",
		fires:       []series{{`icn_jobs_executor_banned{A}`, "1x20"}}, quiet: []series{{`icn_jobs_executor_banned{A}`, "0x20"}}, at: "5m", about: "A"},
	{name: "ResultDisputed", expr: `max by (federation) (increase(icn_jobs_checks_total{result="mismatch"}[1h])) > 0`, wait: "0s", severity: critical,
		summary:     "A result in {{ $labels.federation }} is not what others find",
		description: "A settled job was run again by another node, which came to something else. The executor is banned and has paid back; members should know whose result it was.",
		fires:       []series{{`icn_jobs_checks_total{A,result="mismatch"}`, "0 0 1x30"}, {`icn_jobs_checks_total{A,result="match"}`, "0+1x30"}},
		quiet:       []series{{`icn_jobs_checks_total{A,result="mismatch"}`, "1x30"}, {`icn_jobs_checks_total{A,result="match"}`, "0+1x30"}}, at: "20m", about: `federation: f`},
	{name: "CapacityLow", expr: `icn_mana_balance_total < 0.1 * icn_mana_cap`, wait: "15m", severity: warning,
		summary:     "Node {{ $labels.node }} has little capacity left",
		description: "Its account has less than a tenth of what it can hold. Jobs that it submits are refused soon; capacity grows by time, and by running jobs of others.",
		fires:       []series{{`icn_mana_balance_total{A}`, "99x40"}, {`icn_mana_cap{A}`, "1000x40"}},
		quiet:       []series{{`icn_mana_balance_total{A}`, "100x40"}, {`icn_mana_cap{A}`, "1000x40"}}, at: "20m", about: "A"},
	{name: "BackupOverdue", expr: `time() - icn_backup_last_success_timestamp_seconds > 2 * icn_backup_interval_seconds or (icn_node_uptime_seconds > 2 * icn_backup_interval_seconds unless icn_backup_last_success_timestamp_seconds)`, wait: "5m", severity: warning,
		summary:     "Node {{ $labels.node }} has no recent backup",
		description: "The last whole backup on schedule is more than two intervals old, or there is none. What is newer would have to come from other nodes.",
		fires:       []series{{`icn_backup_last_success_timestamp_seconds{A}`, "0x40"}, {`icn_backup_interval_seconds{A}`, "300x40"}, {`icn_backup_interval_seconds{B}`, "300x40"}, {`icn_node_uptime_seconds{B}`, "0+60x40"}},
		quiet:       []series{{`icn_backup_last_success_timestamp_seconds{A}`, "0+60x40"}, {`icn_backup_interval_seconds{A}`, "300x40"}, {`icn_node_uptime_seconds{A}`, "0+60x40"}, {`icn_backup_interval_seconds{B}`, "3600x40"}, {`icn_node_uptime_seconds{B}`, "0+60x40"}}, at: "30m", about: "A + B"},
	{name: "BackupFailing", expr: `increase(icn_backup_failures_total[1h]) > 0`, wait: "0s", severity: warning,
		summary:     "A backup of {{ $labels.node }} failed",
		description: "It is tried again within ten minutes; icn-cli status tells why it failed.",
		fires:       []series{{`icn_backup_failures_total{A}`, "0 0 1x30"}}, quiet: []series{{`icn_backup_failures_total{A}`, "3x30"}}, at: "20m", about: "A"},
	{name: "DiskLow", expr: `icn_store_free_bytes < 2147483648 and icn_store_free_bytes < 0.1 * icn_store_disk_bytes`, wait: "5m", severity: warning,
		summary:     "The disk of {{ $labels.node }} is nearly full",
		description: "Less than 2 GiB and less than a tenth are left where the store is. At 256 MiB the node refuses new content.",
		fires:       []series{{`icn_store_free_bytes{A}`, "1000000000x20"}, {`icn_store_disk_bytes{A}`, "100000000000x20"}},
		quiet:       []series{{`icn_store_free_bytes{A}`, "1000000000x20"}, {`icn_store_disk_bytes{A}`, "5000000000x20"}}, at: "10m", about: "A"},
	{name: "DiskFull", expr: `icn_store_free_bytes < 268435456`, wait: "1m", severity: critical,
		summary:     "The disk of {{ $labels.node }} is full",
		description: "Less than 256 MiB are left where the store is. The node refuses new content, and stops when it cannot write any more.",
		fires:       []series{{`icn_store_free_bytes{A}`, "200000000x20"}}, quiet: []series{{`icn_store_free_bytes{A}`, "300000000x20"}}, at: "5m", about: "A"},
	{name: "CertificateEndsSoon", expr: `icn_tls_certificate_expiry_timestamp_seconds - time() < 14 * 86400`, wait: "1h", severity: warning,
		summary:     "The certificate of {{ $labels.node }} ends within two weeks",
		description: "After that callers refuse to speak with this node. A new file in the same place is taken up by itself.",
		fires:       []series{{`icn_tls_certificate_expiry_timestamp_seconds{A}`, "1000000x100"}}, quiet: []series{{`icn_tls_certificate_expiry_timestamp_seconds{A}`, "2000000x100"}}, at: "90m", about: "A"},
	{name: "HTTPErrors", expr: `icn:http_errors:ratio5m > 0.05`, wait: "10m", severity: warning,
		summary:     "Node {{ $labels.node }} fails at requests",
		description: "More than one request in twenty has been answered with a fault of the node's own for ten minutes.",
		fires:       []series{{`icn_http_requests_total{A,status="5xx"}`, "0+10x40"}, {`icn_http_requests_total{A,status="2xx"}`, "0+100x40"}},
		quiet:       []series{{`icn_http_requests_total{A,status="5xx"}`, "0+1x40"}, {`icn_http_requests_total{A,status="2xx"}`, "0+100x40"}}, at: "30m", about: "federation: f, node: a"},
	{name: "HTTPSlow", expr: `icn:http_request_duration_seconds:p95_5m > 1`, wait: "10m", severity: warning,
		summary:     "Node {{ $labels.node }} answers slowly",
		description: "One request in twenty has taken longer than a second for ten minutes. Streams and calls that wait are not in this.",
		fires:       []series{{`icn_http_request_duration_seconds_bucket{A,le="1"}`, "0+10x40"}, {`icn_http_request_duration_seconds_bucket{A,le="5"}`, "0+100x40"}, {`icn_http_request_duration_seconds_bucket{A,le="+Inf"}`, "0+100x40"}},
		quiet:       []series{{`icn_http_request_duration_seconds_bucket{A,le="1"}`, "0+99x40"}, {`icn_http_request_duration_seconds_bucket{A,le="5"}`, "0+100x40"}, {`icn_http_request_duration_seconds_bucket{A,le="+Inf"}`, "0+100x40"}}, at: "30m", about: "federation: f, node: a"},
	{name: "AuthFailures", expr: `rate(icn_http_auth_failures_total{reason="credential"}[5m]) > 0.2`, wait: "5m", severity: warning,
		summary:     "Somebody tries credentials at {{ $labels.node }}",
		description: "More than one wrong or missing credential every five seconds, for five minutes: a script with an old key, or somebody who guesses. The audit log tells from where.",
		fires:       []series{{`icn_http_auth_failures_total{A,reason="credential"}`, "0+60x30"}},
		quiet:       []series{{`icn_http_auth_failures_total{A,reason="credential"}`, "0+6x30"}, {`icn_http_auth_failures_total{A,reason="scope"}`, "0+60x30"}}, at: "20m", about: "A, reason: credential"},
	{name: "MemoryGrowthDenied", expr: `increase(wasm_memory_growth_denied_total[15m]) + increase(wasm_table_growth_denied_total[15m]) > 20`, wait: "0s", severity: info,
		summary:     "Programs at {{ $labels.node }} want more memory than they may have",
		description: "Their submitters should ask for more memory, or mend the program; the node itself is well.",
		fires:       []series{{`wasm_memory_growth_denied_total{A}`, "0+2x30"}, {`wasm_table_growth_denied_total{A}`, "0x30"}},
		quiet:       []series{{`wasm_memory_growth_denied_total{A}`, "0+1x30"}, {`wasm_table_growth_denied_total{A}`, "50x30"}}, at: "20m", about: "A"},
	{name: "ClockWrong", expr: `abs(icn_clock_offset_seconds) > 5`, wait: "5m", severity: warning,
		summary:     "The clock of {{ $labels.node }} is wrong",
		description: "It differs from most peers' by more than five seconds. From two minutes on this node may not lead, and deadlines of votes and jobs go by another time than people think.",
		fires:       []series{{`icn_clock_offset_seconds{A}`, "-6x20"}}, quiet: []series{{`icn_clock_offset_seconds{A}`, "4x20"}}, at: "10m", about: "A"},
	{name: "StoreFailing", expr: `increase(icn_store_write_errors_total[15m]) > 0`, wait: "0s", severity: critical,
		summary:     "The store of {{ $labels.node }} did not take a write",
		description: "The node stops when its own log cannot be written, so that nothing is said that is not kept. Look at the disk or the database.",
		fires:       []series{{`icn_store_write_errors_total{A}`, "0 0 0 0 0 0 1x30"}}, quiet: []series{{`icn_store_write_errors_total{A}`, "1x30"}}, at: "10m", about: "A"},
	{name: "StoreSlow", expr: `icn:store_write_duration_seconds:p99_5m > 1`, wait: "10m", severity: warning,
		summary:     "The store of {{ $labels.node }} is slow",
		description: "One durable write in a hundred has taken longer than a second for ten minutes. Everything that this node orders waits for it.",
		fires:       []series{{`icn_store_write_duration_seconds_bucket{A,durable="true",le="1"}`, "0+10x40"}, {`icn_store_write_duration_seconds_bucket{A,durable="true",le="5"}`, "0+100x40"}, {`icn_store_write_duration_seconds_bucket{A,durable="true",le="+Inf"}`, "0+100x40"}},
		quiet:       []series{{`icn_store_write_duration_seconds_bucket{A,durable="true",le="1"}`, "0+100x40"}, {`icn_store_write_duration_seconds_bucket{A,durable="true",le="5"}`, "0+100x40"}, {`icn_store_write_duration_seconds_bucket{A,durable="true",le="+Inf"}`, "0+100x40"}}, at: "30m", about: "federation: f, node: a"},
	{name: "EnactmentFailed", expr: `max by (federation) (increase(icn_governance_failed_total[1h])) > 0`, wait: "0s", severity: warning,
		summary:     "What members of {{ $labels.federation }} accepted could not be enacted",
		description: "A vote passed, and its motion did not fit any more when it was to take effect. Members should hear of it, and may propose again.",
		fires:       []series{{`icn_governance_failed_total{A}`, "0 0 1x30"}}, quiet: []series{{`icn_governance_failed_total{A}`, "1x30"}}, at: "20m", about: `federation: f`},
	{name: "VersionSkew", expr: `count by (federation) (count by (federation, version) (icn_build_info)) > 1`, wait: "24h", severity: info,
		summary:     "Nodes of {{ $labels.federation }} run different releases",
		description: "Neighbouring releases work together, but an upgrade should not stay half done: a later one may leave the older node out.",
		fires:       []series{{`icn_build_info{A,version="1"}`, "1x1600"}, {`icn_build_info{B,version="2"}`, "1x1600"}},
		quiet:       []series{{`icn_build_info{A,version="2"}`, "1x1600"}, {`icn_build_info{B,version="2"}`, "1x1600"}}, at: "25h", about: `federation: f`},
}
