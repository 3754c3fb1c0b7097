package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/backup/cloud"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/launch"
	"github.com/InterCooperative-Network/icn-core/node"
)

// backupFlags say what to back up and where to.
type backupFlags struct {
	output, path, since string
	incremental, keys   bool
	stopped             atRest
}

func (a *app) backupCommand() *cobra.Command {
	var f backupFlags
	c := command("backup", "Copy everything the node holds to where it proves itself", 0, 0, func(c *cobra.Command, _ []string) error {
		to := f.output
		switch {
		case f.output != "" && f.path != "":
			return usageError{"--output names a file, --path a folder: give one of them", c.CommandPath()}
		case f.output == "" && f.path == "":
			return usageError{"where to? give --output FILE.tar.gz, --output s3://BUCKET/FOLDER, or --path FOLDER", c.CommandPath()}
		case f.path != "":
			to = strings.TrimRight(f.path, "/") + "/"
		}
		return a.backup(c.Context(), to, f)
	})
	c.Long = "Copies blocks, log, pins and the certified checkpoint, with a signed manifest of what must be there.\n" +
		"A running node is asked over its API; with --stopped its store is opened here.\n\n" +
		"--incremental copies what came after the last backup in the folder, or with --since after a date."
	c.Flags().StringVar(&f.output, "output", "", "FILE.tar.gz, FOLDER/, s3://…, gs://… or azblob://…")
	c.Flags().StringVar(&f.path, "path", "", "folder of backups that belong together")
	c.Flags().BoolVar(&f.incremental, "incremental", false, "only what is new")
	c.Flags().StringVar(&f.since, "since", "", "with --incremental: what is new since this date or time")
	c.Flags().BoolVar(&f.keys, "keys", false, "with the node's key file, which must be sealed")
	f.stopped.flags(c)
	return c
}

func (a *app) backup(ctx context.Context, output string, f backupFlags) error {
	after, err := a.after(ctx, output, f)
	if err != nil {
		return err
	}
	after.Keys = f.keys
	to, err := target(ctx, output)
	if err != nil {
		return err
	}
	var m backup.Manifest
	if f.stopped.use {
		m, err = a.backupStopped(ctx, f.stopped, after, to)
	} else {
		err = a.with(func(c *client.Client) error {
			r, err := c.AdminBackup(ctx, after)
			if err != nil {
				return errors.Join(err, to.Abandon())
			}
			defer r.Close()
			bar := a.bar(-1, "backing up")
			m, err = backup.Copy(r, to, func(n int64) { _ = bar.Add64(n) }) // a bar that cannot be drawn harms nobody
			_ = bar.Finish()
			return err
		})
	}
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(m, func() {
		kind := "full"
		if !m.Full() {
			kind = fmt.Sprintf("what came after entry %s", number(m.After.Entries))
		}
		p.fields([2]string{"Backup", output}, [2]string{"Of", fmt.Sprintf("%s, node %s", m.Name, m.Node)}, [2]string{"Holds", kind},
			[2]string{"Blocks", fmt.Sprintf("%s, %s", number(uint64(m.Blocks)), size(uint64(m.Bytes)))},
			[2]string{"Log", fmt.Sprintf("%s entries, up to %s", number(uint64(m.Entries)), number(m.Reaches.Entries))},
			[2]string{"State root", fmt.Sprintf("%x", m.StateRoot)})
	})
}

// after is what an incremental backup leaves out.
func (a *app) after(ctx context.Context, output string, f backupFlags) (client.BackupAfter, error) {
	switch {
	case !f.incremental && f.since == "":
		return client.BackupAfter{}, nil
	case f.since != "":
		t, err := wire.ParseMoment(f.since)
		if err != nil {
			return client.BackupAfter{}, fmt.Errorf("--since: %w: %v", icn.ErrInvalid, err)
		}
		return client.BackupAfter{Since: t.Format(time.RFC3339)}, nil
	case !strings.HasSuffix(output, "/") && !cloud.IsURL(output):
		return client.BackupAfter{}, fmt.Errorf("backup: %w: what it shall go on from is not known; give --since DATE, or keep the backups in a folder (--path)", icn.ErrInvalid)
	}
	have, err := sources(ctx, output)
	if errors.Is(err, icn.ErrNotFound) {
		a.note("There is no backup yet: this one is a full one.")
		return client.BackupAfter{}, nil
	}
	if err != nil {
		return client.BackupAfter{}, err
	}
	m, err := backup.ManifestOf(have[len(have)-1], launch.Checker())
	return client.BackupAfter{Point: m.Reaches}, err
}

