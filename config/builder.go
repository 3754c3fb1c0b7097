package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// RuntimeConfigBuilder puts a configuration together in code. Its methods return
// it again, so that calls can follow one another; what goes wrong on the way is
// told by Build.
//
//	cfg, err := config.NewRuntimeConfigBuilder().
//		ApplyTemplate(templates.ProductionServer).
//		StoragePath("/var/lib/icn/node").
//		Build()
type RuntimeConfigBuilder struct {
	cfg Config
	err error
}

// Template is a set of settings for a purpose. It changes what it is about and
// leaves the rest as it was.
type Template func(*RuntimeConfigBuilder)

// NewRuntimeConfigBuilder begins with the preset of a node that keeps what it is
// told.
func NewRuntimeConfigBuilder() *RuntimeConfigBuilder { return &RuntimeConfigBuilder{cfg: Default()} }

// BuilderFromFile begins with a configuration file, whose variables must be set.
func BuilderFromFile(path string) *RuntimeConfigBuilder {
	l, err := gather(FileOnly(path, os.Environ()))
	return &RuntimeConfigBuilder{cfg: l.cfg, err: err}
}

// ApplyTemplate puts a template over what there is.
func (b *RuntimeConfigBuilder) ApplyTemplate(t Template) *RuntimeConfigBuilder {
	t(b)
	return b
}

// MergeWith takes over of another configuration everything that differs from the
// preset.
func (b *RuntimeConfigBuilder) MergeWith(other Config) *RuntimeConfigBuilder {
	preset := Default()
	for _, f := range fields {
		if !equal(f, &preset, &other) {
			f.in(&b.cfg).Set(f.in(&other))
		}
	}
	return b
}

// Set gives a key its value, by the name that it has in a file: what there is no
// method for.
func (b *RuntimeConfigBuilder) Set(key string, value any) *RuntimeConfigBuilder {
	f, err := findKey(key)
	if err == nil {
		if err = f.set(&b.cfg, value); err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
	}
	b.err = errors.Join(b.err, err)
	return b
}

// Environment is what the node is for: development or production.
func (b *RuntimeConfigBuilder) Environment(name string) *RuntimeConfigBuilder {
	b.cfg.Runtime.Environment = name
	return b
}

// NodeName is what people see.
func (b *RuntimeConfigBuilder) NodeName(name string) *RuntimeConfigBuilder {
	b.cfg.Runtime.NodeName = name
	return b
}

// NodeDID is the DID that the node must have: with another key it does not start.
func (b *RuntimeConfigBuilder) NodeDID(did string) *RuntimeConfigBuilder {
	b.cfg.Identity.NodeDID = did
	return b
}

// KeyPath is the file of the node's key.
func (b *RuntimeConfigBuilder) KeyPath(path string) *RuntimeConfigBuilder {
	b.cfg.Identity.KeyPath = path
	return b
}

// KeyPassphraseEnv names the variable that holds the passphrase of the key.
func (b *RuntimeConfigBuilder) KeyPassphraseEnv(name string) *RuntimeConfigBuilder {
	b.cfg.Identity.PassphraseEnv = name
	return b
}

// HTTPListenAddr is where the API answers.
func (b *RuntimeConfigBuilder) HTTPListenAddr(addr string) *RuntimeConfigBuilder {
	b.cfg.Network.HTTPListenAddr = addr
	return b
}

// P2PListen turns P2P on, at these multiaddrs.
func (b *RuntimeConfigBuilder) P2PListen(addrs ...string) *RuntimeConfigBuilder {
	b.cfg.Network.P2PEnabled, b.cfg.Network.P2PListenAddr = true, addrs
	return b
}

// BootstrapPeers are multiaddrs of nodes at which a new node knocks.
func (b *RuntimeConfigBuilder) BootstrapPeers(addrs ...string) *RuntimeConfigBuilder {
	b.cfg.Network.BootstrapPeers = addrs
	return b
}

