package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/InterCooperative-Network/icn-core/config"
)

// plan is what a new node shall be.
type plan struct {
	dir, name           string
	federation          string // that it founds
	bootstrap, joinCode string // or where it knocks
	backend, database   string
	http, p2p           string
	cert, certKey       string
	backup              string
	seal, yes           bool
}

// initCommand makes what a node needs before its first start.
func initCommand() *cobra.Command {
	var p plan
	c := &cobra.Command{
		Use: "init", Short: "Make the configuration of a new node, and its secrets", Args: cobra.NoArgs,
		Long: "init asks what the node shall be, and writes a folder with config.toml, the secrets it needs (an API key, the\n" +
			"passphrase of the node's key, a certificate where one is needed), and node.env, which names these files.\n" +
			"With --yes it asks nothing: flags and defaults decide. What is there already is never written over.",
		Example: "  icn-node init\n  icn-node init --yes --dir /etc/icn --federation-name \"Food co-ops\" --p2p-listen-addr /ip4/0.0.0.0/tcp/7000\n" +
			"  icn-node init --yes --bootstrap-peers /ip4/10.0.1.100/tcp/7000/p2p/… --join-code …",
		RunE: func(c *cobra.Command, _ []string) error {
			if !p.yes {
				if f, ok := c.InOrStdin().(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
					return usage{errors.New("there is nobody to ask: give --yes, and what differs from the defaults as flags; run 'icn-node init --help'")}
				}
				if err := p.ask(c); err != nil {
					return err
				}
			}
			return p.write(c.OutOrStdout())
		},
	}
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	f := c.Flags()
	f.StringVar(&p.dir, "dir", "./icn", "folder for all of it; the node's data goes below it, too")
	f.StringVar(&p.name, "node-name", host, "name that people see")
	f.StringVar(&p.federation, "federation-name", "", "name of the federation that this node founds")
	f.StringVar(&p.bootstrap, "bootstrap-peers", "", "addresses of nodes, with /p2p/…, of the federation that it shall come into")
	f.StringVar(&p.joinCode, "join-code", "", "join code, as icn-cli federation invite gives it there")
	f.StringVar(&p.backend, "storage-backend", "sled", "sled, sqlite or postgresql")
	f.StringVar(&p.database, "db-url", "", "address of the PostgreSQL database")
	f.StringVar(&p.http, "http-listen-addr", "127.0.0.1:7845", "where the API answers; elsewhere than on this machine it speaks TLS")
	f.StringVar(&p.p2p, "p2p-listen-addr", "", "where other nodes reach it, e.g. /ip4/0.0.0.0/tcp/7000")
	f.StringVar(&p.cert, "tls-cert-path", "", "certificate of the API (PEM); by default one is made that others must be told to trust")
	f.StringVar(&p.certKey, "tls-key-path", "", "its key (PEM)")
	f.StringVar(&p.backup, "backup-every", "24h", "time between backups; empty for none")
	f.BoolVar(&p.seal, "seal", true, "seal the node's key with a passphrase, which is made and kept beside it")
	f.BoolVarP(&p.yes, "yes", "y", false, "ask nothing")
	return c
}

// ask goes through the questions; an empty answer is the one in brackets.
func (p *plan) ask(c *cobra.Command) error {
	in, out := bufio.NewReader(c.InOrStdin()), c.ErrOrStderr()
	var failed error
	question := func(to *string, text string) {
		if failed != nil {
			return
		}
		_, _ = fmt.Fprintf(out, "%s [%s] ", text, *to)
		line, err := in.ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			failed = fmt.Errorf("init: no answer: %w; nothing was written", err)
			return
		}
		if line = strings.TrimSpace(line); line != "" {
			*to = line
		}
	}
	how := "found"
	if p.bootstrap != "" {
		how = "join"
	}
	question(&p.dir, "Folder for the configuration and the data?")
	question(&p.name, "Name of this node?")
	for question(&how, "Does it found a federation, or join one (found or join)?"); failed == nil && how != "found" && how != "join"; {
		_, _ = fmt.Fprintln(out, "  found or join, please")
		how = "found"
		question(&how, "Does it found a federation, or join one?")
	}
	if how == "join" {
		question(&p.bootstrap, "Address of one of its nodes (/ip4/…/tcp/…/p2p/…)?")
		question(&p.joinCode, "Join code, if you were given one?")
		p.federation = ""
	} else {
		if p.federation == "" {
			p.federation = "our federation"
		}
		question(&p.federation, "Name of the federation?")
		p.bootstrap, p.joinCode = "", ""
	}
	if p.p2p == "" {
		p.p2p = "/ip4/0.0.0.0/tcp/7000"
	}
	question(&p.p2p, "Where shall other nodes reach it (none: it stays alone)?")
	if p.p2p == "none" {
		p.p2p = ""
	}
	question(&p.backend, "Store: sled, sqlite or postgresql?")
	if p.backend == "postgresql" {
		question(&p.database, "Address of the database (postgresql://user:password@host/name)?")
	}
	question(&p.http, "Where shall the API answer?")
	question(&p.backup, "Time between backups?")
	return failed
}

// secret is a file that nobody else reads, and the variable that names it.
type secret struct{ variable, file, value string }

