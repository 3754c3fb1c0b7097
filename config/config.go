// Package config is the one description of what an operator can set: a struct in
// the sections of the configuration file, whose tags say each key's flag,
// environment names and meaning.
//
// The invariant: a [Config] that Load returns is complete and consistent; every
// value comes from the highest layer that sets it (flag, then environment, then
// file, then preset), and everything wrong is reported at once, each with the
// place it came from. Secrets are never printed.
//
// It opens no socket and no store, and it does not know what is done with a value.
//
//	fs := pflag.NewFlagSet("icn-node", pflag.ContinueOnError)
//	config.Flags(fs)
//	_ = fs.Parse(os.Args[1:])
//	cfg, warnings, err := config.Load(config.Sources{Flags: fs, Environ: os.Environ()})
package config

// Config is everything that can be set. A field's tags:
//
//	key     its name in the file
//	flag    its command line flags, the first one shown in the help
//	env     environment names beside ICN_<SECTION>_<KEY>
//	secret  also read from a file that the variable with suffix _FILE names
//	reload  it counts at once when the configuration is read again
//	doc     what it means, with its unit
type Config struct {
	Runtime     Runtime     `key:"runtime"`
	Network     Network     `key:"network"`
	Storage     Storage     `key:"storage"`
	Identity    Identity    `key:"identity"`
	Federation  Federation  `key:"federation"`
	Security    Security    `key:"security"`
	Mesh        Mesh        `key:"mesh"`
	Governance  Governance  `key:"governance.proposals"`
	Performance Performance `key:"performance"`
	Monitoring  Monitoring  `key:"monitoring"`
	Tracing     Tracing     `key:"tracing"`
	Logging     Logging     `key:"logging"`
	Audit       Audit       `key:"audit"`
	Backup      Backup      `key:"backup"`
}

// Runtime is what kind of node this is.
type Runtime struct {
	Environment string `key:"environment" env:"ICN_ENVIRONMENT" doc:"what this node is for: development or production"`
	TestMode    bool   `key:"test_mode" flag:"test-mode" env:"ICN_TEST_MODE" doc:"start from the preset for trying things out: memory store, a new key, no P2P, no API key"`
	NodeName    string `key:"node_name" flag:"node-name" env:"ICN_NODE_NAME" doc:"name that people see; by default made from the DID"`
	LogLevel    string `key:"log_level" reload:"yes" doc:"another name of logging.level"`
	AddrFile    string `key:"addr_file" flag:"addr-file" doc:"file to which the addresses of the API and of P2P are written once the node listens; icn-cli --api-url @FILE reads it"`
}

