package main

// each is the legend of a query with one line for each node.
const each = "{{node}}"

var boards = []board{overview, jobs, governance, network, internals}

var overview = board{uid: "icn-overview", title: "ICN: overview", about: "How the federation is, at a glance.", rows: []row{
	{"Is it well?", []panel{
		{title: "Nodes that answer", about: "How many nodes Prometheus reaches.", number: true, red: 1, below: true, queries: []query{{`sum(up{S,job="icn"})`, ""}}},
		{title: "Nodes that are ready", about: "How many say that they can be sent work.", number: true, red: 1, below: true, queries: []query{{`sum(icn_node_ready{S})`, ""}}},
		{title: "Nodes with a leader", about: "How many know who orders the log. Where there is none, what members hand in waits.", number: true, red: 1, below: true, queries: []query{{`sum(icn_node_leader_known{S})`, ""}}},
		{title: "Alarms", about: "What nodes themselves say that their operators should look at; icn-cli status tells it in words.", number: true, red: 1, queries: []query{{`sum(1 - icn_check_ok{S})`, ""}}},
		{title: "Members in good standing", about: "Persons and organisations that can vote.", number: true, queries: []query{{`max(icn_governance_members{S,standing="good"})`, ""}}},
		{title: "Open jobs", about: "Jobs of the federation that have not ended.", number: true, queries: []query{{`max(icn_jobs_open{S})`, ""}}},
		{title: "Votes that are on", about: "Proposals that members can vote on now.", number: true, queries: []query{{`max(icn_governance_open_votes{S})`, ""}}},
		{title: "Oldest backup", about: "Age of the last whole backup on schedule, of the node where it is oldest.", unit: "s", number: true, queries: []query{{`max(time() - icn_backup_last_success_timestamp_seconds{S})`, ""}}},
	}},
	{"What it does", []panel{
		{title: "Jobs that ended", about: "Jobs settled and rolled back, per second, as each node sees it.", unit: "ops", queries: []query{{`rate(icn_jobs_settled_total{S}[$__rate_interval])`, "settled, " + each}, {`rate(icn_jobs_rolled_back_total{S}[$__rate_interval])`, "rolled back, " + each}}},
		{title: "Entries of the log", about: "How fast the log grows. All nodes should show the same.", unit: "ops", queries: []query{{`rate(icn_log_entries_total{S}[$__rate_interval])`, each}}},
		{title: "Height of the log", about: "How far each node is. A line below the others is a node that lags.", queries: []query{{`icn_log_height{S}`, each}}},
		{title: "Capacity left", about: "What each node's account can spend, as a share of what it can hold.", unit: "percentunit", queries: []query{{`icn_mana_balance_total{S} / icn_mana_cap{S}`, each}}},
		{title: "Links", about: "Peers that each node is linked with; in a whole federation one less than there are nodes.", queries: []query{{`icn_p2p_peers_connected{S}`, each}}},
		{title: "Requests", about: "Requests to each node's API.", unit: "reqps", queries: []query{{`sum by (node) (rate(icn_http_requests_total{S}[$__rate_interval]))`, each}}},
	}},
	{"Which nodes", []panel{
		{title: "Time since the start", about: "How long each node has been running.", unit: "s", queries: []query{{`icn_node_uptime_seconds{S}`, each}}},
		{title: "Releases", about: "How many nodes run which release.", queries: []query{{`count by (version) (icn_build_info{S})`, "{{version}}"}}},
		{title: "Space left on the disk", about: "On the disk of each node's store. At 256 MiB a node refuses new content.", unit: "bytes", queries: []query{{`icn_store_free_bytes{S}`, each}}},
		{title: "Certificate", about: "Time until the API's certificate ends, of nodes with TLS.", unit: "s", queries: []query{{`icn_tls_certificate_expiry_timestamp_seconds{S} - time()`, each}}},
	}},
}}

