// Package cli is icn-cli: every command that talks to a node over its API, and
// the demo.
//
// The invariant: results go to stdout and nothing else does; everything else goes
// to stderr, errors in one or two lines that say what to do next. A member's key
// never leaves its folder: what a member says is signed here.
//
// It holds no rule of the network: what is right or wrong is the node's to say.
//
//	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/cli/manual"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/shown"
	"github.com/InterCooperative-Network/icn-core/key"
)

// Streams are the command's surroundings.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Release  string
}

// defaultURL is where a node listens that nobody told otherwise.
const defaultURL = "http://127.0.0.1:7845"

// app is what commands share.
type app struct {
	Streams
	apiURL, apiKey, output string
	token, caCert          string
	clientCert, clientKey  string
	quiet                  bool
}

// Main runs a command and returns the exit code.
func Main(ctx context.Context, args []string, s Streams) int {
	root := newRoot(&app{Streams: s})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && !errors.Is(err, errUsage) {
		err = fmt.Errorf("stopped: %w", context.Canceled)
	}
	report(s.Err, err)
	return exitCode(err)
}

func newRoot(a *app) *cobra.Command {
	root := group("icn-cli", "Use and look after an ICN node", a.nodeCommands()...)
	root.Long = "icn-cli talks to an ICN node over its HTTP API.\n\n" + exitHelp()
	root.Version = a.Release
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{err.Error(), c.CommandPath()} })
	f := root.PersistentFlags()
	f.StringVar(&a.apiURL, "api-url", "", "the node's API, or @FILE as icn-node --addr-file writes it (env ICN_API_URL; default "+defaultURL+")")
	f.StringVar(&a.apiKey, "api-key", "", "the node's API key (env ICN_API_KEY)")
	f.StringVar(&a.token, "auth-token", "", "the node's bearer token (env ICN_AUTH_TOKEN)")
	f.StringVar(&a.caCert, "ca-cert", "", "trust this certificate (PEM) of an https:// node, beside the system's (env ICN_CA_CERT)")
	f.StringVar(&a.clientCert, "client-cert", "", "certificate (PEM) to show to an https:// node that wants one (env ICN_CLIENT_CERT)")
	f.StringVar(&a.clientKey, "client-key", "", "its key (PEM) (env ICN_CLIENT_KEY)")
	f.StringVar(&a.output, "output", "table", "table or json")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on stderr")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if a.output != "table" && a.output != "json" {
			return usageError{fmt.Sprintf("--output is table or json, not %q", a.output), c.CommandPath()}
		}
		return nil
	}
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(a.dagCommand(), a.meshCommand(), a.eventsCommand(), a.accountsCommand(), a.reputationCommand(), a.simCommand(), a.networkCommand(),
		a.federationCommand(), a.keysCommand(), a.idCommand(), a.governanceCommand(), a.statementCommand(), a.backupGroup(), a.storageCommand(), a.apiKeyCommand(), a.configCommand(), a.auditCommand(), a.devnetCommand(), a.demoCommand(), a.versionCommand(), manual.Command(root))
	return root
}

// group is a command that only has subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		text := fmt.Sprintf("%s has no command %q", c.CommandPath(), args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return usageError{text, c.CommandPath()}
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(subs...)
	return c
}

// command is one with between low and high arguments.
func command(use, short string, low, high int, run func(c *cobra.Command, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, RunE: run,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) < low:
				return usageError{fmt.Sprintf("something is missing: %s", c.UseLine()), c.CommandPath()}
			case high >= 0 && len(args) > high:
				return usageError{fmt.Sprintf("one too many: %q", args[high]), c.CommandPath()}
			}
			return nil
		},
	}
}

func (a *app) printer() printer { return printer{a.Out, a.output == "json"} }

// note tells something beside the result, unless --quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		_, _ = io.WriteString(a.Err, shown.Text(fmt.Sprintf(format, args...))+"\n")
	}
}

// terminal says whether stderr is looked at by a person.
func (a *app) terminal() bool {
	f, ok := a.Err.(*os.File)
	return ok && !a.quiet && term.IsTerminal(int(f.Fd()))
}

// url finds the node's API.
func (a *app) url() (string, error) {
	u := a.apiURL
	if u == "" {
		u = a.Getenv("ICN_API_URL")
	}
	if u == "" {
		return defaultURL, nil
	}
	path, file := strings.CutPrefix(u, "@")
	if !file {
		return u, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--api-url: %w: %v; icn-node --addr-file %s writes it when it listens", icn.ErrUnavailable, err, path)
	}
	for line := range strings.Lines(string(b)) {
		if api, ok := strings.CutPrefix(line, "API "); ok {
			return strings.TrimSpace(api), nil
		}
	}
	return "", fmt.Errorf("--api-url: %w: %s has no line that begins with API", icn.ErrInvalid, path)
}

// client is the way to the node.
func (a *app) client() (*client.Client, error) {
	u, err := a.url()
	if err != nil {
		return nil, err
	}
	trust, err := a.trust()
	if err != nil {
		return nil, err
	}
	own, err := a.ownCertificate()
	if err != nil {
		return nil, err
	}
	return client.New(u, client.Options{APIKey: a.or(a.apiKey, "ICN_API_KEY"), Token: a.or(a.token, "ICN_AUTH_TOKEN"), Trust: trust, Show: own})
}

// ownCertificate is what a node is shown; nil when none was named.
func (a *app) ownCertificate() (*tls.Certificate, error) {
	cert, secret := a.or(a.clientCert, "ICN_CLIENT_CERT"), a.or(a.clientKey, "ICN_CLIENT_KEY")
	if cert == "" && secret == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, secret)
	if err != nil {
		return nil, fmt.Errorf("--client-cert and --client-key: %w: %v", icn.ErrInvalid, err)
	}
	return &pair, nil
}

// or is a flag's value, or that of an environment variable.
func (a *app) or(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return a.Getenv(variable)
}

// trust is the system's certificates and the one that was named; nil when none was.
func (a *app) trust() (*x509.CertPool, error) {
	path := a.or(a.caCert, "ICN_CA_CERT")
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--ca-cert: %w: %v", icn.ErrNotFound, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-cert: %w: %s holds no certificate in PEM", icn.ErrInvalid, path)
	}
	return pool, nil
}

// wallet is the folder of members' keys.
func (a *app) wallet() (*key.Wallet, error) {
	dir, err := key.DefaultWalletDir()
	if err != nil {
		return nil, err
	}
	return key.OpenWallet(dir), nil
}
