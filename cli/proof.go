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
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
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
	var wait time.Duration
	c := command("receipt [STATEMENT]", "Proof for yourself that a ballot is in: checked here, and again later without any node", 0, 1, func(c *cobra.Command, args []string) error {
		if (file == "") == (len(args) == 0) {
			return usageError{"name the statement, as the vote has told it, or a saved receipt with --file", c.CommandPath()}
		}
		if file != "" {
			return a.savedVoteReceipt(file)
		}
		id, err := icn.ParseCID(args[0])
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error { return a.voteReceipt(c.Context(), cl, id, to, wait) })
	})
	c.Flags().StringVar(&to, "to", "", "save it in this file, which must not exist")
	c.Flags().StringVar(&file, "file", "", "check a saved receipt, without any node")
	c.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for a certified checkpoint over it")
	return c
}

func (a *app) voteReceipt(ctx context.Context, c *client.Client, id icn.CID, to string, wait time.Duration) error {
	var author *icn.DID
	if me, used, err := a.identity(); err == nil && used {
		author = &me.DID
	}
	r, err := c.GovernanceReceipt(ctx, id, author, wait)
	if author != nil && errors.Is(err, icn.ErrNotFound) {
		r, err = c.GovernanceReceipt(ctx, id, nil, wait) // somebody else's
	}
	if err != nil {
		return err
	}
	s, err := provenStatement(r)
	if err != nil {
		return err
	}
	if s.ID() != id {
		return fmt.Errorf("receipt of %s: %w: the node sent that of another statement", id, icn.ErrCorrupt)
	}
	if to != "" {
		b, err := wire.Marshal(r)
		if err != nil {
			return err
		}
		if err := writeNew(to, b); err != nil {
			return err
		}
		a.note("Saved in %s; check it at any time, without any node: icn-cli governance receipt --file %s", to, to)
	}
	return a.showVoteReceipt(r, s)
}

func (a *app) savedVoteReceipt(file string) error {
	b, err := readFile(file, maxReceipt)
	if err != nil {
		return err
	}
	var r wire.Receipt
	if err := wire.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("%s: %w: %v", file, icn.ErrInvalid, err)
	}
	s, err := provenStatement(r)
	if err != nil {
		return err
	}
	return a.showVoteReceipt(r, s)
}

// provenStatement checks, with nothing else at hand, that the clerks who are named
// have signed a log that this statement is in, and that its author has signed that.
func provenStatement(r wire.Receipt) (*icn.Statement, error) {
	if err := r.Proof.Verify(r.Network, r.Clerks, key.Verify); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	e, err := icn.DecodeEntry(r.Proof.Entry)
	if err != nil {
		return nil, err
	}
	ring, err := r.Proof.Keyring(r.Network, key.Verify)
	if err != nil {
		return nil, err
	}
	s := e.Statement
	switch {
	case s == nil:
		return nil, fmt.Errorf("receipt: %w: the entry holds no statement", icn.ErrCorrupt)
	case s.Network != r.Network:
		return nil, fmt.Errorf("receipt: %w: its statement was said to another federation", icn.ErrCorrupt)
	case !ring.Signed(s.Author, icn.SigningBytesOf(e.Wire), s.Sig[:], key.Verify):
		return nil, fmt.Errorf("receipt: %w: its statement's signature does not verify", icn.ErrCorrupt)
	}
	return s, nil
}

func (a *app) showVoteReceipt(r wire.Receipt, s *icn.Statement) error {
	p := a.printer()
	return p.show(r, func() {
		v := viewStatement(s)
		p.fields([2]string{"Says", strings.Join(v.Says, "\n")}, [2]string{"Author", v.Author.String()}, [2]string{"Entry", number(r.Proof.Index)}, [2]string{"Statement", v.ID.String()},
			[2]string{"Network", r.Network.String()}, [2]string{"Clerks", plural(len(r.Clerks), "clerk") + " of the federation"})
		p.line("\nVerified here: the author's signature, the entry's place in the log, and the clerks' signatures on it.")
	})
}

func (a *app) exportCommand() *cobra.Command {
	var to string
	c := command("export PROPOSAL", "Everything by which a stranger recounts a vote, in one file", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			v, err := a.proposal(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			b, err := cl.GovernanceExport(c.Context(), v.ID)
			if err != nil {
				return err
			}
			if to == "-" {
				_, err = a.Out.Write(b)
				return err
			}
			file := to
			if file == "" {
				s := v.ID.String()
				file = "vote-" + s[len(s)-8:] + ".icn"
			}
			if err := writeNew(file, b); err != nil {
				return err
			}
			p := a.printer()
			return p.show(map[string]any{"proposal": v.ID, "file": file, "bytes": len(b)}, func() {
				p.line("%s (%s)", file, size(uint64(len(b))))
				a.note("Roll, delegations, ballots, rules and result, with their signatures. To recount it, without any node: icn-verify %s", file)
			})
		})
	})
	c.Flags().StringVar(&to, "to", "", "this file, which must not exist; - is stdout (default vote-….icn)")
	return c
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
