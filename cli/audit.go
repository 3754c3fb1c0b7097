package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) auditCommand() *cobra.Command {
	var of string
	var offline bool
	verify := command("verify FILE...", "Check an audit log against itself and against the federation's log", 1, -1, func(c *cobra.Command, args []string) error {
		var heads []audit.Head
		if !offline {
			var err error
			if heads, err = a.auditHeads(c.Context(), of); err != nil {
				return err
			}
		}
		return a.verifyAudit(args, heads)
	})
	verify.Long = "Reads the files of one audit log, the oldest first, and names the first line that is not as it was written.\n" +
		"Its heads are in the federation's log; any node of the federation can be asked for them."
	verify.Flags().StringVar(&of, "node", "", "DID of the node whose audit log it is; by default the one that is asked")
	verify.Flags().BoolVar(&offline, "offline", false, "do not ask a node: a log that was written anew as a whole is not noticed then")
	return group("audit", "Who used a node for what", verify)
}

// auditHeads are what the federation's log says of a node's audit log.
func (a *app) auditHeads(ctx context.Context, of string) (heads []audit.Head, err error) {
	err = a.with(func(c *client.Client) error {
		node := icn.DID{}
		if of != "" {
			if node, err = icn.ParseDID(of); err != nil {
				return err
			}
		} else {
			i, err := c.Info(ctx)
			if err != nil {
				return err
			}
			node = i.DID
		}
		for ev, err := range c.Events(ctx, wire.EventQuery{Type: "AuditAnchored", Author: &node}) {
			if err != nil {
				return err
			}
			h, err := headOf(ev)
			if err != nil {
				return err
			}
			heads = append(heads, h)
		}
		return nil
	})
	return heads, err
}

func headOf(ev wire.Event) (h audit.Head, err error) {
	var body icn.AuditAnchored
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		return h, fmt.Errorf("event %s: %w: %v", ev.Cursor(), icn.ErrCorrupt, err)
	}
	b, err := hex.DecodeString(body.Head)
	if err != nil || len(b) != len(h.Hash) {
		return h, fmt.Errorf("event %s: %w: its head is no hash", ev.Cursor(), icn.ErrCorrupt)
	}
	return audit.Head{Lines: body.Lines, Hash: [32]byte(b), Entry: ev.Index}, nil
}

func (a *app) verifyAudit(paths []string, heads []audit.Head) (err error) {
	var files []audit.File
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return fmt.Errorf("audit log: %w: %v", icn.ErrNotFound, err)
		}
		defer f.Close()
		files = append(files, audit.File{Name: p, Reader: f})
	}
	r, err := audit.Verify(files, heads)
	if err != nil {
		return err
	}
	if r.Lines == 0 {
		return fmt.Errorf("audit log: %w: there is nothing in it", icn.ErrInvalid)
	}
	p := a.printer()
	return p.show(r, func() {
		anchored := "no head of it is in the federation's log yet"
		if r.Checked > 0 {
			anchored = fmt.Sprintf("%s in the federation's log, up to line %s", plural(r.Checked, "head"), number(r.Anchored))
		}
		kinds := make([]string, 0, len(r.Events))
		for _, k := range slices.Sorted(maps.Keys(r.Events)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", r.Events[k], k))
		}
		p.line("The audit log is as it was written.")
		p.fields([2]string{"Lines", fmt.Sprintf("%s to %s", number(r.First), number(r.Last))},
			[2]string{"Written", r.From.Local().Format(time.DateTime) + " to " + r.To.Local().Format(time.DateTime)},
			[2]string{"Anchored", anchored}, [2]string{"Holds", strings.Join(kinds, ", ")}, [2]string{"Head", r.Head})
		if r.First > 1 {
			p.line("Lines before %s were not shown; give the older files first.", number(r.First))
		}
	})
}
