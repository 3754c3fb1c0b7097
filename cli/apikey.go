package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// apiKeyCommand looks after files of API keys; no node is asked.
func (a *app) apiKeyCommand() *cobra.Command {
	var file, scope, life string
	create := command("create NAME", "Make an API key; it is shown once", 1, 1, func(c *cobra.Command, args []string) error {
		return a.createAPIKey(file, args[0], scope, life)
	})
	create.Flags().StringVar(&scope, "scope", "read", "read (look), operate (jobs, content, statements; includes read) or admin (everything)")
	create.Flags().StringVar(&life, "expires", "never", "how long it is good, e.g. 90d or 12h, or never")
	list := command("list", "The keys of a file", 0, 0, func(*cobra.Command, []string) error { return a.listAPIKeys(file) })
	revoke := command("revoke NAME", "Take a key out of a file", 1, 1, func(_ *cobra.Command, args []string) error {
		if err := access.Remove(file, args[0]); err != nil {
			return err
		}
		a.note("A running node takes this up with: icn-cli config reload")
		return a.printer().show(map[string]string{"revoked": args[0]}, func() { a.printer().line("Revoked %s", args[0]) })
	})
	for _, c := range []*cobra.Command{create, list, revoke} {
		c.Flags().StringVar(&file, "file", "./icn_data/api-keys", "the file, as icn-node's --api-keys-path names it")
	}
	g := group("apikey", "Keys to a node's API, each with a name, a scope and an expiry", create, list, revoke)
	g.Long = "A file of API keys holds their hashes only, so it may be kept beside the configuration.\nicn-node reads it with --api-keys-path, and again after 'icn-cli config reload' or SIGHUP."
	return g
}

func (a *app) createAPIKey(file, name, scope, life string) error {
	s, err := access.ParseScope(scope)
	if err != nil {
		return err
	}
	var expires time.Time
	if life != "never" {
		d, err := wire.ParseDuration(life)
		if err != nil || d <= 0 {
			return fmt.Errorf("--expires %q: %w: write 90d, 12h or never", life, icn.ErrInvalid)
		}
		expires = time.Now().Add(time.Duration(d))
	}
	k, secret, err := access.New(name, s, expires)
	if err != nil {
		return err
	}
	if err := access.Add(file, k); err != nil {
		return err
	}
	a.note("This is the only time that the key is shown. A running node takes it up with: icn-cli config reload")
	v := apiKey{Name: k.Name, Scope: k.Scope.String(), Expires: until8601(k), Key: secret}
	p := a.printer()
	return p.show(v, func() {
		p.fields([2]string{"Key", secret}, [2]string{"Name", v.Name}, [2]string{"Scope", v.Scope}, [2]string{"Expires", v.Expires}, [2]string{"File", file})
	})
}

// apiKey is one as it is shown.
type apiKey struct {
	Name    string `json:"name"`
	Scope   string `json:"scope"`
	Expires string `json:"expires"`
	Key     string `json:"key,omitempty"`
}

func until8601(k access.Key) string {
	if k.Expires.IsZero() {
		return "never"
	}
	return k.Expires.Format(time.RFC3339)
}

func (a *app) listAPIKeys(file string) error {
	ks, err := access.Load(file)
	if err != nil {
		return err
	}
	list := make([]apiKey, 0, len(ks))
	rows := make([][]string, 0, len(ks))
	for _, k := range ks {
		v := apiKey{Name: k.Name, Scope: k.Scope.String(), Expires: until8601(k)}
		list = append(list, v)
		if k.Expired(time.Now()) {
			v.Expires += " (it is over)"
		}
		rows = append(rows, []string{v.Name, v.Scope, v.Expires})
	}
	p := a.printer()
	return p.show(list, func() { p.grid([]string{"name", "scope", "expires"}, rows) })
}

// configCommand is about the configuration of a running node.
func (a *app) configCommand() *cobra.Command {
	reload := command("reload", "Make the node read its configuration again", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(n *client.Client) error {
			r, err := n.ConfigReload(c.Context())
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(r, func() {
				if len(r.Changed)+len(r.Restart) == 0 {
					p.line("Nothing has changed.")
				}
				for _, k := range r.Changed {
					p.line("%s  counts from now on", k)
				}
				for _, k := range r.Restart {
					p.line("%s  has changed, and counts from the next start on", k)
				}
			})
		})
	})
	return group("config", "The configuration of a running node", reload)
}
