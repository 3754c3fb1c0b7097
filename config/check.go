package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// finish fills what follows from other values.
func (l *loading) finish() {
	c := &l.cfg
	c.Storage.Backend = strings.ToLower(c.Storage.Backend)
	if c.Storage.Backend == "postgres" {
		c.Storage.Backend = "postgresql"
	}
	if c.Storage.Backend == "postgresql" && strings.Contains(c.Storage.Path, "://") { // as the guide has it, too
		if c.Storage.ConnectionString != "" && c.Storage.ConnectionString != c.Storage.Path {
			l.problem("storage.path and storage.connection_string name two databases; take one of them out")
		}
		c.Storage.ConnectionString, c.Storage.Path = c.Storage.Path, ""
	}
	if c.Storage.Path == "" {
		c.Storage.Path = defaultPaths[c.Storage.Backend]
	}
	if c.Identity.PKCS11Module != "" {
		if c.Identity.KeyPath != "" {
			l.problem("identity.key_path and identity.pkcs11_module: the key lies in a file or in hardware; take one of them out")
		}
		if c.Identity.PKCS11Token == "" {
			l.problem("identity.pkcs11_module wants identity.pkcs11_token, the label of the token")
		}
		if c.Identity.PKCS11Label == "" {
			c.Identity.PKCS11Label = "icn-node"
		}
	}
	if c.Identity.KeyPath == "" && c.Identity.PKCS11Module == "" && c.Storage.Backend != "memory" {
		c.Identity.KeyPath = beside(c.Storage, ".key")
	}
	if c.Audit.LogPath != "" && !l.set("audit.enabled") {
		c.Audit.Enabled = true
	}
	if c.Audit.Enabled && c.Audit.LogPath == "" {
		c.Audit.LogPath = beside(c.Storage, ".audit")
	}
	if c.Backup.Every != "" && c.Backup.Target == "" {
		c.Backup.Target = beside(c.Storage, ".backups")
	}
	if !l.set("logging.level") && c.Runtime.LogLevel != "" {
		c.Logging.Level = c.Runtime.LogLevel
	}
	l.finishKey()
	l.finishP2P()
}