// EnableMDNS looks for nodes on the local network.
func (b *RuntimeConfigBuilder) EnableMDNS(on bool) *RuntimeConfigBuilder {
	b.cfg.Network.EnableMDNS = on
	return b
}

// MaxPeers is how many other nodes are linked at once.
func (b *RuntimeConfigBuilder) MaxPeers(n int) *RuntimeConfigBuilder {
	b.cfg.Network.MaxPeers = n
	return b
}

// StorageBackend is memory, pebble (sled), sqlite, postgresql or rocksdb.
func (b *RuntimeConfigBuilder) StorageBackend(name string) *RuntimeConfigBuilder {
	b.cfg.Storage.Backend = name
	return b
}

// StoragePath is the folder, or file, of the store.
func (b *RuntimeConfigBuilder) StoragePath(path string) *RuntimeConfigBuilder {
	b.cfg.Storage.Path = path
	return b
}

// Database is the address of the PostgreSQL database.
func (b *RuntimeConfigBuilder) Database(url string) *RuntimeConfigBuilder {
	b.cfg.Storage.Backend, b.cfg.Storage.ConnectionString = "postgresql", url
	return b
}

// APIKeyEnv names the variable that holds the API key, which callers then need.
func (b *RuntimeConfigBuilder) APIKeyEnv(name string) *RuntimeConfigBuilder {
	b.cfg.Security.APIKeyEnv, b.cfg.Security.RequireAuth = name, true
	return b
}

// TLS is the certificate of the API and its key, in PEM files.
func (b *RuntimeConfigBuilder) TLS(certPath, keyPath string) *RuntimeConfigBuilder {
	b.cfg.Security.TLSCertPath, b.cfg.Security.TLSKeyPath = certPath, keyPath
	return b
}

// MaxConcurrentJobs is how many jobs run at once; 0: as many as there are
// processors.
func (b *RuntimeConfigBuilder) MaxConcurrentJobs(n int) *RuntimeConfigBuilder {
	b.cfg.Performance.MaxConcurrentJobs = n
	return b
}

// ManaRegenerationRate is what an account regains per hour, in a federation that
// this node founds.
func (b *RuntimeConfigBuilder) ManaRegenerationRate(perHour int) *RuntimeConfigBuilder {
	b.cfg.Performance.ManaRegenerationRate = perHour
	return b
}

// LogLevel is debug, info, warn or error.
func (b *RuntimeConfigBuilder) LogLevel(level string) *RuntimeConfigBuilder {
	b.cfg.Logging.Level = level
	return b
}

// BuildUnchecked is the configuration as it was put together: for a file that is
// read elsewhere, where its keys and variables are.
func (b *RuntimeConfigBuilder) BuildUnchecked() Config { return b.cfg }

// Build is the configuration as a node would read it here and now, complete and
// checked. Everything wrong is told at once.
func (b *RuntimeConfigBuilder) Build() (Config, error) {
	if b.err != nil {
		return Config{}, fmt.Errorf("configuration: %w", b.err)
	}
	l := complete(b.cfg, environ(os.Environ()))
	l.check()
	if err := l.failure(); err != nil {
		return Config{}, err
	}
	return l.cfg, nil
}

// complete fills what follows from other values; what differs from the preset
// counts as given.
func complete(c Config, env map[string]string) *loading {
	l := &loading{cfg: c, env: env, layer: map[string]int{}, from: map[string]string{}}
	preset := Default()
	for _, f := range fields {
		if !equal(f, &preset, &c) {
			l.layer[f.Key] = layerFile
		}
	}
	l.finish()
	return l
}

// String is the configuration as a TOML file: the settings that do not follow from
// the presets and from each other.
func (c Config) String() string {
	var out strings.Builder
	section := ""
	for _, f := range c.needed() {
		s, key := split(f.Key)
		if s != section {
			section = s
			fmt.Fprintf(&out, "\n[%s]\n", s)
		}
		fmt.Fprintf(&out, "# %s\n%s = %s\n", f.Doc, key, f.toml(&c))
	}
	return "# Configuration of icn-node. What is not here is as 'icn-node config reference' tells.\n" + out.String()
}