// write makes the folder.
func (p *plan) write(out io.Writer) error {
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return err
	}
	settings := filepath.Join(dir, "config.toml")
	if _, err := os.Stat(settings); err == nil {
		return usage{fmt.Errorf("%s is there already; choose another --dir, or change that file and run: icn-node config check %s", settings, settings)}
	}
	switch {
	case p.backend == "postgresql" && p.database == "":
		return usage{errors.New("which database? give --db-url postgresql://user:password@host/name")}
	case p.joinCode != "" && p.bootstrap == "":
		return usage{errors.New("whose join code is it? give --bootstrap-peers with the address of one of that federation's nodes")}
	case (p.cert == "") != (p.certKey == ""):
		return usage{errors.New("--tls-cert-path and --tls-key-path belong together")}
	}
	secrets, err := p.secrets()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o700); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	env := os.Environ()
	lines := "# Where icn-node finds its secrets: set -a; . node.env; set +a\n"
	for _, s := range secrets {
		path := filepath.Join(dir, "secrets", s.file)
		if err := create(path, s.value+"\n", 0o600); err != nil {
			return err
		}
		lines += fmt.Sprintf("%s_FILE=%q\n", s.variable, path)
		env = append(env, s.variable+"_FILE="+path)
	}
	made := p.outside() && p.cert == ""
	if made {
		p.cert, p.certKey = filepath.Join(dir, "secrets", "cert.pem"), filepath.Join(dir, "secrets", "key.pem")
		if err := selfSigned(p.http, p.cert, p.certKey); err != nil {
			return err
		}
	}
	if err := create(filepath.Join(dir, "node.env"), lines, 0o600); err != nil {
		return err
	}
	if err := create(settings, p.config(dir).String(), 0o644); err != nil {
		return err
	}
	if _, _, err := config.Load(config.FileOnly(settings, env)); err != nil {
		return usage{fmt.Errorf("%w\nIt is written to %s; change it there, and run: icn-node config check %s", err, settings, settings)}
	}
	p.tell(out, dir, made)
	return nil
}

// secrets are made, or were given.
func (p *plan) secrets() ([]secret, error) {
	random := func() string {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // it never fails
		return hex.EncodeToString(b)
	}
	out := []secret{{"ICN_API_KEY", "api-key", random()}}
	if p.seal {
		out = append(out, secret{"ICN_KEY_PASSPHRASE", "key-passphrase", random()})
	}
	if p.database != "" {
		out = append(out, secret{"ICN_DB_URL", "db-url", p.database})
	}
	if p.joinCode != "" {
		out = append(out, secret{"ICN_JOIN_CODE", "join-code", p.joinCode})
	}
	for _, s := range out {
		if strings.ContainsAny(s.value, "\r\n") {
			return nil, usage{fmt.Errorf("%s is one line", s.file)}
		}
	}
	return out, nil
}

// outside says whether the API answers other machines.
func (p *plan) outside() bool {
	host, _, err := net.SplitHostPort(p.http)
	ip := net.ParseIP(host)
	return err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (p *plan) config(dir string) config.Config {
	b := config.NewRuntimeConfigBuilder().Environment("production").NodeName(p.name).HTTPListenAddr(p.http).StorageBackend(p.backend).
		KeyPath(filepath.Join(dir, "secrets", "node.key")).APIKeyEnv("ICN_API_KEY").
		Set("audit.enabled", true).Set("audit.log_path", filepath.Join(dir, "data", "audit.log"))
	switch p.backend {
	case "postgresql", "postgres", "memory":
	case "sqlite":
		b.StoragePath(filepath.Join(dir, "data", "node.sqlite"))
	default:
		b.StoragePath(filepath.Join(dir, "data", "node"))
	}
	if p.seal {
		b.KeyPassphraseEnv("ICN_KEY_PASSPHRASE")
	}
	if p.cert != "" {
		b.TLS(p.cert, p.certKey)
	}
	if p.p2p != "" {
		b.P2PListen(strings.Split(p.p2p, ",")...)
	}
	if p.bootstrap != "" {
		b.BootstrapPeers(strings.Split(p.bootstrap, ",")...)
	}
	if p.federation != "" {
		b.Set("federation.name", p.federation)
	}
	if p.backup != "" && p.backend != "memory" {
		b.Set("backup.every", p.backup).Set("backup.target", filepath.Join(dir, "backups")).Set("backup.keys", p.seal)
	}
	return b.BuildUnchecked()
}

// tell says what to do next.
func (p *plan) tell(out io.Writer, dir string, madeCertificate bool) {
	scheme, trust := "http", ""
	if p.cert != "" {
		scheme = "https"
	}
	if madeCertificate {
		trust = " --ca-cert " + p.cert
	}
	_, port, _ := net.SplitHostPort(p.http) // it was read before
	_, _ = fmt.Fprintf(out, `%[1]s holds config.toml, node.env and the secrets.

Start the node:
  set -a; . %[1]s/node.env; set +a
  icn-node --config %[1]s/config.toml

Then, in another terminal:
  export ICN_API_URL=%[2]s://127.0.0.1:%[3]s ICN_API_KEY="$(cat %[1]s/secrets/api-key)"
  icn-cli doctor%[4]s
`, dir, scheme, port, trust)
	if p.seal {
		_, _ = fmt.Fprintf(out, "\nKeep a copy of %s/secrets in a safe place, apart from the backups: they hold the\nnode's key, sealed, and its passphrase opens it.\n", dir)
	}
}

// create writes a file that is not there yet.
func create(path, text string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("init: %w; nothing is written over", err)
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}