var jobs = board{uid: "icn-jobs", title: "ICN: jobs and capacity", about: "Where jobs are, what becomes of them, and what they cost.", rows: []row{
	{"Jobs of the federation", []panel{
		{title: "On their way", about: "Jobs posted, attempts given to executors, and jobs settled, per second.", unit: "ops", queries: []query{
			{`max by (federation) (rate(icn_jobs_submitted_total{S}[$__rate_interval]))`, "submitted"}, {`max by (federation) (rate(icn_jobs_assigned_total{S}[$__rate_interval]))`, "assigned"}, {`max by (federation) (rate(icn_jobs_settled_total{S}[$__rate_interval]))`, "settled"}}},
		{title: "Without a result", about: "Jobs rolled back after their last attempt, and jobs that their submitters ended.", unit: "ops", queries: []query{
			{`max by (federation) (rate(icn_jobs_rolled_back_total{S}[$__rate_interval]))`, "rolled back"}, {`max by (federation) (rate(icn_jobs_cancelled_total{S}[$__rate_interval]))`, "cancelled"}}},
		{title: "Attempts that failed", about: "Why an attempt gave no result; the job goes on with another. 'program' is the program's own doing.", unit: "ops", stacked: true, queries: []query{{`max by (cause) (rate(icn_jobs_attempts_failed_total{S}[$__rate_interval]))`, "{{cause}}"}}},
		{title: "Open", about: "Jobs that have not ended, as each node sees it, and those that each runs now.", queries: []query{{`max by (federation) (icn_jobs_open{S})`, "open, {{federation}}"}, {`icn_jobs_running{S}`, "running at " + each}}},
		{title: "Until an executor is chosen", about: "From the posting of a job to its first executor: half of them, and all but one in twenty.", unit: "s", queries: []query{
			{`histogram_quantile(0.5, sum by (le) (rate(icn_jobs_assignment_duration_seconds_bucket{S}[$__rate_interval])))`, "half"}, {`histogram_quantile(0.95, sum by (le) (rate(icn_jobs_assignment_duration_seconds_bucket{S}[$__rate_interval])))`, "19 of 20"}}},
		{title: "Results that were checked", about: "Settled jobs that another node ran again, by what that has shown.", queries: []query{{`max by (result) (increase(icn_jobs_checks_total{S}[$__rate_interval]))`, "{{result}}"}}},
	}},
	{"Runs, node by node", []panel{
		{title: "Runs", about: "Jobs that each node ran to their end.", unit: "ops", queries: []query{{`rate(icn_jobs_executed_total{S}[$__rate_interval])`, each}}},
		{title: "Time of a run", about: "Half of the runs, and all but one in twenty, over all chosen nodes.", unit: "s", queries: []query{
			{`histogram_quantile(0.5, sum by (le) (rate(icn_jobs_run_duration_seconds_bucket{S}[$__rate_interval])))`, "half"}, {`histogram_quantile(0.95, sum by (le) (rate(icn_jobs_run_duration_seconds_bucket{S}[$__rate_interval])))`, "19 of 20"}}},
		{title: "Work of programs", about: "Gas used by programs, a count of their instructions.", unit: "ops", queries: []query{{`rate(icn_jobs_gas_total{S}[$__rate_interval])`, each}}},
		{title: "Runs that were not to be", about: "Given back before the program ran, because something was not to be had, and ended by the node's own fault.", unit: "ops", queries: []query{
			{`rate(icn_jobs_run_declined_total{S}[$__rate_interval])`, "declined, " + each}, {`rate(icn_jobs_run_errors_total{S}[$__rate_interval])`, "faults, " + each}}},
		{title: "Memory denied", about: "Times that a program wanted more memory or table elements than its job allows.", queries: []query{
			{`increase(wasm_memory_growth_denied_total{S}[$__rate_interval])`, "memory, " + each}, {`increase(wasm_table_growth_denied_total{S}[$__rate_interval])`, "table, " + each}}},
		{title: "Bans", about: "Nodes that get no jobs for now because their runs failed, and how often that happened.", queries: []query{{`icn_jobs_executor_banned{S}`, "banned, " + each}, {`max(icn_federation_executors_banned{S})`, "banned, all"}, {`max(increase(icn_jobs_executor_bans_total{S}[$__rate_interval]))`, "new bans"}}},
	}},
	{"Capacity", []panel{
		{title: "Balances", about: "What each node's account can spend now.", queries: []query{{`icn_mana_balance_total{S}`, each}}},
		{title: "Held", about: "Capacity that is held for open jobs, and comes back as far as it is not used.", queries: []query{{`icn_mana_held{S}`, each}, {`max by (federation) (icn_mana_federation_held{S})`, "all of {{federation}}"}}},
		{title: "Spent, credited, regrown", about: "How fast capacity is spent by submitters, credited to executors, grows again by time, and is lost at full accounts.", unit: "ops", queries: []query{
			{`max by (federation) (rate(icn_mana_federation_spent_total{S}[$__rate_interval]))`, "spent"}, {`max by (federation) (rate(icn_mana_federation_credited_total{S}[$__rate_interval]))`, "credited"},
			{`max by (federation) (rate(icn_mana_federation_regenerated_total{S}[$__rate_interval]))`, "regrown"}, {`max by (federation) (rate(icn_mana_federation_lost_total{S}[$__rate_interval]))`, "lost"}}},
		{title: "All accounts", about: "Balances of all accounts of the federation, as of their last change, and what they began with.", queries: []query{{`max by (federation) (icn_mana_federation_balance{S})`, "balances, {{federation}}"}, {`max by (federation) (icn_mana_federation_issued_total{S})`, "issued, {{federation}}"}}},
	}},
}}