// Network is how the node is reached, and whom it reaches.
type Network struct {
	HTTPListenAddr      string   `key:"http_listen_addr" flag:"http-listen-addr" env:"ICN_HTTP_LISTEN_ADDR" doc:"host:port of the HTTP API; port 0 takes a free one"`
	P2PEnabled          bool     `key:"p2p_enabled" flag:"enable-p2p" env:"ICN_ENABLE_P2P" doc:"speak with other nodes; on as soon as a P2P address or a bootstrap peer is given"`
	P2PListenAddr       []string `key:"p2p_listen_addr" flag:"p2p-listen-addr,listen-address" env:"ICN_P2P_LISTEN_ADDR" doc:"multiaddr to listen on for other nodes, e.g. /ip4/0.0.0.0/tcp/7000 (repeatable); a TCP address also opens QUIC on the same port"`
	BootstrapPeers      []string `key:"bootstrap_peers" flag:"bootstrap-peers" env:"ICN_BOOTSTRAP_PEERS" doc:"multiaddrs of nodes, with /p2p/…, at which a node without a federation knocks, and one with a federation looks for them, too (comma list)"`
	EnableMDNS          bool     `key:"enable_mdns" flag:"enable-mdns" env:"ICN_ENABLE_MDNS" doc:"find nodes of the federation on the local network"`
	EnableRelay         bool     `key:"enable_relay" doc:"reach nodes of the federation, and be reached, through those that relay, where there is no direct way"`
	RelayService        bool     `key:"relay_service" doc:"relay between nodes of the federation that cannot reach each other; for nobody else"`
	EnableHolePunching  bool     `key:"enable_hole_punching" doc:"with enable_relay: try for a direct connection with nodes that are linked through a relay, by dialing each other at the same moment; QUIC goes before TCP then"`
	EnableAutoNAT       bool     `key:"enable_autonat" doc:"have other nodes try whether this one can be dialed, and tell the operator if not; and try it for them"`
	MaxPeers            int      `key:"max_peers" env:"ICN_MAX_PEERS" doc:"other nodes linked at once, at most; no fewer than the federation has"`
	FedLearners         int      `key:"fed_learners" doc:"learners (nodes that are no clerks) to which the leader sends the log itself; later ones get it from these, and from each other; the same on all nodes"`
	MaxPeersPerIP       int      `key:"max_peers_per_ip" doc:"connections from one address, at most, of nodes that are not of the federation (yet)"`
	MaxStreamsPerPeer   int      `key:"max_streams_per_peer" doc:"streams that one peer has open here, at most"`
	PeerKiBPerSec       int      `key:"peer_kib_per_sec" doc:"kibibytes a second that are read from one peer, at most; it is slowed down, not cut"`
	PeerFramesPerSec    int      `key:"peer_frames_per_sec" doc:"messages a second that are read from one peer, at most"`
	UploadKiBPerSec     int      `key:"upload_kib_per_sec" doc:"kibibytes a second of blocks and of catching up that are sent to all peers together, at most; votes, bids and statements never wait for it; 0 = as many as the line takes"`
	ConnectionTimeout   int      `key:"connection_timeout" doc:"seconds for connecting to a peer"`
	FailureThreshold    int      `key:"failure_threshold" doc:"calls to a peer that fail before the circuit opens"`
	OpenTimeoutSecs     int      `key:"open_timeout_secs" doc:"seconds before a trial call to a peer whose circuit is open"`
	RetryMaxAttempts    int      `key:"retry_max_attempts" doc:"how often a request to a peer is tried when it is not answered"`
	RetryInitialDelayMS int      `key:"retry_initial_delay_ms" doc:"milliseconds before the first retry of a peer"`
	RetryMaxDelayMS     int      `key:"retry_max_delay_ms" doc:"milliseconds between retries of a peer, at most"`
}

// Storage is where everything is kept.
type Storage struct {
	Backend           string `key:"backend" flag:"storage-backend" doc:"memory; pebble (also called sled); sqlite; postgresql (also called postgres); rocksdb (in builds with it)"`
	Path              string `key:"path" flag:"storage-path" doc:"folder of the store, file with sqlite; by default ./icn_data/node, with the backend's name behind it (not with pebble)"`
	ConnectionString  string `key:"connection_string" flag:"db-url" env:"ICN_DB_URL" secret:"true" doc:"address of the PostgreSQL database: postgresql://user:password@host:5432/database"`
	MaxConnections    int    `key:"max_connections" doc:"connections to the database, at most"`
	ConnectionTimeout int    `key:"connection_timeout" doc:"seconds for connecting to the database, and for how long a broken connection is tried again"`
	CacheURL          string `key:"cache_url" flag:"cache-url" env:"ICN_CACHE_URL" secret:"true" doc:"Redis server that keeps copies of blocks: redis://host:6379/0"`
	LedgerPath        string `key:"mana_ledger_path" flag:"mana-ledger-path" env:"ICN_MANA_LEDGER_PATH" doc:"a store of its own for the log (and so for mana), apart from the blocks"`
}