// target opens where a backup goes.
func target(ctx context.Context, output string) (backup.Target, error) {
	switch {
	case cloud.IsURL(output):
		return cloud.NewTarget(ctx, output, time.Now())
	case strings.HasSuffix(output, "/"):
		return backup.NewFolder(output, time.Now())
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o700); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return backup.NewFile(output)
}

func sources(ctx context.Context, at string) ([]backup.Source, error) {
	if cloud.IsURL(at) {
		return cloud.Sources(ctx, at)
	}
	return backup.Sources(at)
}

func (a *app) backupStopped(ctx context.Context, r atRest, after client.BackupAfter, to backup.Target) (m backup.Manifest, err error) {
	err = a.opened(ctx, r, func(o *launch.Opened) error {
		from := backup.From{History: o.History, Blocks: o.Blocks, Signer: o.Key, After: after.Point}
		if after.Since != "" {
			t, err := wire.ParseMoment(after.Since)
			if err != nil {
				return err
			}
			if from.After.Entries, err = o.History.Before(icn.Time(t.UnixMilli())); err != nil {
				return err
			}
			if from.After.Arrival, err = o.Blocks.ArrivedBefore(t); err != nil {
				return err
			}
		}
		if after.Keys {
			var err error
			if from.Sealed, err = launch.SealedKey(o.KeyPath); err != nil {
				return err
			}
		}
		bar := a.bar(-1, "backing up")
		from.Progress = func(n int64) { _ = bar.Add64(n) }
		m, err = backup.Make(ctx, from, to)
		_ = bar.Finish()
		return err
	})
	return m, err
}

