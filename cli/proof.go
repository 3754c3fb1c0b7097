package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/proof"
)

func (a *app) executeCommand() *cobra.Command {
	return command("execute PROPOSAL", "Whether it is in force; that needs nobody, it happens by itself", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			v, err := a.proposal(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if v.Status != icn.StageExecuted {
				return fmt.Errorf("%w: “%s” is not in force. %s", icn.ErrConflict, v.Title, stageSentence(v, time.Now()))
			}
			p := a.printer()
			return p.show(v, func() { p.line("%s", stageSentence(v, time.Now())) })
		})
	})
}

func (a *app) rehearsalCommand() *cobra.Command {
	var back string
	c := command("rehearse PROPOSAL", "What would change, in words and numbers, if this were enacted now", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.rehearsal(c.Context(), cl, args[0], back) })
	})
	c.Flags().StringVar(&back, "back-test", "", "also, what would have been otherwise under these rules in the last 90d")
	return c
}

func (a *app) rehearsal(ctx context.Context, c *client.Client, arg, back string) error {
	v, err := a.proposal(ctx, c, arg)
	if err != nil {
		return err
	}
	var span time.Duration
	if back != "" {
		if span, err = readLapse(back); err != nil {
			return fmt.Errorf("--back-test: %w", err)
		}
	}
	r, err := c.GovernanceRehearsal(ctx, v.ID, span)
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(r, func() { printRehearsal(p, r) })
}

func printRehearsal(p printer, r node.RehearsalView) {
	if r.Problem != "" {
		p.line("It could not be enacted now: %s", r.Problem)
	}
	for _, w := range r.Words {
		p.line("%s", w)
	}
	if len(r.Words) == 0 && r.Problem == "" {
		p.line("Nothing would change.")
	}
	p.line("")
	p.fields([2]string{"Rehearsed on", "entry " + number(r.At)}, [2]string{"Difference", cidText(r.Difference)})
	switch {
	case !r.Bound.Defined():
		p.line("The vote is not open yet: what it may change is fixed when it opens.")
	case r.Same:
		p.line("That is what was fixed when the vote opened.")
	default:
		p.line("When the vote opened it was %s: as it stands, it could not be enacted.", r.Bound)
	}
	if b := r.BackTest; b != nil {
		p.line("\nUnder these rules since entry %s (%s), replayed over %s:", number(b.From), clock(b.Since), entries(b.Entries))
		for _, w := range b.Words {
			p.line("%s", w)
		}
	}
}

func cidText(c icn.CID) string {
	if !c.Defined() {
		return ""
	}
	return c.String()
}

func (a *app) voteReceiptCommand() *cobra.Command {
	var to, file string
	var op int
	var wait time.Duration
	c := command("receipt [STATEMENT]", "Proof for yourself that a ballot is in: checked here, and again later without any node", 0, 1, func(c *cobra.Command, args []string) error {
		if (file == "") == (len(args) == 0) {
			return usageError{"name the statement, as the vote has told it, or a saved receipt with --file", c.CommandPath()}
		}
		if file != "" {
			b, err := readFile(file, maxReceipt)
			if err != nil {
				return err
			}
			return a.proven(file, b, proof.Expect{})
		}
		id, err := icn.ParseCID(args[0])
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error { return a.voteReceipt(c.Context(), cl, id, receiptFlags{to, op, wait}) })
	})
	c.Flags().StringVar(&to, "to", "", "save it in this file, which must not exist")
	c.Flags().StringVar(&file, "file", "", "check a saved receipt, without any node; icn-verify does that too")
	c.Flags().IntVar(&op, "op", 0, "which of the statement's operations, from 0: a proxy may cast several ballots in one")
	c.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for a certified checkpoint over it")
	return c
}

type receiptFlags struct {
	to   string
	op   int
	wait time.Duration
}