// Identity is the node's key.
type Identity struct {
	KeyPath        string `key:"key_path" flag:"key-path" env:"ICN_KEY_PATH" doc:"file of the node's key; by default the storage path with .key behind it; none with the memory store"`
	NodeDID        string `key:"node_did" doc:"DID that this node must have; with another key it does not start"`
	GenerateNewKey bool   `key:"generate_new_key" doc:"make a key when there is none yet"`
	Passphrase     string `key:"key_passphrase" env:"ICN_KEY_PASSPHRASE" secret:"true" doc:"passphrase of a sealed key file; a key that is made is sealed with it"`
	PKCS11Module   string `key:"pkcs11_module" doc:"library (PKCS #11) of the hardware that holds the key, instead of a file; in builds with it"`
	PKCS11Token    string `key:"pkcs11_token" doc:"label of the token"`
	PKCS11Label    string `key:"pkcs11_label" doc:"label of the key in it; by default icn-node"`
	PKCS11PIN      string `key:"pkcs11_pin" env:"ICN_PKCS11_PIN" secret:"true" doc:"PIN of the token's user"`
	PKCS11PINEnv   string `key:"pkcs11_pin_env" doc:"name of the environment variable that holds the PIN"`
	PassphraseEnv  string `key:"key_passphrase_env" doc:"name of the environment variable that holds the passphrase"`
}

// Federation is where the node belongs.
type Federation struct {
	Name     string `key:"name" flag:"federation-name" doc:"name of the federation that a node without bootstrap peers founds"`
	JoinCode string `key:"join_code" flag:"join-code" env:"ICN_JOIN_CODE" secret:"true" doc:"join code for the federation of the bootstrap peers"`
}

// Security is who may use the API. The section may also be called [api].
type Security struct {
	APIKey        string   `key:"api_key" flag:"api-key" env:"ICN_API_KEY,ICN_HTTP_API_KEY" secret:"true" reload:"yes" doc:"key that API callers send as x-api-key; it opens everything"`
	APIKeyEnv     string   `key:"api_key_env" doc:"name of the environment variable that holds the API key"`
	APIKeysPath   string   `key:"api_keys_path" flag:"api-keys-path" reload:"yes" doc:"file of further API keys, with names, scopes and expiry, as icn-cli apikey makes it"`
	AuthToken     string   `key:"auth_token" flag:"auth-token" env:"ICN_AUTH_TOKEN" secret:"true" reload:"yes" doc:"token that API callers send as Authorization: Bearer; with an API key both are wanted"`
	AuthTokenEnv  string   `key:"auth_token_env" doc:"name of the environment variable that holds the token"`
	RequireAuth   bool     `key:"require_auth" reload:"yes" doc:"refuse API callers without the key or token; on as soon as there is one"`
	OpenRateLimit int      `key:"open_rate_limit" flag:"open-rate-limit" env:"ICN_OPEN_RATE_LIMIT" reload:"yes" doc:"requests a minute that are answered to each caller from elsewhere who shows no credential, where none is required; 0 = none"`
	Insecure      bool     `key:"insecure" flag:"insecure" doc:"let everybody who reaches an address that is not this machine's own use the node without a key"`
	TLSCertPath   string   `key:"tls_cert_path" flag:"tls-cert-path" env:"ICN_TLS_CERT_PATH" reload:"yes" doc:"certificate (PEM) of the API; it is read again when it changes"`
	TLSKeyPath    string   `key:"tls_key_path" flag:"tls-key-path" env:"ICN_TLS_KEY_PATH" reload:"yes" doc:"its key (PEM)"`
	TLSClientCA   string   `key:"tls_client_ca_path" flag:"tls-client-ca-path" reload:"yes" doc:"certificates (PEM) of which API callers must show one that they signed, beside their key"`
	CORSOrigins   []string `key:"cors_origins" reload:"yes" doc:"web pages, such as https://tools.coop.example, that browsers may let call the API; none by default"`
}

