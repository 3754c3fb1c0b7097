package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func (a *app) receiptCommand() *cobra.Command {
	var verify bool
	var file string
	var wait time.Duration
	c := command("receipt [JOB]", "A job's receipt, with the proof that it is in the federation's log", 0, 1, func(c *cobra.Command, args []string) error {
		if (file == "") == (len(args) == 0) {
			return usageError{"name a job, or a saved receipt with --file", c.CommandPath()}
		}
		if file != "" {
			return a.savedReceipt(file, verify)
		}
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error { return a.receipt(c.Context(), cl, id, wait, verify) })
	})
	c.Long = "receipt shows who ran a job, what came of it, and the proof: the entry, its path in the log's Merkle tree, and\n" +
		"the checkpoint that the clerks signed. Saved with --output json it can be checked later, with no node at hand:\n" +
		"  icn-cli mesh receipt --file receipt.json --verify"
	c.Flags().BoolVar(&verify, "verify", false, "check signature and proof here, without trusting the node")
	c.Flags().StringVar(&file, "file", "", "a receipt saved with --output json")
	c.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for the job and for a certified checkpoint over it")
	return c
}

func (a *app) receipt(ctx context.Context, c *client.Client, id icn.CID, wait time.Duration, verify bool) error {
	r, err := c.MeshReceipt(ctx, id, wait)
	if err != nil {
		return err
	}
	if verify {
		if err := VerifyReceipt(r, id); err != nil {
			return err
		}
	}
	return a.showReceipt(r, verify)
}

// maxReceipt bounds a saved receipt.
const maxReceipt = 16 << 20

func (a *app) savedReceipt(file string, verify bool) error {
	b, err := readFile(file, maxReceipt)
	if err != nil {
		return err
	}
	var r wire.Receipt
	if err := wire.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("%s: %w: %v", file, icn.ErrInvalid, err)
	}
	if verify {
		if err := VerifyReceipt(r, r.Job.Job); err != nil {
			return err
		}
	}
	return a.showReceipt(r, verify)
}

func (a *app) showReceipt(r wire.Receipt, verified bool) error {
	p := a.printer()
	return p.show(r, func() {
		v := r.Job.Receipt
		if v == nil {
			p.line("The job has no receipt: it is %s.", r.Job.State)
			return
		}
		result := "none"
		if v.Output != nil {
			result = v.Output.String()
		}
		p.fields([2]string{"Job", r.Job.Job.String()}, [2]string{"Executor", v.Executor.String()}, [2]string{"Result", result},
			[2]string{"Gas", number(v.Gas)}, [2]string{"Ran for", span(time.Duration(v.Millis) * time.Millisecond)},
			[2]string{"Paid", fmt.Sprintf("%s mana burnt, %s minted, %s released", number(v.Burnt), number(v.Minted), number(v.Released))},
			[2]string{"Entry", number(r.Proof.Index)}, [2]string{"Network", r.Network.String()},
			[2]string{"Clerks", plural(len(r.Clerks), "clerk") + " of the federation"})
		if verified {
			p.line("\nVerified here: the executor's signature, the entry's place in the log, and the clerks' signatures on it.")
		}
	})
}

// VerifyReceipt checks a receipt with nothing else at hand: that the entry is in
// the log which a majority of the named clerks signed, that the executor signed
// what stands in it, and that the summary says the same.
func VerifyReceipt(r wire.Receipt, job icn.CID) error {
	if err := r.Proof.Verify(r.Network, r.Clerks, key.Verify); err != nil {
		return fmt.Errorf("receipt of %s: %w", job, err)
	}
	bad := func(what string) error { return fmt.Errorf("receipt of %s: %w: %s", job, icn.ErrCorrupt, what) }
	if !bytes.Equal(r.Entry.Bytes, r.Proof.Entry) || r.Entry.Index != r.Proof.Index {
		return bad("the entry shown is not the one proven")
	}
	e, err := icn.DecodeEntry(r.Proof.Entry)
	if err != nil {
		return err
	}
	ring, err := r.Proof.Keyring(r.Network, key.Verify)
	if err != nil {
		return err
	}
	s := e.Statement
	switch {
	case s == nil:
		return bad("the entry holds no statement")
	case s.Network != r.Network:
		return bad("its statement was said to another federation")
	case !ring.Signed(s.Author, icn.SigningBytesOf(e.Wire), s.Sig[:], key.Verify):
		return bad("its statement's signature does not verify")
	}
	v := r.Job.Receipt
	if v == nil || r.Job.Job != job {
		return bad("the summary is about something else")
	}
	for _, op := range s.Ops {
		rc, ok := op.(icn.JobReceipt)
		if !ok || rc.Job != job {
			continue
		}
		shown := icn.CID{}
		if v.Output != nil {
			shown = *v.Output
		}
		if s.Author != v.Executor || rc.Outcome.Output != shown || rc.Spec != v.Spec || rc.Outcome.Gas != v.Gas || rc.Outcome.ExitCode != v.ExitCode {
			return bad("the summary says something else than what the executor signed")
		}
		return nil
	}
	return bad("the entry holds no receipt of this job")
}