// beside is a place next to the store.
func beside(s Storage, suffix string) string {
	if s.Path == "" {
		return "./icn_data/node" + suffix
	}
	return strings.TrimRight(s.Path, `/\`) + suffix
}

// defaultPaths are where stores lie when nobody says where.
var defaultPaths = map[string]string{
	"pebble": "./icn_data/node", "sled": "./icn_data/node.sled", "sqlite": "./icn_data/node.sqlite", "rocksdb": "./icn_data/node.rocksdb",
}

// named fills a secret from the variable that another key names. A variable that
// is not set means that there is no such secret.
func (l *loading) named(key, variable string, into *string) {
	if variable == "" || l.layer[key] >= layerEnv {
		return
	}
	v, ok := l.env[variable]
	if path, isFile := l.env[variable+"_FILE"]; isFile && !ok {
		var err error
		if v, err = readSecret(path); err != nil {
			l.problem("%s_env: %s_FILE: %v", key, variable, err)
		}
		ok = true
	}
	if ok {
		*into = v
	}
}

func (l *loading) finishKey() {
	s := &l.cfg.Security
	l.named("security.api_key", s.APIKeyEnv, &s.APIKey)
	l.named("identity.key_passphrase", l.cfg.Identity.PassphraseEnv, &l.cfg.Identity.Passphrase)
	l.named("identity.pkcs11_pin", l.cfg.Identity.PKCS11PINEnv, &l.cfg.Identity.PKCS11PIN)
	l.named("security.auth_token", s.AuthTokenEnv, &s.AuthToken)
	if !l.set("security.require_auth") {
		s.RequireAuth = s.credentials()
	}
	m := &l.cfg.Monitoring
	if !l.set("monitoring.metrics_enabled") && m.MetricsBindAddr != "" {
		m.MetricsEnabled = true
	}
	if m.MetricsEnabled && m.MetricsBindAddr == "" {
		m.MetricsBindAddr = "127.0.0.1:9090"
	}
}

// finishP2P turns P2P on when an address was given, unless the same layer or a
// higher one said no.
func (l *loading) finishP2P() {
	n := &l.cfg.Network
	said, explicit := l.layer["network.p2p_enabled"]
	for key, given := range map[string]bool{"network.p2p_listen_addr": len(n.P2PListenAddr) > 0, "network.bootstrap_peers": len(n.BootstrapPeers) > 0} {
		if given && (!explicit || l.layer[key] > said) {
			n.P2PEnabled = true
		}
	}
	if n.P2PEnabled && len(n.P2PListenAddr) == 0 {
		n.P2PListenAddr = []string{"/ip4/0.0.0.0/tcp/0"}
	}
}

// backends are those that exist, in this build or in another one.
var backends = []string{"memory", "pebble", "sled", "sqlite", "postgresql", "postgres", "rocksdb"}

// check finds what cannot work.
func (l *loading) check() {
	c := &l.cfg
	l.checkOneOf("runtime.environment", c.Runtime.Environment, "development", "production")
	l.checkOneOf("logging.level", c.Logging.Level, "debug", "info", "warn", "error")
	l.checkOneOf("logging.format", c.Logging.Format, "text", "json")
	l.checkStorage()
	l.checkAddr("network.http_listen_addr", c.Network.HTTPListenAddr)
	if c.Network.EnableHolePunching && !c.Network.EnableRelay {
		l.problem("network.enable_hole_punching is on and network.enable_relay is not: the nodes agree on it through a relay")
	}
	l.checkRange("network.max_peers", c.Network.MaxPeers, 1, 10_000)
	l.checkRange("network.fed_learners", c.Network.FedLearners, 1, 1000)
	l.checkRange("network.max_peers_per_ip", c.Network.MaxPeersPerIP, 1, 10_000)
	l.checkRange("network.max_streams_per_peer", c.Network.MaxStreamsPerPeer, 12, 10_000)
	l.checkRange("network.peer_kib_per_sec", c.Network.PeerKiBPerSec, 64, 1<<24)
	l.checkRange("network.peer_frames_per_sec", c.Network.PeerFramesPerSec, 100, 10_000_000)
	l.checkRange("network.upload_kib_per_sec", c.Network.UploadKiBPerSec, 0, 1<<24)
	l.checkRange("network.connection_timeout", c.Network.ConnectionTimeout, 1, 3600)
	l.checkRange("network.failure_threshold", c.Network.FailureThreshold, 1, 1000)
	l.checkRange("network.open_timeout_secs", c.Network.OpenTimeoutSecs, 1, 3600)
	l.checkRange("network.retry_max_attempts", c.Network.RetryMaxAttempts, 1, 100)
	l.checkRange("network.retry_initial_delay_ms", c.Network.RetryInitialDelayMS, 1, 600_000)
	l.checkRange("network.retry_max_delay_ms", c.Network.RetryMaxDelayMS, c.Network.RetryInitialDelayMS, 3_600_000)
	l.checkRange("mesh.job_retry_count", c.Mesh.JobRetryCount, 1, 100)
	l.checkRange("mesh.blacklist_after_failures", c.Mesh.BlacklistAfterFailures, 1, 1000)
	l.checkRange("mesh.blacklist_cooldown_secs", c.Mesh.BlacklistCooldownSecs, 1, 31_536_000)
	l.checkRange("mesh.spot_check_permille", c.Mesh.SpotCheckPermille, 0, 1000)
	l.checkRange("mesh.max_job_queue_size", c.Mesh.MaxJobQueueSize, 1, 100_000)
	l.checkRange("mesh.job_memory_mb", c.Mesh.JobMemoryMB, 0, 1<<30)
	for _, list := range [][]string{c.Mesh.ExecutorCapabilities, c.Mesh.ExecutorFederations, {c.Mesh.ExecutorTrustScope}} {
		for _, x := range list {
			if len(list) > 32 || len(x) > 64 {
				l.problem("mesh.executor_…: at most 32 names of at most 64 bytes")
			}
		}
	}
	l.checkRange("performance.max_concurrent_jobs", c.Performance.MaxConcurrentJobs, 0, 10_000)
	l.checkRange("security.open_rate_limit", c.Security.OpenRateLimit, 0, 1_000_000)
	l.checkRange("monitoring.health_check_interval", c.Monitoring.HealthCheckInterval, 0, 86_400)
	l.checkRange("performance.gc_interval", c.Performance.GCInterval, 0, 31_536_000)
	l.checkRange("performance.mana_regeneration_rate", c.Performance.ManaRegenerationRate, 0, 1<<30)
	if len(c.Runtime.NodeName) > 64 {
		l.problem("runtime.node_name: %d bytes, at most 64", len(c.Runtime.NodeName))
	}
	if len(c.Federation.Name) > 128 {
		l.problem("federation.name: %d bytes, at most 128", len(c.Federation.Name))
	}
	l.checkRange("logging.max_size_mb", c.Logging.MaxSizeMB, 0, 100_000)
	l.checkRange("logging.max_files", c.Logging.MaxFiles, 0, 10_000)
	if v := c.Identity.NodeDID; v != "" {
		if _, err := icn.ParseDID(v); err != nil {
			l.problem("identity.node_did: %v", err)
		}
	}
	l.checkAccess()
	l.checkBackup()
	l.checkTracing()
	l.checkGovernance()
}

func (l *loading) checkGovernance() {
	const year = 31_536_000
	g := &l.cfg.Governance
	for _, x := range []struct {
		key         string
		value, from float64
	}{{"min_quorum", g.MinQuorum, 0}, {"passing_threshold", g.PassingThreshold, .5}} {
		if !(x.value >= x.from && x.value <= 1) {
			l.problem("governance.proposals.%s: a share from %g to 1, not %g", x.key, x.from, x.value)
		}
	}
	l.checkRange("governance.proposals.min_voting_secs", g.MinVotingSecs, 1, 90*24*3600)
	l.checkRange("governance.proposals.voting_period_secs", g.VotingPeriodSecs, g.MinVotingSecs, 90*24*3600)
	l.checkRange("governance.proposals.deliberation_secs", g.DeliberationSecs, 0, year)
	l.checkRange("governance.proposals.timelock_secs", g.TimelockSecs, 0, year)
	l.checkRange("governance.proposals.veto_secs", g.VetoSecs, 0, year)
	l.checkRange("governance.proposals.min_sponsors", g.MinSponsors, 1, 10_000)
	l.checkRange("governance.proposals.proposal_cost", g.ProposalCost, 0, 1_000_000)
	l.checkRange("governance.proposals.vote_cost", g.VoteCost, 0, 1_000_000)
}

func (l *loading) checkBackup() {
	b := &l.cfg.Backup
	if _, err := b.Interval(); err != nil {
		l.problem("backup.every: %v", err)
	}
	l.checkRange("backup.keep", b.Keep, 0, 10_000)
	l.checkRange("backup.full_every", b.Full, 1, 10_000)
	if strings.Contains(b.Target, "://") {
		l.problem("backup.target: the node backs up to a folder; send it on from there with: icn-cli dag backup --output %s", b.Target)
	}
}

// Interval is the time between backups; 0 = none.
func (b Backup) Interval() (time.Duration, error) {
	if b.Every == "" || b.Every == "0" {
		return 0, nil
	}
	text := b.Every
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 3650 {
			return 0, fmt.Errorf("%q is no time; write 24h or 7d", b.Every)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("%q is no time of a second or more; write 24h or 7d", b.Every)
	}
	return d, nil
}

// credentials says whether there is one that callers can show.
func (s Security) credentials() bool {
	return s.APIKey != "" || s.APIKeysPath != "" || s.AuthToken != ""
}

func (l *loading) checkStorage() {
	c := &l.cfg.Storage
	if !slices.Contains(backends, c.Backend) {
		l.problem("storage.backend: there is no %q; use one of %s%s", c.Backend, strings.Join(backends, ", "), didYouMean(c.Backend, backends))
	}
	if c.Backend == "postgresql" && c.ConnectionString == "" && !l.failed["storage.connection_string"] {
		l.problem("storage.backend is postgresql and there is no database; give --db-url postgresql://user:password@host/database, ICN_DB_URL or ICN_DB_URL_FILE")
	}
	if c.Backend == "memory" && c.LedgerPath != "" {
		l.problem("storage.mana_ledger_path: the memory store keeps nothing, so a log of its own would not fit it")
	}
	if c.LedgerPath != "" && filepath.Clean(c.LedgerPath) == filepath.Clean(c.Path) {
		l.problem("storage.mana_ledger_path: it is storage.path; leave it out to keep the log there")
	}
	l.checkRange("storage.max_connections", c.MaxConnections, 3, 10_000)
	l.checkRange("storage.connection_timeout", c.ConnectionTimeout, 1, 3600)
}

// checkAccess looks at who could use the API.
func (l *loading) checkAccess() {
	c := &l.cfg
	if c.Security.RequireAuth && !c.Security.credentials() {
		why := ""
		if v := c.Security.APIKeyEnv; v != "" {
			why = " (security.api_key_env names " + v + ", which is not set)"
		}
		l.problem("security.require_auth is on and there is no API key%s; give --api-key, ICN_API_KEY or ICN_API_KEY_FILE", why)
	}
	if c.Security.TLSClientCA != "" && c.Security.TLSCertPath == "" {
		l.problem("security.tls_client_ca_path wants TLS; give security.tls_cert_path and security.tls_key_path")
	}
	if (c.Security.TLSCertPath == "") != (c.Security.TLSKeyPath == "") {
		l.problem("security.tls_cert_path and security.tls_key_path belong together; one of them is missing")
	}
	if c.Monitoring.MetricsEnabled {
		l.checkAddr("monitoring.metrics_bind_addr", c.Monitoring.MetricsBindAddr)
	}
	host, _, err := net.SplitHostPort(c.Network.HTTPListenAddr)
	if ip := net.ParseIP(host); err == nil && !c.Security.RequireAuth && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		if c.Security.Insecure {
			l.warn("anybody who reaches %s can use this node: no API key is wanted", c.Network.HTTPListenAddr)
		} else {
			l.problem("anybody who reaches %s could use this node: no API key is wanted; give one with --api-key or ICN_API_KEY, listen on 127.0.0.1, or say --insecure", c.Network.HTTPListenAddr)
		}
	}
	for _, a := range c.Network.P2PListenAddr { // a bootstrap peer that cannot be used is left out with a warning
		if !strings.HasPrefix(a, "/") {
			l.problem("network.p2p_listen_addr: %q is no address to listen on for nodes; it looks like /ip4/0.0.0.0/tcp/7000", a)
		}
	}
	if c.Federation.JoinCode != "" && len(c.Network.BootstrapPeers) == 0 {
		l.warn("the join code is not used: there is no bootstrap peer to bring it to; give --bootstrap-peers")
	}
}

func (l *loading) checkOneOf(key, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		l.problem("%s: %q is none of %s%s", key, v, strings.Join(allowed, ", "), didYouMean(v, allowed))
	}
}

func (l *loading) checkRange(key string, v, low, high int) {
	if v < low || v > high {
		l.problem("%s: %d is not between %d and %d", key, v, low, high)
	}
}

func (l *loading) checkAddr(key, v string) {
	if _, _, err := net.SplitHostPort(v); err != nil {
		l.problem("%s: %q is not host:port, e.g. 127.0.0.1:7845", key, v)
	}
}

// set says whether any layer gave a key a value.
func (l *loading) set(key string) bool {
	_, ok := l.layer[key]
	return ok
}