func (a *app) voteReceipt(ctx context.Context, c *client.Client, id icn.CID, f receiptFlags) error {
	network, err := networkOf(ctx, c)
	if err != nil {
		return err
	}
	var author *icn.DID
	if me, used, err := a.identity(); err == nil && used {
		author = &me.DID
	}
	b, err := c.GovernanceReceiptFile(ctx, id, author, f.op, f.wait)
	if author != nil && errors.Is(err, icn.ErrNotFound) {
		b, err = c.GovernanceReceiptFile(ctx, id, nil, f.op, f.wait) // somebody else's
	}
	if err != nil {
		return err
	}
	r := proof.Check(b, proof.Expect{Network: network})
	if r.Holds && (r.Receipt == nil || r.Receipt.Statement != id) {
		return fmt.Errorf("receipt of %s: %w: the node sent that of something else", id, icn.ErrCorrupt)
	}
	if f.to != "" && r.Holds {
		if err := writeNew(f.to, b); err != nil {
			return err
		}
		a.note("Saved in %s; check it at any time, without any node: icn-verify %s", f.to, f.to)
	}
	return a.proven("receipt of "+id.String(), b, proof.Expect{Network: network})
}

// proven shows what a file proves, and fails if it does not.
func (a *app) proven(what string, file []byte, want proof.Expect) error {
	r := proof.Check(file, want)
	p := a.printer()
	if err := p.show(r, func() { r.WriteText(a.Out) }); err != nil {
		return err
	}
	if !r.Holds {
		return fmt.Errorf("%s: %w: it does not hold", what, icn.ErrCorrupt)
	}
	return nil
}

func (a *app) exportCommand() *cobra.Command {
	var to string
	c := command("export PROPOSAL", "Everything by which a stranger recounts a closed vote, in one file", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.exportVote(c.Context(), cl, args[0], to) })
	})
	c.Flags().StringVar(&to, "to", "", "this file, which must not exist; - is stdout (default vote-….icn)")
	return c
}

func (a *app) exportVote(ctx context.Context, c *client.Client, arg, to string) error {
	v, err := a.proposal(ctx, c, arg)
	if err != nil {
		return err
	}
	network, err := networkOf(ctx, c)
	if err != nil {
		return err
	}
	b, err := c.GovernanceExport(ctx, v.ID)
	if err != nil {
		return err
	}
	if r := proof.Check(b, proof.Expect{Network: network}); !r.Holds {
		return fmt.Errorf("the node's file does not hold: %w: %s", icn.ErrCorrupt, r.Wrong)
	}
	if to == "-" {
		_, err = a.Out.Write(b)
		return err
	}
	if to == "" {
		s := v.ID.String()
		to = "vote-" + s[len(s)-8:] + ".icn"
	}
	if err := writeNew(to, b); err != nil {
		return err
	}
	p := a.printer()
	return p.show(map[string]any{"proposal": v.ID, "file": to, "bytes": len(b)}, func() {
		p.line("%s (%s)", to, size(uint64(len(b))))
		a.note("Roll, delegations, ballots, rules and result, with their signatures; it was recounted here, and holds.\nAnybody can do that again, without any node: icn-verify %s --network %s", to, network)
	})
}

// writeNew writes a file that must not exist.
func writeNew(file string, b []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if os.IsExist(err) {
		return fmt.Errorf("%s: %w: it exists, and is not replaced", file, icn.ErrConflict)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func (a *app) parametersCommand() *cobra.Command {
	c := command("parameters [NAME]", "The rules in force, which a vote can change", 0, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			all, err := cl.GovernanceParameters(c.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			shown := []wire.Parameter{}
			for _, x := range all {
				if len(args) > 0 && !strings.Contains(x.Name, args[0]) {
					continue
				}
				shown = append(shown, x)
				rows = append(rows, []string{x.Name, wire.RuleWords(x.Name, x.Value), x.Doc})
			}
			p := a.printer()
			return p.show(shown, func() {
				if len(rows) == 0 {
					a.note("No parameter has %q in its name.", args[0])
					return
				}
				p.grid([]string{"parameter", "value", "what it is"}, rows)
			})
		})
	})
	return c
}