// Mesh fills the rules of a federation that this node founds, and tells what this
// node offers to jobs.
type Mesh struct {
	JobRetryCount          int      `key:"job_retry_count" doc:"attempts before a job is rolled back; of a federation founded here"`
	BlacklistAfterFailures int      `key:"blacklist_after_failures" doc:"failures in a row after which an executor gets no jobs for a while; of a federation founded here"`
	BlacklistCooldownSecs  int      `key:"blacklist_cooldown_secs" doc:"seconds for which it gets none; of a federation founded here"`
	SpotCheckPermille      int      `key:"spot_check_permille" doc:"of a thousand settled jobs, how many are run again by other nodes; of a federation founded here"`
	MaxJobQueueSize        int      `key:"max_job_queue_size" doc:"jobs that this node accepts beyond those that it runs"`
	JobMemoryMB            int      `key:"job_memory_mb" doc:"megabytes that this node's jobs may use together; 0 = half of the machine's"`
	ExecutorCapabilities   []string `key:"executor_capabilities" doc:"what this node can do for jobs beyond running programs; jobs can ask for it"`
	ExecutorFederations    []string `key:"executor_federations" doc:"federations that this node runs jobs for; jobs can ask for one"`
	ExecutorTrustScope     string   `key:"executor_trust_scope" doc:"this node's trust scope; jobs can ask for it"`
}

// Governance fills the rules of votes in a federation that this node founds. Later a
// vote changes them.
type Governance struct {
	MinQuorum        float64 `key:"min_quorum" doc:"share of the roll, from 0 to 1, that must take part in a vote; of a federation founded here"`
	PassingThreshold float64 `key:"passing_threshold" doc:"share of yes and no, from 0.5 to 1, that must be yes, and more than half; of a federation founded here"`
	VotingPeriodSecs int     `key:"voting_period_secs" doc:"seconds for which a vote is open if its proposal does not say; of a federation founded here"`
	MinVotingSecs    int     `key:"min_voting_secs" doc:"seconds for which a vote is open at least; of a federation founded here"`
	DeliberationSecs int     `key:"deliberation_secs" doc:"seconds for which a proposal is deliberated at least before its vote opens; of a federation founded here"`
	TimelockSecs     int     `key:"timelock_secs" doc:"seconds from accepted to enacted, at least; of a federation founded here"`
	VetoSecs         int     `key:"veto_secs" doc:"seconds in which the veto group can stop what was accepted; of a federation founded here"`
	MinSponsors      int     `key:"min_sponsors" doc:"members who must stand behind a proposal, its proposer among them; of a federation founded here"`
	ProposalCost     int     `key:"proposal_cost" doc:"mana that a proposal costs its proposer; of a federation founded here"`
	VoteCost         int     `key:"vote_cost" doc:"mana that a ballot costs who casts it, as far as it is there; of a federation founded here"`
}

// Performance is how much the node takes on.
type Performance struct {
	MaxConcurrentJobs    int `key:"max_concurrent_jobs" flag:"max-concurrent-jobs" env:"ICN_MAX_CONCURRENT_JOBS" doc:"jobs run at once; 0 = as many as there are processors"`
	ManaRegenerationRate int `key:"mana_regeneration_rate" doc:"mana that an account regains per hour; of a federation founded here"`
	GCInterval           int `key:"gc_interval" doc:"seconds between removals of blocks, older than a day, that no pin and no open job reaches; 0 = never"`
}

// Monitoring is how the node is watched.
type Monitoring struct {
	MetricsEnabled      bool   `key:"metrics_enabled" flag:"metrics-enabled" doc:"serve the counters for Prometheus on a listener of their own, without a key; on when an address is given"`
	MetricsBindAddr     string `key:"metrics_bind_addr" flag:"metrics-bind-addr" doc:"host:port of that listener; by default 127.0.0.1:9090"`
	HealthCheckInterval int    `key:"health_check_interval" doc:"seconds between looks at this node's own readiness, of which changes are logged; 0 = never"`
}

// Tracing is where the node sends what it did for each job.
type Tracing struct {
	Endpoint string  `key:"endpoint" flag:"tracing-endpoint" doc:"collector that is sent a trace of each job (OTLP over HTTP), such as http://127.0.0.1:4318; /v1/traces is put behind it; empty = no traces"`
	Headers  string  `key:"headers" secret:"true" doc:"what is sent along to it, such as a token: a line each, Name: value"`
	CAPath   string  `key:"ca_path" doc:"certificates (PEM) that sign the collector's, instead of those that this machine trusts"`
	Sample   float64 `key:"sample" doc:"share of the jobs, from 0 to 1, of which there are traces; the same on all nodes, so that they take the same jobs"`
}

