package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) demoCommand() *cobra.Command {
	var once, verbose bool
	c := command("demo", "Three nodes on this machine run a real program, prove it and settle it", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.demo(c.Context(), once, verbose)
	})
	c.Long = "demo founds a federation of three nodes in this process (real libp2p over loopback, stores in a temporary\n" +
		"folder), compiles a Go program for WASI, runs it on a text, and checks everything it then shows. Needs Go."
	c.Flags().BoolVar(&once, "once", false, "leave when all is shown, instead of at Ctrl-C")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the nodes' logs on stderr")
	return c
}

// story is a demo under way.
type story struct {
	p       printer
	dir     string
	fed     federation
	program programs
	job     node.JobView
	before  []uint64 // mana, by node
	output  []byte
}

func (a *app) demo(ctx context.Context, once, verbose bool) (err error) {
	dir, err := os.MkdirTemp("", "icn-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.DiscardHandler)
	if verbose {
		log = slog.New(slog.NewTextHandler(a.Err, nil))
	}
	s := &story{p: printer{out: a.Out}, dir: dir}
	defer func() { err = errors.Join(err, s.fed.close()) }()
	began := time.Now()
	for _, chapter := range []func(context.Context) error{
		func(ctx context.Context) error { return s.found(ctx, log) },
		s.compile, s.run, s.compareNative, s.verify, s.readEverywhere, s.balance, s.roots,
	} {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	s.p.line("\nAll of this took %s.", span(time.Since(began)))
	if once {
		return nil
	}
	s.invite()
	<-ctx.Done()
	return nil
}

func (s *story) title(format string, args ...any) { s.p.line("\n"+format, args...) }
func (s *story) check(format string, args ...any) { s.p.line("   ✓ "+format, args...) }

// found starts the three nodes: the first founds, the others bring a join code.
func (s *story) found(ctx context.Context, log *slog.Logger) error {
	s.title("1. A federation of three nodes")
	if err := s.fed.start(ctx, s.dir, log); err != nil {
		return err
	}
	for i, n := range s.fed.nodes {
		how := "founded the federation"
		if i > 0 {
			how = "knocked with a join code, and was admitted"
		}
		s.p.line("   %-6s %s  %s", n.name, n.run.DID(), how)
	}
	return nil
}

// programs are the example, compiled twice.
type programs struct{ wasm, native string }

func (s *story) compile(ctx context.Context) error {
	s.title("2. A program and a text")
	s.p.line("   compiling examples/wordcount for WASI, and for this machine (the first time takes a while) …")
	p, err := examples.Unpack("wordcount", s.dir)
	if err != nil {
		return err
	}
	if s.program.wasm, err = p.Build(ctx, true); err != nil {
		return err
	}
	if s.program.native, err = p.Build(ctx, false); err != nil {
		return err
	}
	st, err := os.Stat(s.program.wasm)
	if err != nil {
		return err
	}
	s.p.line("   program  wordcount.wasm, %s", size(uint64(st.Size())))
	s.p.line("   text     the Universal Declaration of Human Rights (in part), %s", size(uint64(len(examples.Text))))
	return nil
}

// run offers the job as the first node, and follows it.
func (s *story) run(ctx context.Context) error {
	first := s.fed.nodes[0]
	s.title("3. %s offers it as a job", first.name)
	for _, n := range s.fed.nodes {
		v, err := first.api.AccountMana(ctx, n.run.DID(), "")
		if err != nil {
			return err
		}
		s.before = append(s.before, v.Balance)
	}
	quiet := &app{Streams: Streams{Err: io.Discard}, quiet: true}
	program, err := quiet.addPath(ctx, first.api, s.program.wasm)
	if err != nil {
		return err
	}
	text, err := first.api.DagAdd(ctx, bytes.NewReader(examples.Text))
	if err != nil {
		return err
	}
	sub, err := first.api.MeshSubmit(ctx, wire.Submit{Module: program.CID, Inputs: []icn.CID{text.CID}})
	if err != nil {
		return err
	}
	tell := &app{Streams: Streams{Err: indent{s.p.out}}}
	if s.job, err = tell.follow(ctx, first.api, sub.JobID); err != nil {
		return err
	}
	if s.job.State != node.JobCompleted || s.job.Receipt == nil || s.job.Receipt.Output == nil {
		return failed(s.job)
	}
	who := s.fed.nameOf(s.job.Receipt.Executor)
	if s.job.Receipt.Executor == s.job.Submitter {
		return fmt.Errorf("%s ran its own job; another node should have", who)
	}
	s.check("%s ran it in %s, not its submitter %s", who, span(time.Duration(s.job.Receipt.Millis)*time.Millisecond), first.name)
	return nil
}

// indent writes lines with a margin.
type indent struct{ w io.Writer }

// Write implements io.Writer; the printer writes whole lines.
func (i indent) Write(p []byte) (int, error) {
	_, err := fmt.Fprintf(i.w, "   %s", p)
	return len(p), err
}

// compareNative runs the same program here, and compares to the byte.
func (s *story) compareNative(ctx context.Context) error {
	s.title("4. The result")
	cmd := exec.CommandContext(ctx, s.program.native)
	cmd.Stdin = bytes.NewReader(examples.Text)
	want, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run %s here: %w", s.program.native, err)
	}
	if s.output, err = fetch(ctx, s.fed.nodes[0].api, *s.job.Receipt.Output); err != nil {
		return err
	}
	for line := range strings.Lines(string(s.output)) {
		s.p.line("   | %s", strings.TrimRight(line, "\n"))
	}
	if !bytes.Equal(s.output, want) {
		return fmt.Errorf("the program run on this machine prints something else:\n%s", want)
	}
	s.check("the same program, compiled for this machine and run here, prints the same %d bytes", len(want))
	return nil
}

func fetch(ctx context.Context, c *client.Client, id icn.CID) ([]byte, error) {
	r, err := c.DagCat(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// verify checks the receipt as a stranger would, who has nothing but its text.
func (s *story) verify(ctx context.Context) error {
	s.title("5. The receipt")
	r, err := s.fed.nodes[0].api.MeshReceipt(ctx, s.job.Job, patience)
	if err != nil {
		return err
	}
	b, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	var read wire.Receipt
	if err := wire.Unmarshal(b, &read); err != nil {
		return err
	}
	if err := VerifyReceipt(read, s.job.Job); err != nil {
		return err
	}
	v := r.Job.Receipt
	s.p.line("   job %s\n   ran %s on %s\n   gave %s", s.job.Job, v.Spec, v.Executor, v.Output)
	s.check("signed by its executor, proven to be entry %d of the log (path of %d), certified by the clerks", r.Proof.Index, len(r.Proof.Hashes))
	return nil
}

func (s *story) readEverywhere(ctx context.Context) error {
	s.title("6. Read from every node")
	for _, n := range s.fed.nodes {
		got, err := fetch(ctx, n.api, *s.job.Receipt.Output)
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		if !bytes.Equal(got, s.output) {
			return fmt.Errorf("%s returns other bytes for %s", n.name, s.job.Receipt.Output)
		}
	}
	s.check("%s return the same %d bytes", s.fed.names(), len(s.output))
	return nil
}

// balance checks that mana was moved as the receipt says, and none was made up.
func (s *story) balance(ctx context.Context) error {
	s.title("7. Mana")
	rows := [][]string{}
	v := s.job.Receipt
	for i, n := range s.fed.nodes {
		acct, err := s.fed.nodes[0].api.AccountMana(ctx, n.run.DID(), "")
		if err != nil {
			return err
		}
		want, why := s.before[i], ""
		switch n.run.DID() {
		case s.job.Submitter:
			want, why = want-v.Burnt, fmt.Sprintf("%s burnt", number(v.Burnt))
		case v.Executor:
			want, why = want+v.Minted, fmt.Sprintf("%s minted", number(v.Minted))
		}
		// One may have regenerated meanwhile: ten an hour.
		if acct.Balance != want && acct.Balance != want+1 || acct.Held != 0 {
			return fmt.Errorf("%s has %d mana and %d held, want %d and none", n.name, acct.Balance, acct.Held, want)
		}
		rows = append(rows, []string{"   " + n.name, number(s.before[i]), number(acct.Balance), why})
	}
	s.p.grid([]string{"   node", "before", "after", ""}, rows, 2, 3)
	st, err := s.fed.nodes[0].api.Status(ctx)
	if err != nil {
		return err
	}
	t := st.Totals
	if !t.Balanced() {
		return fmt.Errorf("mana does not add up: %+v", t)
	}
	s.check("issued %s + regenerated %s + minted %s = balances %s + held %s + burnt %s + lost at the cap %s",
		number(t.Issued), number(t.Regenerated), number(t.Minted), number(t.Balances), number(t.Held), number(t.Burnt), number(t.Lost))
	return nil
}

// roots waits until the three nodes are equally far, and compares what they think.
func (s *story) roots(ctx context.Context) error {
	s.title("8. One state")
	var at []wire.Status
	err := until(ctx, patience, func(ctx context.Context) error {
		at = at[:0]
		for _, n := range s.fed.nodes {
			st, err := n.api.Status(ctx)
			if err != nil {
				return err
			}
			if at = append(at, st); st.Height != at[0].Height {
				return errNotYet{"the nodes are not equally far in the log"}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, st := range at {
		if st.StateRoot != at[0].StateRoot || st.TreeRoot != at[0].TreeRoot {
			return fmt.Errorf("%s and %s differ at entry %d", s.fed.nodes[i].name, s.fed.nodes[0].name, st.Height)
		}
	}
	s.check("%s are at entry %d with the state root %s", s.fed.names(), at[0].Height, at[0].StateRoot)
	return nil
}

// invite tells what can be done with a federation that stays up.
func (s *story) invite() {
	s.title("The federation stays up until Ctrl-C. In another terminal, for example:")
	s.p.line("   export ICN_API_URL=%s", s.fed.nodes[0].run.APIURL())
	for _, c := range []string{"status", "federation status", "mesh status " + s.job.Job.String(), "events --tail 10", "mesh run PROGRAM.wasm --input FILE"} {
		s.p.line("   icn-cli %s", c)
	}
	s.p.line("")
	for _, n := range s.fed.nodes {
		s.p.line("   %-6s API %s  (docs: %s/docs)", n.name, n.run.APIURL(), n.run.APIURL())
	}
}