var governance = board{uid: "icn-governance", title: "ICN: governance", about: "Proposals, ballots, and who belongs.", rows: []row{
	{"Votes", []panel{
		{title: "Votes that are on", about: "Proposals that members can vote on now.", number: true, queries: []query{{`max(icn_governance_open_votes{S})`, ""}}},
		{title: "Members in good standing", about: "Persons and organisations that can vote.", number: true, queries: []query{{`max(icn_governance_members{S,standing="good"})`, ""}}},
		{title: "Ballots", about: "Ballots cast since the node started that has run longest; changed ones count again.", number: true, queries: []query{{`max(icn_governance_ballots_total{S})`, ""}}},
		{title: "Could not be enacted", about: "Accepted proposals that did not fit any more when they were to take effect.", number: true, red: 1, queries: []query{{`max(icn_governance_failed_total{S})`, ""}}},
		{title: "Proposals", about: "Where proposals came to, counted from each node's start.", queries: []query{{`max by (state) (sum by (node, state) (icn_governance_proposals_total{S}))`, "{{state}}"}}},
		{title: "Proposals by kind", about: "What is proposed: rules, members, programs, and more.", queries: []query{{`max by (kind) (sum by (node, kind) (icn_governance_proposals_total{S}))`, "{{kind}}"}}},
		{title: "Ballots over time", about: "How fast ballots come in.", unit: "ops", queries: []query{{`max by (federation) (rate(icn_governance_ballots_total{S}[$__rate_interval]))`, "{{federation}}"}}},
		{title: "Enacted", about: "Proposals that took effect, by kind.", queries: []query{{`max by (kind) (icn_governance_enacted_total{S})`, "{{kind}}"}}},
		{title: "Members", about: "Persons and organisations by their standing.", queries: []query{{`max by (standing) (icn_governance_members{S})`, "{{standing}}"}}},
		{title: "Statements that changed nothing", about: "Ordered and refused: used twice, too late, or not allowed.", unit: "ops", queries: []query{{`max by (federation) (rate(icn_statements_refused_total{S}[$__rate_interval]))`, "{{federation}}"}}},
	}},
}}