// Logging is what the node tells its operator.
type Logging struct {
	Level     string `key:"level" flag:"log-level" env:"ICN_LOG_LEVEL" reload:"yes" doc:"debug, info, warn or error"`
	Format    string `key:"format" flag:"log-format" env:"ICN_LOG_FORMAT" doc:"text or json"`
	Output    string `key:"output" flag:"log-output" doc:"file for the log, opened again at SIGUSR1; by default stderr"`
	MaxSizeMB int    `key:"max_size_mb" doc:"megabytes after which the node begins a new file by itself; 0 = it leaves that to logrotate"`
	MaxFiles  int    `key:"max_files" doc:"older files that are kept then"`
}

// Audit is the record of who used the API for what.
type Audit struct {
	Enabled bool   `key:"enabled" doc:"write down refused credentials, use of keys, administrative calls and denied commands; on when a path is given"`
	LogPath string `key:"log_path" flag:"audit-log-path" doc:"the file, whose lines are chained by hashes; opened again at SIGUSR1; by default the storage path with .audit behind it"`
}

// Backup is how the node backs itself up.
type Backup struct {
	Every  string `key:"every" doc:"time between backups, such as 24h or 7d; empty = none"`
	Target string `key:"target" doc:"folder that the backups go to; by default the storage path with .backups behind it"`
	Keep   int    `key:"keep" doc:"full backups that are kept, each with what builds on it; 0 = all"`
	Full   int    `key:"full_every" doc:"every so many backups a full one; those between hold what is new since"`
	Verify bool   `key:"verify" doc:"read each backup again after it was made, and check every byte of it"`
	Keys   bool   `key:"keys" doc:"put the node's key into it, if its file is sealed"`
}

// sectionNames are other names of sections.
var sectionNames = map[string]string{"api": "security"}

// Default is the preset of a node that keeps what it is told.
func Default() Config {
	return Config{
		Runtime: Runtime{Environment: "development"},
		Network: Network{
			HTTPListenAddr: "127.0.0.1:7845", MaxPeers: 128, FedLearners: 32, ConnectionTimeout: 10,
			MaxPeersPerIP: 16, MaxStreamsPerPeer: 24, PeerKiBPerSec: 256 << 10, PeerFramesPerSec: 50_000,
			FailureThreshold: 3, OpenTimeoutSecs: 5, RetryMaxAttempts: 3, RetryInitialDelayMS: 100, RetryMaxDelayMS: 10_000,
		},
		Storage:     Storage{Backend: "pebble", MaxConnections: 20, ConnectionTimeout: 10},
		Identity:    Identity{GenerateNewKey: true},
		Security:    Security{OpenRateLimit: 60},
		Mesh:        Mesh{JobRetryCount: 3, BlacklistAfterFailures: 3, BlacklistCooldownSecs: 600, SpotCheckPermille: 20, MaxJobQueueSize: 64},
		Governance:  Governance{MinQuorum: .2, PassingThreshold: .5, VotingPeriodSecs: 7 * 24 * 3600, MinVotingSecs: 60, MinSponsors: 1, ProposalCost: 10, VoteCost: 1},
		Monitoring:  Monitoring{HealthCheckInterval: 30},
		Performance: Performance{ManaRegenerationRate: 10},
		Tracing:     Tracing{Sample: 1},
		Logging:     Logging{Level: "info", Format: "text", MaxFiles: 7},
		Backup:      Backup{Keep: 7, Full: 7, Verify: true},
	}
}

// TestMode is the preset for trying things out: nothing is kept, nobody is asked
// for a key, and no other node is spoken to.
func TestMode() Config {
	c := Default()
	c.Storage.Backend = "memory"
	c.Federation.Name = "test federation"
	c.Runtime.TestMode = true
	return c
}
