// Package templates has ready-made configurations for common purposes.
//
// The invariant: a template changes what it is about and leaves everything else as
// it was, so that several can be put over one another, the last one winning.
//
// It checks nothing; building does.
//
//	cfg := config.NewRuntimeConfigBuilder().ApplyTemplate(templates.ProductionServer).BuildUnchecked()
//	err := cfg.ToFile("production.toml")
package templates

import "github.com/InterCooperative-Network/icn-core/config"

// ProductionServer is a node on a server of its own: reachable by others, with
// TLS, an API key, JSON logs, an audit log and a backup each day. Its certificate,
// key and secrets are where the deployment guide has them.
func ProductionServer(b *config.RuntimeConfigBuilder) {
	b.Environment("production").
		HTTPListenAddr("0.0.0.0:7845").P2PListen("/ip4/0.0.0.0/tcp/7000").EnableMDNS(false).MaxPeers(50).
		StorageBackend("pebble").StoragePath("/var/lib/icn/node").
		KeyPath("/secrets/identity/node.key").KeyPassphraseEnv("ICN_KEY_PASSPHRASE").
		APIKeyEnv("ICN_API_KEY").TLS("/secrets/tls/cert.pem", "/secrets/tls/key.pem").
		LogLevel("info").
		Set("network.connection_timeout", 30).
		Set("security.open_rate_limit", 0).
		Set("logging.format", "json").
		Set("audit.enabled", true).Set("audit.log_path", "/var/log/icn/audit.log").
		Set("monitoring.metrics_bind_addr", "127.0.0.1:9090").
		Set("performance.gc_interval", 3600).
		Set("backup.every", "24h")
}

// LocalDevelopment is a node on a developer's machine: memory only, found by others
// on the same network, and talkative.
func LocalDevelopment(b *config.RuntimeConfigBuilder) {
	b.Environment("development").
		HTTPListenAddr("127.0.0.1:7845").P2PListen("/ip4/127.0.0.1/tcp/4001").EnableMDNS(true).
		StorageBackend("memory").StoragePath("").
		LogLevel("debug")
}

// IsolatedTesting is a node that keeps nothing, speaks to nobody, and takes a free
// port.
func IsolatedTesting(b *config.RuntimeConfigBuilder) {
	b.Environment("development").
		HTTPListenAddr("127.0.0.1:0").EnableMDNS(false).BootstrapPeers().
		StorageBackend("memory").StoragePath("").
		LogLevel("warn").
		Set("network.p2p_listen_addr", []string{}).Set("network.p2p_enabled", false).
		Set("federation.name", "test federation")
}

// HighPerformance lets a large machine take on more.
func HighPerformance(b *config.RuntimeConfigBuilder) {
	b.MaxPeers(400).MaxConcurrentJobs(50).
		Set("network.connection_timeout", 2).
		Set("storage.max_connections", 50)
}

// MinimalResources keeps a node small enough for a single-board computer.
func MinimalResources(b *config.RuntimeConfigBuilder) {
	b.MaxPeers(20).MaxConcurrentJobs(1).
		Set("network.connection_timeout", 30).
		Set("storage.max_connections", 4).
		Set("performance.gc_interval", 3600)
}