// chain is the backups to read: those named, or, of a folder, the last full one
// and those after it.
func (a *app) chain(ctx context.Context, inputs []string, path string) ([]backup.Source, error) {
	if path != "" {
		inputs = append(inputs, path)
	}
	var all []backup.Source
	for _, in := range inputs {
		s, err := sources(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return backup.LastChain(all)
}

func (a *app) restoreCommand() *cobra.Command {
	var inputs []string
	var path string
	var into atRest
	c := command("restore", "Bring back what a backup holds, checking everything", 0, 0, func(c *cobra.Command, _ []string) error {
		if len(inputs) == 0 && path == "" {
			return usageError{"from where? give --input FILE.tar.gz (again for each incremental one), or --path FOLDER", c.CommandPath()}
		}
		from, err := a.chain(c.Context(), inputs, path)
		if err != nil {
			return err
		}
		if !into.use && !into.named() {
			if node, ok := a.answers(c.Context()); ok {
				return a.merge(c.Context(), node, from)
			}
		}
		return a.restore(c.Context(), from, into)
	})
	c.Long = "A running node is brought what it misses: blocks and pins; its log is compared, and stays.\n\n" +
		"With --stopped, with a flag that says where its store is, or when no node answers, the empty store of a stopped\n" +
		"node is filled (its configuration says where; flags win). Nothing of a backup that is damaged stays there. A node\n" +
		"of a federation of several comes back under a new seat, so that it never votes twice."
	c.Flags().StringArrayVar(&inputs, "input", nil, "a backup, or s3://… and the like (repeatable, oldest first)")
	c.Flags().StringVar(&path, "path", "", "folder of backups that belong together")
	into.flags(c)
	return c
}

// answers is the node at the API's address, if there is one.
func (a *app) answers(ctx context.Context) (*client.Client, bool) {
	c, err := a.client()
	if err != nil {
		return nil, false
	}
	_, err = c.Livez(ctx)
	var op *net.OpError
	return c, !errors.As(err, &op) && !errors.Is(err, icn.ErrNotFound)
}

// merge brings a running node what it misses.
func (a *app) merge(ctx context.Context, c *client.Client, from []backup.Source) error {
	var sum wire.Restored
	for _, s := range from {
		in, out := io.Pipe()
		go func() { out.CloseWithError(send(s, out)) }()
		bar := a.bar(-1, "restoring")
		r, err := c.AdminRestore(ctx, io.TeeReader(in, bar))
		_ = bar.Finish()
		_ = in.Close() // the sender ends, whatever it was about to send
		if err != nil {
			return a.explain(c, fmt.Errorf("%s: %w", s, err))
		}
		r.Blocks, r.Added, r.Entries = r.Blocks+sum.Blocks, r.Added+sum.Added, r.Entries+sum.Entries
		sum = r
	}
	p := a.printer()
	return p.show(sum, func() {
		p.line("The node at %s has everything of the backup, and is what it was.", c.URL())
		p.fields([2]string{"Made", sum.Made.Local().Format(time.DateTime)}, [2]string{"Blocks", fmt.Sprintf("%s, of which %s were missing here", number(uint64(sum.Blocks)), number(uint64(sum.Added)))},
			[2]string{"Log", number(uint64(sum.Entries)) + " entries, the same as the node's own"})
	})
}

// send writes a backup as one stream.
func send(s backup.Source, w io.Writer) error {
	to := backup.NewStream(w)
	err := s.Each(func(name string, data []byte) error {
		encoded, err := to.Encode(name, data)
		if err == nil {
			err = to.Write(name, encoded)
		}
		return err
	})
	if err != nil {
		return err
	}
	return to.Done()
}

func (a *app) restore(ctx context.Context, from []backup.Source, r atRest) error {
	cfg, err := r.config(a)
	if err != nil {
		return err
	}
	stores, err := launch.OpenStores(ctx, cfg, a.logger(cfg))
	if err != nil {
		return err
	}
	bar := a.bar(-1, "restoring")
	res, err := backup.Restore(ctx, from, backup.Into{Blocks: stores.Blocks, Log: stores.Log, Checker: launch.Checker(), Progress: func(n int64) { _ = bar.Add64(n) }})
	_ = bar.Finish()
	if err = errors.Join(err, stores.Close()); err != nil {
		return err
	}
	if len(res.Sealed) > 0 {
		if err := a.restoreKey(cfg.Identity.KeyPath, res.Sealed); err != nil {
			return err
		}
	}
	return a.showRestored(res, "Restored into "+stores.Name)
}

// restoreKey puts a node's sealed key where the node looks for it, unless one is
// there.
func (a *app) restoreKey(path string, sealed []byte) error {
	err := key.SaveFile(path, sealed)
	switch {
	case errors.Is(err, icn.ErrConflict):
		a.note("The key in the backup is not used: %s is there already.", path)
		return nil
	case err != nil:
		return err
	}
	a.note("The node's sealed key is in %s.", path)
	return nil
}

func (a *app) showRestored(res backup.Result, what string) error {
	m := res.Manifest
	p := a.printer()
	return p.show(m, func() {
		p.line("%s: everything is there, and is what it was.", what)
		p.fields([2]string{"Of", fmt.Sprintf("%s, node %s", m.Name, m.Node)}, [2]string{"Made", m.Made.Local().Format(time.DateTime)},
			[2]string{"Blocks", number(uint64(res.Blocks))}, [2]string{"Log", number(res.Entries) + " entries"}, [2]string{"State root", fmt.Sprintf("%x", m.StateRoot)})
	})
}

func (a *app) verifyCommand() *cobra.Command {
	var deep bool
	var inputs []string
	var path string
	var r atRest
	c := command("verify", "Check what a node or a backup holds, and name what is wrong", 0, 0, func(c *cobra.Command, _ []string) error {
		if len(inputs) > 0 || path != "" {
			from, err := a.chain(c.Context(), inputs, path)
			if err != nil {
				return err
			}
			bar := a.bar(-1, "verifying")
			res, err := backup.Verify(c.Context(), from, launch.Checker(), func(n int64) { _ = bar.Add64(n) })
			_ = bar.Finish()
			if err != nil {
				return err
			}
			return a.showRestored(res, "Verified")
		}
		v, err := a.verify(c.Context(), r, deep)
		if err != nil {
			return err
		}
		return a.showVerified(v)
	})
	c.Long = "Checks the running node over its API, with --stopped the store of a stopped one, with --input or --path a backup\n" +
		"that was never restored. Without --deep the log is compared with its tree; with it every block is hashed and the\n" +
		"whole log folded again, signature by signature. A backup is always checked deeply."
	c.Flags().BoolVar(&deep, "deep", false, "every block and every signature")
	c.Flags().StringArrayVar(&inputs, "input", nil, "check this backup (repeatable, oldest first)")
	c.Flags().StringVar(&path, "path", "", "check the backups in this folder")
	r.flags(c)
	return c
}

func (a *app) verify(ctx context.Context, r atRest, deep bool) (v wire.Verified, err error) {
	if !r.use {
		err = a.with(func(c *client.Client) error {
			v, err = c.AdminVerify(ctx, deep)
			return err
		})
		return v, err
	}
	err = a.opened(ctx, r, func(o *launch.Opened) error {
		found, err := backup.Inspect(ctx, o.History, o.Blocks, backup.Inspection{Deep: deep, Checker: launch.Checker()})
		v = wire.VerifiedOf(found)
		return err
	})
	return v, err
}

func (a *app) showVerified(v wire.Verified) error {
	p := a.printer()
	err := p.show(v, func() {
		what := "The log agrees with its tree"
		if v.Deep {
			what = "Every block is what its name says, and the log leads to the state"
		}
		if !v.OK {
			what = "Something is wrong"
		}
		p.line("%s.", what)
		p.fields([2]string{"Blocks", fmt.Sprintf("%s, %s", number(uint64(v.Blocks)), size(uint64(v.Bytes)))}, [2]string{"Log", number(v.Entries) + " entries"},
			[2]string{"State root", v.StateRoot}, [2]string{"Problems", strings.Join(v.Problems, "\n")})
	})
	if err == nil && !v.OK {
		err = advised{fmt.Errorf("verify: %w: %s", icn.ErrCorrupt, plural(len(v.Problems), "problem")),
			"Restore from a backup (icn-cli dag restore); blocks that peers have come back by themselves when they are removed and asked for."}
	}
	return err
}

func (a *app) backupGroup() *cobra.Command {
	return group("backup", "Backups beside a node", a.rehearseCommand())
}

func (a *app) rehearseCommand() *cobra.Command {
	return command("rehearse FILE|FOLDER", "Boot a throwaway node from a backup, and compare its roots", 1, 1, func(c *cobra.Command, args []string) error {
		from, err := a.chain(c.Context(), args, "")
		if err != nil {
			return err
		}
		res, s, err := a.rehearse(c.Context(), from)
		if err != nil {
			return err
		}
		m := res.Manifest
		if s.Entries < m.Reaches.Entries || s.Entries == m.Reaches.Entries && s.State != m.StateRoot {
			return fmt.Errorf("rehearse: %w: the node came up at entry %d with the state root %x; the backup says %d and %x", icn.ErrCorrupt, s.Entries, s.State, m.Reaches.Entries, m.StateRoot)
		}
		return a.showRestored(res, "Rehearsed: a node booted from it")
	})
}

// rehearse restores into a temporary folder and starts a node there, which speaks
// to nobody.
func (a *app) rehearse(ctx context.Context, from []backup.Source) (res backup.Result, h node.History, err error) {
	dir, err := os.MkdirTemp("", "icn-rehearsal-")
	if err != nil {
		return res, h, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stores, err := launch.OpenStores(ctx, launch.Throwaway(dir), slog.New(slog.DiscardHandler))
	if err != nil {
		return res, h, err
	}
	res, err = backup.Restore(ctx, from, backup.Into{Blocks: stores.Blocks, Log: stores.Log, Checker: launch.Checker()})
	if err = errors.Join(err, stores.Close()); err != nil {
		return res, h, err
	}
	running, err := launch.Start(ctx, launch.Throwaway(dir), launch.Options{})
	if err != nil {
		return res, h, err
	}
	h, err = running.History(ctx)
	return res, h, errors.Join(err, running.Close())
}
