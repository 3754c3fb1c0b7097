package cli

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
)

func (a *app) debugCommand() *cobra.Command {
	var to string
	bundle := command("bundle", "Put into one file what helps whoever looks for a fault; no secrets", 0, 0, func(c *cobra.Command, _ []string) error {
		if to == "" {
			to = "icn-debug-" + time.Now().UTC().Format("20060102-150405") + ".tar.gz"
		}
		return a.bundle(c.Context(), to)
	})
	bundle.Long = "bundle asks the node how it is, and writes the answers to a tar.gz: checks, status, metrics, peers, executors,\n" +
		"settings (secrets are masked), the last lines of the log, the last events, what every part of the program is\n" +
		"doing. Names and DIDs of the federation are in it; keys, passphrases, tokens and what members store are not.\n" +
		"What the node does not answer is named in the file errors.txt."
	bundle.Flags().StringVar(&to, "to", "", "the file (default icn-debug-TIME.tar.gz)")
	return group("debug", "When something is wrong and nobody knows why", bundle)
}

// findings are the files of a bundle.
func (a *app) findings(ctx context.Context, c *client.Client) []struct {
	name string
	get  func() (any, error)
} {
	type file = struct {
		name string
		get  func() (any, error)
	}
	of := func(name string, get func() (any, error)) file { return file{name, get} }
	return []file{
		of("info.json", func() (any, error) { return c.Info(ctx) }),
		of("checks.json", func() (any, error) { return c.Checks(ctx) }),
		of("health.json", func() (any, error) { return c.Health(ctx) }),
		of("status.json", func() (any, error) { return c.Status(ctx) }),
		of("peers.json", func() (any, error) { return c.NetworkPeers(ctx) }),
		of("federation.json", func() (any, error) { return c.FederationStatus(ctx) }),
		of("executors.json", func() (any, error) { return c.MeshExecutors(ctx) }),
		of("checkpoint.json", func() (any, error) { return c.Checkpoint(ctx) }),
		of("waiting.json", func() (any, error) { return c.StatementsWaiting(ctx) }),
		of("metrics.txt", func() (any, error) { return c.Metrics(ctx) }),
		of("events.json", func() (any, error) {
			var out []wire.Event
			for ev, err := range c.Events(ctx, wire.EventQuery{Tail: 200}) {
				if err != nil {
					return nil, err
				}
				out = append(out, ev)
			}
			return out, nil
		}),
	}
}

func (a *app) bundle(ctx context.Context, to string) (err error) {
	return a.with(func(c *client.Client) (err error) {
		if _, err := c.Livez(ctx); err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		z := gzip.NewWriter(f)
		b := &bundler{to: tar.NewWriter(z), at: time.Now()}
		a.fill(ctx, c, b)
		err = errors.Join(b.err, b.to.Close(), z.Close(), f.Close())
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return errors.Join(err, os.Remove(to))
		}
		for _, m := range b.missing {
			a.note("not in it: %s", m)
		}
		a.printer().line("%s", to)
		a.note("Look into it before you give it away: tar -tzf %s", to)
		return nil
	})
}

// bundler writes files, and remembers what could not be had.
type bundler struct {
	to      *tar.Writer
	at      time.Time
	missing []string
	err     error
}

func (b *bundler) add(name, text string) {
	if b.err != nil {
		return
	}
	b.err = b.to.WriteHeader(&tar.Header{Name: "icn-debug/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: b.at})
	if b.err == nil {
		_, b.err = io.WriteString(b.to, text)
	}
}

func (b *bundler) value(name string, v any, err error) {
	if err != nil {
		b.missing = append(b.missing, fmt.Sprintf("%s: %s", name, oneLine(err.Error())))
		return
	}
	if text, ok := v.(string); ok {
		b.add(name, text)
		return
	}
	var text strings.Builder
	if err := (printer{&text, true}).show(v, nil); err != nil {
		b.missing = append(b.missing, fmt.Sprintf("%s: %s", name, oneLine(err.Error())))
		return
	}
	b.add(name, text.String())
}

func (a *app) fill(ctx context.Context, c *client.Client, b *bundler) {
	b.add("about.txt", fmt.Sprintf("made at %s\nof %s\nby icn-cli %s, %s, %s/%s\n", b.at.UTC().Format(time.RFC3339), c.URL(), a.Release, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	for _, f := range a.findings(ctx, c) {
		v, err := f.get()
		b.value(f.name, v, err)
	}
	in, err := c.AdminDebug(ctx)
	b.value("settings.json", in.Settings, err)
	if err == nil {
		b.add("log.txt", strings.Join(in.Log, ""))
		b.add("build.txt", in.Build)
		b.add("goroutines.txt", in.Goroutines)
	}
	b.add("errors.txt", strings.Join(append(b.missing, ""), "\n"))
}