var network = board{uid: "icn-network", title: "ICN: network", about: "Links between the nodes, and who is at the door.", rows: []row{
	{"Links", []panel{
		{title: "Peers linked", about: "How many peers each node is linked with.", queries: []query{{`icn_p2p_peers_connected{S}`, each}}},
		{title: "Missing links", about: "How many nodes of the federation each node is not linked with.", queries: []query{{`icn_federation_nodes{S} - 1 - icn_p2p_peers_connected{S}`, each}}},
		{title: "Round trip", about: "How far peers are away, as last measured; the slowest of each node.", unit: "s", queries: []query{{`max by (node) (icn_p2p_round_trip_seconds{S})`, each}}},
		{title: "Clock", about: "How far the clocks of most peers are ahead of each node's own. More than five seconds raise an alert.", unit: "s", queries: []query{{`icn_clock_offset_seconds{S}`, each}}},
		{title: "Which links stand", about: "1 while a node has a link to a peer (by its DID).", queries: []query{{`icn_p2p_linked{S}`, each + " to {{peer}}"}}},
		{title: "Circuit breakers", about: "Calls to a peer: 0 go through, 1 one is tried, 2 none are made for a moment, because it did not answer.", queries: []query{{`max by (node) (icn_p2p_breaker{S})`, each}}},
	}},
	{"Traffic", []panel{
		{title: "Received", about: "From all peers together.", unit: "Bps", queries: []query{{`sum by (node) (rate(icn_p2p_received_bytes_total{S}[$__rate_interval]))`, each}}},
		{title: "Sent", about: "To all peers together.", unit: "Bps", queries: []query{{`sum by (node) (rate(icn_p2p_sent_bytes_total{S}[$__rate_interval]))`, each}}},
		{title: "Held up", about: "Frames that found no room in a peer's queue, and frames of peers over their rate limit.", unit: "ops", queries: []query{{`sum by (node) (rate(icn_p2p_dropped_frames_total{S}[$__rate_interval]))`, "dropped, " + each}, {`sum by (node) (rate(icn_p2p_throttled_frames_total{S}[$__rate_interval]))`, "throttled, " + each}}},
		{title: "Calls without an answer", about: "In a row, of the worst peer of each node; and streams that broke a rule.", queries: []query{{`max by (node) (icn_p2p_unanswered_calls{S})`, "unanswered, " + each}, {`sum by (node) (increase(icn_p2p_refused_streams_total{S}[$__rate_interval]))`, "refused streams, " + each}}},
		{title: "At the door", about: "Connections of nodes that are not of the federation, and how many were turned away.", queries: []query{{`icn_p2p_strangers{S}`, "there, " + each}, {`increase(icn_p2p_strangers_refused_total{S}[$__rate_interval])`, "refused, " + each}}},
		{title: "Alarms by kind", about: "What nodes say that their operators should look at.", stacked: true, queries: []query{{`sum by (check) (1 - icn_check_ok{S})`, "{{check}}"}}},
	}},
}}

