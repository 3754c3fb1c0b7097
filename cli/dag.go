package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) dagCommand() *cobra.Command {
	return group("dag", "Blocks and files by their CID",
		a.putCommand(), a.getCommand(), a.addCommand(),
		command("cat CID", "Write a file's content to stdout", 1, 1, a.dagCat),
		command("ls CID", "List a folder", 1, 1, a.dagList),
		command("meta CID", "Size, links and pin of a block", 1, 1, a.dagMeta),
		a.pinCommand(),
		command("unpin CID", "Let a tree go; its blocks stay until they are pruned", 1, 1, a.dagUnpin),
		a.pruneCommand(), a.backupCommand(), a.restoreCommand(), a.verifyCommand())
}

// dagAt runs f with the CID that was named.
func (a *app) dagAt(arg string, f func(*client.Client, icn.CID) error) error {
	id, err := icn.ParseCID(arg)
	if err != nil {
		return err
	}
	return a.with(func(c *client.Client) error { return f(c, id) })
}

func (a *app) putCommand() *cobra.Command {
	var o client.Put
	c := command("put FILE|-", "Store one block and print its CID", 1, 1, func(c *cobra.Command, args []string) error {
		data, err := a.block(args[0])
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error {
			id, err := cl.DagPut(c.Context(), data, o)
			if err != nil {
				return err
			}
			return a.showCID(id)
		})
	})
	c.Flags().StringVar(&o.Codec, "codec", "raw", "raw, dag-cbor or dag-pb")
	c.Flags().BoolVar(&o.Pin, "pin", false, "keep it for ever")
	return c
}

func (a *app) showCID(id icn.CID) error {
	p := a.printer()
	return p.show(wire.Cite{CID: id}, func() { p.line("%s", id) })
}

// block reads a file, or stdin, that fits into one block.
func (a *app) block(path string) ([]byte, error) {
	in := a.In
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, icn.MaxBlock+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(b) > icn.MaxBlock {
		return nil, fmt.Errorf("%s: %w: a block is %s at most; use: icn-cli dag add %s", path, icn.ErrInvalid, size(icn.MaxBlock), path)
	}
	return b, nil
}

func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("file %s: %w", path, icn.ErrNotFound)
	}
	return f, err
}

func (a *app) getCommand() *cobra.Command {
	var to string
	c := command("get CID", "Write a block's bytes to stdout", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			data, err := cl.DagGet(c.Context(), id)
			if err != nil {
				return err
			}
			if to != "" {
				return os.WriteFile(to, data, 0o644)
			}
			_, err = a.Out.Write(data)
			return err
		})
	})
	c.Flags().StringVarP(&to, "out", "o", "", "write it to this file")
	return c
}

func (a *app) dagCat(c *cobra.Command, args []string) error {
	return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error { return a.cat(c.Context(), cl, id) })
}

func (a *app) cat(ctx context.Context, cl *client.Client, id icn.CID) error {
	r, err := cl.DagCat(ctx, id)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(a.Out, r)
	return err
}

func (a *app) dagList(c *cobra.Command, args []string) error {
	return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
		list, err := cl.DagList(c.Context(), id)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(list, func() {
			rows := make([][]string, 0, len(list))
			for _, e := range list {
				rows = append(rows, []string{e.CID.String(), size(e.Size), e.Name})
			}
			p.grid([]string{"cid", "size", "name"}, rows, 2)
		})
	})
}

func (a *app) dagMeta(c *cobra.Command, args []string) error {
	return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
		m, err := cl.DagMeta(c.Context(), id)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(m, func() {
			links := make([]string, 0, len(m.Links))
			for _, l := range m.Links {
				links = append(links, l.String())
			}
			p.fields([2]string{"CID", m.CID.String()}, [2]string{"Size", size(uint64(m.Size))}, [2]string{"Codec", m.Codec},
				[2]string{"Stored", m.Put.Format(time.DateTime)}, [2]string{"Pinned", pinned(m.Pinned, m.PinExpires)}, [2]string{"Links", strings.Join(links, "\n")})
		})
	})
}

func pinned(is bool, until *time.Time) string {
	switch {
	case !is:
		return "no"
	case until == nil:
		return "for ever"
	}
	return "until " + until.Local().Format(time.DateTime)
}

func (a *app) pinCommand() *cobra.Command {
	var ttl string
	c := command("pin CID", "Keep a tree of blocks; missing ones are fetched first", 1, 1, func(c *cobra.Command, args []string) error {
		var life wire.Duration
		if ttl != "" {
			var err error
			if life, err = wire.ParseDuration(ttl); err != nil || life <= 0 {
				return usageError{fmt.Sprintf("--ttl %q: want a time such as 36h, 90m or 3600 (seconds)", ttl), c.CommandPath()}
			}
		}
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			pin, err := cl.DagPin(c.Context(), id, time.Duration(life))
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(pin, func() { p.line("%s is kept %s", pin.CID, pinned(true, pin.Expires)) })
		})
	})
	c.Flags().StringVar(&ttl, "ttl", "", "for how long, e.g. 36h (default: for ever)")
	return c
}

func (a *app) dagUnpin(c *cobra.Command, args []string) error {
	return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
		if err := cl.DagUnpin(c.Context(), id); err != nil {
			return err
		}
		p := a.printer()
		return p.show(wire.Cite{CID: id}, func() { p.line("%s is no longer kept", id) })
	})
}

func (a *app) pruneCommand() *cobra.Command {
	var o wire.Prune
	var grace time.Duration
	c := command("prune", "Remove blocks that no pin and no open job reaches", 0, 0, func(c *cobra.Command, _ []string) error {
		o.Grace = wire.Duration(grace)
		return a.with(func(cl *client.Client) error {
			r, err := cl.DagPrune(c.Context(), o)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(r, func() {
				verb := "Removed"
				if o.DryRun {
					verb = "Would remove"
				}
				p.line("%s %s, %s", verb, plural(len(r.Removed), "block"), size(uint64(r.Bytes)))
			})
		})
	})
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "only tell what would go")
	c.Flags().DurationVar(&grace, "grace", 0, "blocks younger than this stay, e.g. 24h")
	return c
}
