package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// farClocks is how far this machine's clock may be from the node's.
const farClocks = 2 * time.Second

func (a *app) doctorCommand() *cobra.Command {
	var file string
	c := command("doctor", "What is wrong with the node, and what to do about it", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.doctor(c.Context(), file)
	})
	c.Long = "doctor looks at everything that an operator should know of: whether the node answers, its order, log, peers,\n" +
		"clock, disk, keys, backups, certificate and version, and says what to do. The node looks at the same things by\n" +
		"itself; /ready, /metrics (icn_check_ok) and its log tell of them. With --config it looks at the configuration,\n" +
		"too, and needs no running node for that. The exit code is 0 when nothing has to be done, 1 when\n" +
		"something has, and 5 when no node answers."
	c.Flags().StringVar(&file, "config", "", "look at this configuration of icn-node as well, as the user that runs it")
	return c
}

func (a *app) doctor(ctx context.Context, file string) error {
	var found []wire.Check
	if file != "" {
		found = append(found, checkConfiguration(file)...)
	}
	more, err := a.examine(ctx)
	found = append(found, more...)
	if err != nil && !errors.Is(err, icn.ErrUnavailable) {
		return err
	}
	bad, advice := 0, 0
	for _, c := range found {
		switch {
		case c.State.Bad():
			bad++
		case c.State == wire.CheckAdvice:
			advice++
		}
	}
	p := a.printer()
	if showErr := p.show(wire.Checks{Checks: found}, func() { showChecks(p, found) }); showErr != nil {
		return showErr
	}
	if err != nil {
		return err // nobody answers; trying again can work, as with every command
	}
	if bad > 0 {
		return fmt.Errorf("%s to see to, and %s of advice", plural(bad, "thing"), plural(advice, "piece"))
	}
	a.note("Nothing has to be done; %s of advice.", plural(advice, "piece"))
	return nil
}

// marks begin the lines of checks.
var marks = map[wire.CheckState]string{wire.CheckOK: "✓", wire.CheckAdvice: "·", wire.CheckAlarm: "!", wire.CheckFailed: "✗"}

func showChecks(p printer, found []wire.Check) {
	width := 0
	for _, c := range found {
		width = max(width, len(c.Name))
	}
	for _, c := range found {
		p.line("%s %-*s  %s", marks[c.State], width, c.Name, strings.ReplaceAll(c.Says, "\n", " "))
		if c.Do != "" {
			p.line("  %-*s  → %s", width, "", c.Do)
		}
	}
}

// examine asks the node. What can be said without its answer is said in any case.
func (a *app) examine(ctx context.Context) ([]wire.Check, error) {
	at, err := a.url()
	if err != nil {
		return []wire.Check{{Name: "api", State: wire.CheckFailed, Says: err.Error(), Do: startIt}}, err
	}
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	health, err := c.Health(ctx)
	if len(health.Checks) == 0 {
		if err == nil {
			err = fmt.Errorf("%s: %w: it is not the API of a node", at, icn.ErrUnavailable)
		}
		return []wire.Check{{Name: "api", State: wire.CheckFailed, Says: oneLine(err.Error()), Do: startIt}}, a.explain(c, err)
	}
	out := []wire.Check{{Name: "api", State: wire.CheckOK, Says: fmt.Sprintf("%s answers within %s", at, span(time.Since(began)))}}
	out = append(out, checkWay(at), checkClocks(health.Timestamp, began, time.Now()))
	checks, err := c.Checks(ctx)
	if err != nil {
		return append(out, wire.Check{Name: "key to the api", State: wire.CheckFailed, Says: oneLine(err.Error()),
			Do: "give a key: --api-key, ICN_API_KEY, or one of your own made by icn-cli apikey create"}), nil
	}
	return append(append(out, a.checkVersion(ctx, c)), checks.Checks...), nil
}

const startIt = "is it running? On a server: systemctl status icn-node; here: icn-node --test-mode. Elsewhere: --api-url URL"

// checkWay looks at how this command reaches the node.
func checkWay(at string) wire.Check {
	c := wire.Check{Name: "way", State: wire.CheckOK, Says: "the way to the API is safe"}
	u, err := url.Parse(at)
	if err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") && u.Hostname() != "::1" {
		c.State, c.Says, c.Do = wire.CheckAdvice, "the key to the API travels unencrypted to "+u.Hostname(), "have the node speak TLS (security.tls_cert_path), and use https://"
	}
	return c
}

// checkClocks compares this machine's clock with the node's, which tells whole seconds.
func checkClocks(node int64, before, after time.Time) wire.Check {
	c := wire.Check{Name: "clock here", State: wire.CheckOK, Says: "this machine and the node agree on the time"}
	off := time.Duration(0)
	switch from, to := time.Unix(node, 0), time.Unix(node+1, 0); {
	case to.Before(before):
		off = before.Sub(to)
	case from.After(after):
		off = from.Sub(after)
	}
	if off > farClocks {
		c.State, c.Says, c.Do = wire.CheckAlarm, fmt.Sprintf("this machine's clock and the node's differ by %s", span(off)), "see which is wrong: date; timedatectl"
	}
	return c
}

// checkVersion compares the node's release with this command's.
func (a *app) checkVersion(ctx context.Context, cl *client.Client) wire.Check {
	c := wire.Check{Name: "icn-cli", State: wire.CheckOK, Says: "it is of the node's release"}
	i, err := cl.Info(ctx)
	switch {
	case err != nil:
		c.State, c.Says = wire.CheckAdvice, "the node did not say which release it is: "+oneLine(err.Error())
	case i.Version != a.Release:
		c.State, c.Says, c.Do = wire.CheckAdvice, fmt.Sprintf("it is of release %s, the node of %s", a.Release, i.Version), "use the icn-cli that came with the node"
	}
	return c
}

// checkConfiguration looks at what a node on this machine would start with.
func checkConfiguration(file string) []wire.Check {
	c := wire.Check{Name: "configuration", State: wire.CheckOK, Says: file + " is good"}
	cfg, warnings, err := config.Load(config.FileOnly(file, os.Environ()))
	switch {
	case err != nil:
		c.State, c.Says, c.Do = wire.CheckFailed, oneLine(err.Error()), "icn-node config check "+file
		return []wire.Check{c}
	case len(warnings) > 0:
		c.State, c.Says = wire.CheckAdvice, strings.Join(warnings, "; ")
	}
	return append([]wire.Check{c}, checkKeyFile(cfg.Identity)...)
}

// checkKeyFile tries whether the node's key can be opened.
func checkKeyFile(c config.Identity) []wire.Check {
	if c.KeyPath == "" || c.PKCS11Module != "" {
		return nil
	}
	out := wire.Check{Name: "key file", State: wire.CheckOK, Says: c.KeyPath + " opens"}
	_, err := key.LoadSealed(c.KeyPath, c.Passphrase)
	switch {
	case errors.Is(err, icn.ErrNotFound) && c.GenerateNewKey:
		out.State, out.Says = wire.CheckAdvice, "there is no key at "+c.KeyPath+" yet: the first start makes one"
	case err != nil:
		out.State, out.Says, out.Do = wire.CheckFailed, oneLine(err.Error()), "see that this user may read it, and that its passphrase is set (identity.key_passphrase_env, ICN_KEY_PASSPHRASE_FILE)"
	}
	return []wire.Check{out}
}
