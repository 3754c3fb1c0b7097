package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) addCommand() *cobra.Command {
	var keep bool
	c := command("add PATH", "Store a file or a folder and print its root CID, the one that IPFS tools give it", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			added, err := a.addPath(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if keep {
				if _, err := cl.DagPin(c.Context(), added.CID, 0); err != nil {
					return err
				}
			}
			p := a.printer()
			return p.show(added, func() { p.line("%s", added.CID) })
		})
	})
	c.Flags().BoolVar(&keep, "pin", false, "keep it for ever")
	return c
}

// addPath makes the blocks of a file or folder here and sends them to the node.
func (a *app) addPath(ctx context.Context, c *client.Client, path string) (dag.Added, error) {
	total, err := pathSize(path)
	if err != nil {
		return dag.Added{}, err
	}
	bar := a.bar(total, "adding "+filepath.Base(path))
	added, err := dag.Build(ctx, path, func(blocks []icn.Block) error {
		for part := range slices.Chunk(blocks, wire.MaxBatchBlocks) {
			if _, err := c.DagPutBatch(ctx, part); err != nil {
				return err
			}
		}
		return nil
	}, func(n int64) { _ = bar.Add64(n) }) // a bar that cannot be drawn harms nobody
	_ = bar.Finish()
	return added, err
}

// pathSize is what there is to read, for the progress bar.
func pathSize(path string) (int64, error) {
	var total int64
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			total += st.Size()
		}
		return err
	})
	if os.IsNotExist(err) {
		return 0, fmt.Errorf("%s: %w", path, icn.ErrNotFound)
	}
	return total, err
}

// bar is a progress bar for people who look at stderr, and nothing for others.
func (a *app) bar(total int64, what string) *progressbar.ProgressBar {
	if !a.terminal() || total < 1<<20 {
		return progressbar.DefaultBytesSilent(total, what)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(a.Err),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(65*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(30), progressbar.OptionShowCount())
}