var internals = board{uid: "icn-internals", title: "ICN: inside the nodes", about: "API, log, store and runtime of each node: for whoever looks for a cause.", rows: []row{
	{"API", []panel{
		{title: "Requests by status", about: "4xx is the caller's doing, 5xx the node's.", unit: "reqps", stacked: true, queries: []query{{`sum by (status) (rate(icn_http_requests_total{S}[$__rate_interval]))`, "{{status}}"}}},
		{title: "Faults", about: "Share of requests that the node failed at, over five minutes.", unit: "percentunit", queries: []query{{`icn:http_errors:ratio5m{S}`, each}}},
		{title: "Time to answer", about: "All but one request in twenty are faster, over five minutes. Streams and calls that wait are not in it.", unit: "s", queries: []query{{`icn:http_request_duration_seconds:p95_5m{S}`, each}}},
		{title: "Busiest calls", about: "The ten routes that are asked most.", unit: "reqps", queries: []query{{`topk(10, sum by (method, route) (rate(icn_http_requests_total{S}[$__rate_interval])))`, "{{method}} {{route}}"}}},
		{title: "Being answered", about: "Requests under way, streams among them.", queries: []query{{`icn_http_requests_in_flight{S}`, each}}},
		{title: "Not let in", about: "Refused for their credential, for the scope of their key, or because they had sent too many.", unit: "reqps", queries: []query{{`sum by (reason) (rate(icn_http_auth_failures_total{S}[$__rate_interval]))`, "{{reason}}"}, {`sum(rate(icn_http_rate_limited_total{S}[$__rate_interval]))`, "too many"}}},
	}},
	{"Log", []panel{
		{title: "Time to apply", about: "To write and fold what was ordered together: all but one in twenty turns.", unit: "s", queries: []query{{`histogram_quantile(0.95, sum by (node, le) (rate(icn_log_apply_duration_seconds_bucket{S}[$__rate_interval])))`, each}}},
		{title: "Not certified yet", about: "Entries that no certified checkpoint covers so far.", queries: []query{{`icn_log_height{S} - icn_log_certified_size{S}`, each}}},
		{title: "Waiting to be ordered", about: "Statements handed in at a node that are not in the log yet.", queries: []query{{`icn_statements_waiting{S}`, each}}},
		{title: "Who leads", about: "1 for the node that orders the log.", queries: []query{{`icn_node_leading{S}`, each}, {`icn_log_gap{S}`, "still to fetch, " + each}}},
	}},
	{"Store and blocks", []panel{
		{title: "Time of a durable write", about: "All but one in a hundred, over five minutes: how long the disk keeps everything waiting.", unit: "s", queries: []query{{`icn:store_write_duration_seconds:p99_5m{S}`, each}}},
		{title: "Writes", about: "Atomic writes, and what they hold.", unit: "ops", queries: []query{{`sum by (node) (rate(icn_store_write_duration_seconds_count{S}[$__rate_interval]))`, each}}},
		{title: "Written", about: "Bytes of keys and values handed to the store; faults beside it.", unit: "Bps", queries: []query{{`rate(icn_store_write_bytes_total{S}[$__rate_interval])`, each}, {`rate(icn_store_write_errors_total{S}[$__rate_interval])`, "faults, " + each}}},
		{title: "Space", about: "What the store takes on its disk.", unit: "bytes", queries: []query{{`icn_store_used_bytes{S}`, each}}},
		{title: "Blocks stored", about: "Blocks that came in, and their bytes.", unit: "ops", queries: []query{{`rate(icn_dag_puts_total{S}[$__rate_interval])`, each}}},
		{title: "Bytes of blocks stored", about: "Content that came in.", unit: "Bps", queries: []query{{`rate(icn_dag_put_bytes_total{S}[$__rate_interval])`, each}}},
		{title: "Blocks asked for", about: "Where they were found: in the cache, here, at a peer, or nowhere.", unit: "ops", queries: []query{{`sum by (found) (rate(icn_dag_gets_total{S}[$__rate_interval]))`, "{{found}}"}}},
		{title: "Blocks ever stored", about: "Also before the last start.", queries: []query{{`icn_dag_blocks_arrived_total{S}`, each}}},
		{title: "Backup", about: "Time that the last whole backup took, and how many failed.", unit: "s", queries: []query{{`icn_backup_last_duration_seconds{S}`, each}, {`increase(icn_backup_failures_total{S}[$__rate_interval])`, "failed, " + each}}},
		{title: "Size of the backup", about: "Content of the last whole one.", unit: "bytes", queries: []query{{`icn_backup_last_size_bytes{S}`, each}}},
	}},
	{"Process", []panel{
		{title: "Processor", about: "Cores' worth of time that each node uses.", queries: []query{{`rate(process_cpu_seconds_total{S}[$__rate_interval])`, each}}},
		{title: "Memory", about: "What the operating system counts for each node, and the part that Go's heap uses.", unit: "bytes", queries: []query{{`process_resident_memory_bytes{S}`, each}, {`go_memstats_heap_inuse_bytes{S}`, "heap, " + each}}},
		{title: "Goroutines", about: "A number that only grows is a leak.", queries: []query{{`go_goroutines{S}`, each}}},
		{title: "Garbage collection", about: "Longest pause lately.", unit: "s", queries: []query{{`go_gc_duration_seconds{S,quantile="1"}`, each}}},
		{title: "Open files", about: "As a share of what the process may open.", unit: "percentunit", queries: []query{{`process_open_fds{S} / process_max_fds{S}`, each}}},
	}},
}}
