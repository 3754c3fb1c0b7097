package api

import (
	"net/http"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const get, post = http.MethodGet, http.MethodPost

// group is a part of the table, and a chapter of the manual.
type group struct {
	name, doc string
	routes    []route
}

// groups is the whole HTTP surface.
func groups() []group {
	return []group{
		{"node", "The node itself.", []route{
			{method: get, path: "/info", name: "Info", doc: "Who the node is", bind: typed((*Server).info)},
			{method: get, path: "/status", name: "Status", doc: "The node at a glance", bind: typed((*Server).status)},
			{method: get, path: "/health", name: "Health", doc: "Whether the node works; 503 when it does not", bind: typed((*Server).health, 503), open: true},
			{method: get, path: "/ready", name: "Ready", doc: "Whether it can order statements; 503 when it cannot", bind: typed((*Server).ready, 503), open: true},
			{method: get, path: "/livez", name: "Livez", doc: "Whether the process answers", bind: typed((*Server).livez), open: true},
			{method: get, path: "/checks", name: "Checks", doc: "What the node has looked at, what it found, and what to do about it", bind: typed((*Server).lookAtChecks)},
			{method: get, path: "/metrics", name: "Metrics", doc: "Counters for Prometheus", bind: raw((*Server).scrape, answers(200, "text/plain", "The text format of Prometheus."))},
			{method: get, path: "/keys", name: "Keys", doc: "The node's public key in its forms", bind: typed((*Server).keys)},
			{method: get, path: "/openapi.json", name: "OpenAPI", doc: "This API as OpenAPI 3.1", bind: raw((*Server).openAPI, answers(200, "application/json", "The document.")), open: true},
			{method: get, path: "/docs", name: "Docs", doc: "This API for people", bind: raw((*Server).docs, answers(200, "text/html", "A page that needs nothing else.")), open: true},
		}},
		{"dag", "Blocks, and files and folders made of them. CIDs are those of IPFS tools.", []route{
			{method: post, path: "/dag/put", name: "DagPut", doc: "Store one block", bind: raw((*Server).dagPut, putDoc)},
			{method: post, path: "/dag/put/batch", name: "DagPutBatch", doc: "Store many blocks in one commit", bind: raw((*Server).dagPutBatch, batchDoc), limit: batchLimit, long: true},
			{method: post, path: "/dag/get", scope: access.Read, name: "DagGet", doc: "A block's content; what is missing is fetched from peers", bind: raw((*Server).dagGet, getDoc)},
			{method: get, path: "/dag/{cid}", name: "DagBlock", doc: "A block's content, by an address that caches understand", bind: raw((*Server).dagBlock, inPath("cid"), answers(200, octets, "The block."))},
			{method: get, path: "/dag/cat/{cid}", name: "DagCat", doc: "A file's content as a stream", bind: raw((*Server).dagCat, inPath("cid"), answers(200, octets, "The file.")), long: true},
			{method: get, path: "/dag/ls/{cid}", name: "DagList", doc: "What a folder holds", bind: typed((*Server).dagList)},
			{method: post, path: "/dag/add", name: "DagAdd", doc: "Store a file from a stream", bind: raw((*Server).dagAdd, addDoc), limit: -1, long: true},
			{method: post, path: "/dag/import", name: "DagImport", doc: "Store the blocks of a CAR stream", bind: raw((*Server).dagImport, importDoc), limit: -1, long: true},
			{method: get, path: "/dag/export/{cid}", name: "DagExport", doc: "A tree as a CAR stream (version 1)", bind: raw((*Server).dagExport, inPath("cid"), answers(200, carType, "The stream.")), long: true},
			{method: post, path: "/dag/meta", scope: access.Read, name: "DagMeta", doc: "What is known of a block that is stored here", bind: typed((*Server).dagMeta)},
			{method: post, path: "/dag/has", scope: access.Read, name: "DagHas", doc: "Whether a block is stored here", bind: typed((*Server).dagHas)},
			{method: post, path: "/dag/pin", name: "DagPin", doc: "Keep a tree; what is missing is fetched first", bind: typed((*Server).dagPin), long: true},
			{method: post, path: "/dag/unpin", name: "DagUnpin", doc: "Let a tree go", bind: typed((*Server).dagUnpin)},
			{method: get, path: "/dag/pins", name: "DagPins", doc: "The trees that are kept", bind: typed((*Server).dagPins)},
			{method: post, path: "/dag/prune", scope: access.Admin, name: "DagPrune", doc: "Remove what no pin, no open job and no proposal reaches", bind: typed((*Server).dagPrune), long: true},
		}},
		{"admin", "Looking after the node.", []route{
			{method: get, path: "/admin/backup", scope: access.Admin, name: "AdminBackup", doc: "A backup of everything the node holds, as a tar.gz stream", bind: raw((*Server).backup, backupDoc), long: true},
			{method: get, path: "/admin/verify", scope: access.Admin, name: "AdminVerify", doc: "Whether what the node holds is what it was; with deep=true every block and signature is checked", bind: raw((*Server).verify, verifyDoc), long: true},
			{method: post, path: "/admin/restore", scope: access.Admin, name: "AdminRestore", doc: "Bring back what is missing here of a backup of this federation", bind: raw((*Server).restore, restoreDoc), limit: -1, long: true},
			{method: post, path: "/admin/rotate-key", scope: access.Admin, name: "AdminRotateKey", doc: "Give the node another key, with which it starts again; its DID, account and standing stay", bind: typed((*Server).rotateKey), long: true},
			{method: get, path: "/admin/debug", scope: access.Admin, name: "AdminDebug", doc: "What helps whoever looks for a fault: settings without secrets, the last lines of the log, what every part is doing", bind: typed((*Server).debug)},
			{method: post, path: "/config/reload", scope: access.Admin, name: "ConfigReload", doc: "Read the configuration again, and use what can be changed while the node runs", bind: typed((*Server).reload)},
		}},
		{"log", "The federation's log: statements in, entries, events and proofs out.", []route{
			{method: post, path: "/statements", name: "StatementSay", doc: "Hand in a signed statement; 200 when it is applied, 202 while it waits to be ordered", bind: raw((*Server).say, sayDoc), limit: statementLimit},
			{method: get, path: "/statements/waiting", name: "StatementsWaiting", doc: "Statements that are not ordered yet", bind: typed((*Server).waiting)},
			{method: get, path: "/events", name: "Events", doc: "What happened, and what happens from now on", bind: raw((*Server).events, eventsDoc), long: true},
			{method: get, path: "/log/{index}", name: "LogEntry", doc: "An entry of the log", bind: typed((*Server).logEntry)},
			{method: get, path: "/log/{index}/proof", name: "LogProof", doc: "Proof that an entry is in the certified log", bind: typed((*Server).logProof), long: true},
			{method: get, path: "/ws", name: "Socket", doc: "Events over a WebSocket", bind: raw((*Server).socket, socketDoc), long: true},
			{method: get, path: "/checkpoint", name: "Checkpoint", doc: "The last certified checkpoint, as a signed note", bind: raw((*Server).checkpoint, checkpointDoc)},
		}},
		{"mesh", "Jobs: programs that the federation runs.", []route{
			{method: post, path: "/mesh/submit", name: "MeshSubmit", doc: "Offer a job in the node's name; 202, or 200 with its end when it ended within wait", bind: typed((*Server).submit, 202), long: true},
			{method: get, path: "/mesh/jobs", name: "MeshJobs", doc: "Jobs, the newest first", bind: typed((*Server).jobs)},
			{method: get, path: "/mesh/jobs/{id}", name: "MeshJob", doc: "How a job stands", bind: typed((*Server).job), long: true},
			{method: post, path: "/mesh/jobs/{id}/cancel", name: "MeshCancel", doc: "End a job that this node submitted", bind: typed((*Server).cancel, 202)},
			{method: get, path: "/mesh/jobs/{id}/progress", name: "MeshProgress", doc: "How far a job is, and what it has written", bind: typed((*Server).progress), long: true},
			{method: get, path: "/mesh/jobs/{id}/stream", name: "MeshStream", doc: "Follow a job: progress, output and log, as they come", bind: raw((*Server).stream, inPath("id"), streamDoc), long: true},
			{method: post, path: "/mesh/jobs/{id}/check", name: "MeshCheck", doc: "Have other nodes run a settled job again; who lied about it is banned", bind: typed((*Server).checkJob, 202)},
			{method: post, path: "/mesh/jobs/{id}/audit", name: "MeshAudit", doc: "Run a settled job again on this node, and compare", bind: typed((*Server).auditJob), long: true},
			{method: get, path: "/mesh/executors", name: "MeshExecutors", doc: "The nodes as executors: what they offer, run and have earned, and who is banned", bind: typed((*Server).executors)},
			{method: get, path: "/mesh/blacklist", name: "MeshBlacklist", doc: "Executors that get no jobs at the moment", bind: typed((*Server).blacklist)},
			{method: post, path: "/mesh/blacklist/{did}/remove", scope: access.Admin, name: "MeshBlacklistRemove", doc: "Take a ban back; this node must be a clerk", bind: typed((*Server).liftBan, 202)},
			{method: get, path: "/mesh/receipts/{id}", name: "MeshReceipt", doc: "All that is needed to check a job's receipt offline", bind: typed((*Server).receipt), long: true},
		}},
		{"governance", "Proposals, votes and what comes of them. A member's word is signed by the member: without a signature these routes answer what to sign, and nothing happens.", governanceRoutes()},
		{"accounts", "Mana: regenerating capacity, not money.", []route{
			{method: get, path: "/account/{did}/mana", name: "AccountMana", doc: "An account's capacity now, or as of a time", bind: typed((*Server).account)},
			{method: get, path: "/account/{did}/history", name: "AccountHistory", doc: "Every change of an account, with its cause; the last ones, at or before a time", bind: typed((*Server).accountHistory)},
			{method: get, path: "/reputation/{did}", name: "Reputation", doc: "What somebody has earned by running jobs, and why", bind: typed((*Server).reputation)},
		}},
		{"network", "The links to other nodes.", []route{
			{method: get, path: "/network/peers", name: "NetworkPeers", doc: "The peers that the network knows", bind: typed((*Server).peers)},
			{method: get, path: "/network/local-peer-id", name: "NetworkLocalPeerID", doc: "How this node can be reached", bind: typed((*Server).localPeerID)},
			{method: post, path: "/network/connect", scope: access.Admin, name: "NetworkConnect", doc: "Dial an address", bind: typed((*Server).connect)},
			{method: post, path: "/network/ping", scope: access.Read, name: "NetworkPing", doc: "Measure the way to a peer", bind: typed((*Server).ping)},
		}},
		{"federation", "Who belongs, and how others come in.", []route{
			{method: get, path: "/federation/status", name: "FederationStatus", doc: "Who belongs, and under which rules", bind: typed((*Server).federation)},
			{method: get, path: "/federation/peers", name: "FederationPeers", doc: "The other nodes of the federation", bind: typed((*Server).federationPeers)},
			{method: get, path: "/federation/knocking", name: "FederationKnocking", doc: "Nodes that ask to be let in", bind: typed((*Server).knocking)},
			{method: post, path: "/federation/admit", scope: access.Admin, name: "FederationAdmit", doc: "Take a node in", bind: typed((*Server).admit, 202)},
			{method: post, path: "/federation/invite", scope: access.Admin, name: "FederationInvite", doc: "Make a join code that works once", bind: typed((*Server).invite, 202)},
			{method: post, path: "/federation/join", scope: access.Admin, name: "FederationJoin", doc: "Go over to another federation", bind: typed((*Server).join)},
			{method: post, path: "/federation/members", scope: access.Admin, name: "FederationMembers", doc: "Take a person or an organisation in", bind: typed((*Server).admitMember, 202)},
			{method: post, path: "/federation/members/batch", scope: access.Admin, name: "FederationMembersBatch", doc: "Take many in with one statement: all of them, or none", bind: typed((*Server).admitMembers, 202), limit: memberBatchLimit},
			{method: get, path: "/federation/members/{did}", name: "FederationMember", doc: "A member's standing, key and guardians, and when it was on the roll", bind: typed((*Server).member)},
			{method: get, path: "/federation/accused", name: "FederationAccused", doc: "Nodes that clerks want to expel, and evidence against clerks", bind: typed((*Server).accused)},
			{method: post, path: "/federation/expel", scope: access.Admin, name: "FederationExpel", doc: "Say as a clerk that a node shall leave the federation; a majority of the clerks decides", bind: typed((*Server).expel, 202)},
			{method: post, path: "/federation/leave", scope: access.Admin, name: "FederationLeave", doc: "Take this node out of its federation", bind: typed((*Server).leave, 202)},
		}},
	}
}

func governanceRoutes() []route {
	return []route{
		{method: get, path: "/governance/proposals", name: "GovernanceProposals", doc: "Proposals, the newest first", bind: typed((*Server).proposals)},
		{method: get, path: "/governance/proposal/{id}", name: "GovernanceProposal", doc: "How a proposal stands", bind: typed((*Server).proposal)},
		{method: get, path: "/governance/proposal/{id}/tally", name: "GovernanceTally", doc: "The result of a vote; while it is open, how it stands", bind: typed((*Server).proposalTally)},
		{method: get, path: "/governance/proposal/{id}/ballots", name: "GovernanceBallots", doc: "The ballots on a proposal, as the log has them", bind: typed((*Server).ballots)},
		{method: get, path: "/governance/proposal/{id}/rehearsal", name: "GovernanceRehearsal", doc: "What would change if it were enacted now, tried out on the state and undone", bind: typed((*Server).rehearsal), long: true},
		{method: get, path: "/governance/proposal/{id}/export", name: "GovernanceExport", doc: "A closed vote as one file that a stranger recounts offline", bind: raw((*Server).exportVote, exportDoc), long: true},
		{method: get, path: "/governance/receipts/{cid}", name: "GovernanceReceipt", doc: "All that is needed to check offline that a statement, such as a ballot, is in the log", bind: typed((*Server).statementReceipt), long: true},
		{method: get, path: "/governance/receipts/{cid}/file", name: "GovernanceReceiptFile", doc: "The same as a small file that a member keeps", bind: raw((*Server).receiptFile, receiptFileDoc), long: true},
		{method: get, path: "/governance/delegations/{did}", name: "GovernanceDelegations", doc: "The delegations that a member has given and received", bind: typed((*Server).delegations)},
		{method: get, path: "/governance/roll", name: "GovernanceRoll", doc: "Who can vote, or could after an entry or at a moment", bind: raw((*Server).roll, rollDoc)},
		{method: get, path: "/governance/parameters", name: "GovernanceParameters", doc: "The rules in force, each with what it is", bind: typed((*Server).parameters)},
		{method: get, path: "/governance/paused", name: "GovernancePaused", doc: "Paused credentials, frozen reputations, and who can veto", bind: typed((*Server).paused)},
		{method: post, path: "/governance/submit", name: "GovernanceSubmit", doc: "Put a proposal to the members", bind: typed((*Server).propose, 201, 202)},
		{method: post, path: "/governance/open", name: "GovernanceOpen", doc: "Move the author's proposal on: a draft to its sponsors, a deliberated one to the vote", bind: typed((*Server).open, 202)},
		{method: post, path: "/governance/sponsor", name: "GovernanceSponsor", doc: "Stand behind a proposal", bind: typed((*Server).sponsor, 202)},
		{method: post, path: "/governance/withdraw", name: "GovernanceWithdraw", doc: "Take the author's proposal back, before the vote opens", bind: typed((*Server).withdraw, 202)},
		{method: post, path: "/governance/veto", name: "GovernanceVeto", doc: "Stop what was accepted, as one of the veto group", bind: typed((*Server).veto, 202)},
		{method: post, path: "/governance/vote", name: "GovernanceVote", doc: "Vote yes, no or abstain", bind: typed((*Server).vote, 202)},
		{method: post, path: "/governance/vote/ranked", name: "GovernanceVoteRanked", doc: "Vote by putting options in an order", bind: typed(voteBy(icn.Ranked), 202)},
		{method: post, path: "/governance/vote/approval", name: "GovernanceVoteApproval", doc: "Vote by approving of options", bind: typed(voteBy(icn.Approval), 202)},
		{method: post, path: "/governance/vote/weighted", name: "GovernanceVoteWeighted", doc: "Vote by spreading points over options", bind: typed(voteBy(icn.Weighted), 202)},
		{method: post, path: "/governance/vote/quadratic", name: "GovernanceVoteQuadratic", doc: "Vote by votes for options that cost their squares", bind: typed(voteBy(icn.Quadratic), 202)},
		{method: post, path: "/governance/vote/batch", name: "GovernanceVoteBatch", doc: "Hand in many signed statements at once", bind: raw((*Server).voteBatch, voteBatchDoc), limit: voteBatchLimit, long: true},
		{method: post, path: "/governance/delegate", name: "GovernanceDelegate", doc: "Let another member's vote count where the author does not vote", bind: typed((*Server).delegate, 202)},
		{method: post, path: "/governance/revoke", name: "GovernanceRevoke", doc: "End a delegation", bind: typed((*Server).revoke, 202)},
		{method: post, path: "/governance/close", name: "GovernanceClose", doc: "End a vote early, if nothing outstanding can change its result", bind: typed((*Server).closeVote, 202)},
		{method: post, path: "/governance/execute", name: "GovernanceExecute", doc: "Whether a proposal is in force; it is enacted by itself, nobody needs to ask for it", bind: typed((*Server).execute)},
	}
}
