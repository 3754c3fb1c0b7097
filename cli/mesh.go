package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) meshCommand() *cobra.Command {
	return group("mesh", "Run programs in the federation",
		a.runCommand(), a.submitCommand(), a.jobsCommand(), a.jobCommand(),
		command("cancel JOB", "End a job before its receipt; its mana is restored", 1, 1, a.cancel),
		a.tailCommand(), a.progressCommand(), a.resumeCommand(),
		a.receiptCommand(), a.jobAuditCommand(), a.checkCommand(), a.executorsCommand(), a.blacklistCommand())
}

func (a *app) runCommand() *cobra.Command {
	var f jobFlags
	c := command("run MODULE [-- ARGS]", "Run a WASI program (a file or a CID) and print what it prints", 1, -1, func(c *cobra.Command, args []string) error {
		return a.run(c.Context(), f, args)
	})
	c.Long = "run adds the program and its inputs to the node, offers the job to the federation, follows it and writes\n" +
		"the program's stdout to stdout and nothing else. A program that fails gives exit code 1 and the reason."
	c.Example = "  icn-cli mesh run wordcount.wasm --input text.txt -- -top 5"
	f.add(c)
	return c
}

func (a *app) run(ctx context.Context, f jobFlags, args []string) error {
	return a.with(func(c *client.Client) error {
		s, err := a.submit(ctx, c, args[0], f, args[1:])
		if err != nil {
			return err
		}
		sub, err := a.post(ctx, c, s)
		if err != nil {
			return err
		}
		if sub.State == "waiting" {
			a.note("waiting: too few clerks can be reached; job %s is ordered when they can", sub.JobID)
		}
		j, err := a.follow(ctx, c, sub.JobID)
		if err != nil {
			return err
		}
		return a.result(ctx, c, j)
	})
}

func (a *app) submitCommand() *cobra.Command {
	var f jobFlags
	var module string
	c := command("submit [FILE.json|-] [-- ARGS]", "Offer a job and print its id, without waiting for it", 0, -1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			s, err := a.submission(c, cl, module, f, args)
			if err != nil {
				return err
			}
			sub, err := a.post(c.Context(), cl, s)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(sub, func() {
				p.line("%s", sub.JobID)
				if sub.State == "waiting" {
					a.note("waiting: too few clerks can be reached; job %s is ordered when they can", sub.JobID)
				}
				a.note("Follow it with: icn-cli mesh status %s --wait 30s", sub.JobID)
			})
		})
	})
	c.Long = "submit takes a job as JSON (as POST /mesh/submit does), or from flags with --module."
	f.add(c)
	c.Flags().StringVarP(&module, "module", "m", "", "the program: a file or a CID")
	return c
}

// submission is the job as JSON, or from flags.
func (a *app) submission(c *cobra.Command, cl *client.Client, module string, f jobFlags, args []string) (wire.Submit, error) {
	if module != "" {
		return a.submit(c.Context(), cl, module, f, args)
	}
	if len(args) != 1 {
		return wire.Submit{}, usageError{"give the job as a JSON file, or its program with --module", c.CommandPath()}
	}
	in := a.In
	if args[0] != "-" {
		file, err := openFile(args[0])
		if err != nil {
			return wire.Submit{}, err
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, icn.MaxStatement))
	if err != nil {
		return wire.Submit{}, err
	}
	var s wire.Submit
	if err := wire.UnmarshalStrict(b, &s); err != nil {
		return s, fmt.Errorf("%s: %w: %v", args[0], icn.ErrInvalid, err)
	}
	return s, nil
}

func (a *app) jobsCommand() *cobra.Command {
	var limit int
	var before uint64
	c := command("jobs", "The newest jobs", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			jobs, err := cl.MeshJobs(c.Context(), limit, before)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(jobs, func() {
				if len(jobs.Jobs) == 0 {
					a.note("There is no job yet.")
					return
				}
				rows := make([][]string, 0, len(jobs.Jobs))
				for _, j := range jobs.Jobs {
					rows = append(rows, []string{j.Job.String(), j.State, clock(j.PostedAt), short(j.Submitter), shortp(j.Executor), fmt.Sprint(j.Attempt), number(j.Budget)})
				}
				p.grid([]string{"job", "state", "posted", "by", "executor", "attempt", "budget"}, rows, 6, 7)
				if jobs.Next > 0 {
					a.note("Older ones: icn-cli mesh jobs --before %d", jobs.Next)
				}
			})
		})
	})
	c.Flags().IntVar(&limit, "limit", 20, "at most so many")
	c.Flags().Uint64Var(&before, "before", 0, "posted before this entry")
	return c
}

// waitStep is the longest that the node is asked to wait at a time.
const waitStep = 30 * time.Second

func (a *app) jobCommand() *cobra.Command {
	var wait time.Duration
	var state string
	c := command("status JOB", "How a job stands", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			if !slices.Contains([]string{"end", node.JobAssigned, "saved", "checked"}, state) {
				return usageError{fmt.Sprintf("--until is assigned, saved, end or checked, not %q", state), c.CommandPath()}
			}
			j, err := a.waitJob(c.Context(), cl, id, wait, state)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(j, func() { showJob(p, j) })
		})
	})
	c.Flags().DurationVar(&wait, "wait", 0, "wait this long for its end, e.g. 30s")
	c.Flags().StringVar(&state, "until", "end", "what to wait for: assigned, saved (it left a checkpoint), end, or checked (run again by others)")
	return c
}

// unseen is how long a job may be unknown to a node that is asked to wait for it:
// it was posted through another one, and its entry is on the way.
const unseen = 10 * time.Second

// waitJob waits until a job is assigned or ends, also while the node is away;
// when the time is over it tells how the job stands.
func (a *app) waitJob(ctx context.Context, c *client.Client, id icn.CID, wait time.Duration, state string) (node.JobView, error) {
	end, known := time.Now().Add(wait), time.Now().Add(min(wait, unseen))
	var j node.JobView
	err := until(ctx, wait, func(ctx context.Context) (err error) {
		step := min(max(time.Until(end), 0), waitStep)
		if state != "end" {
			step = 0 // the node waits for ends only
		}
		var seen node.JobView
		seen, err = c.MeshJob(ctx, id, step)
		if errors.Is(err, icn.ErrNotFound) && time.Now().Before(known) {
			return errNotYet{"this node does not know the job"}
		}
		if err == nil {
			j = seen
		}
		switch {
		case err != nil || wait <= 0:
		case state == "checked":
			if j.State != node.JobRolledBack && j.State != node.JobCancelled && (j.Check == nil || j.Check.Result == "running") {
				return errNotYet{"the job is not checked"}
			}
		case state == "saved" && j.Saved != nil:
		case j.Open() && j.State != state:
			return errNotYet{"the job has not ended"}
		}
		return err
	})
	if j.Job.Defined() && errors.Is(err, icn.ErrUnavailable) {
		return j, nil
	}
	return j, err
}

// names are several identities, in short.
func names(all []icn.DID) string {
	out := make([]string, len(all))
	for i, d := range all {
		out[i] = short(d)
	}
	return strings.Join(out, ", ")
}

func showJob(p printer, j node.JobView) {
	pairs := [][2]string{{"Job", j.Job.String()}, {"State", j.State}, {"Submitter", j.Submitter.String()},
		{"Posted", clock(j.PostedAt) + ", entry " + number(j.Posted)}, {"Budget", number(j.Budget) + " mana"}, {"Attempt", fmt.Sprint(j.Attempt)}}
	if j.Executor != nil {
		who := j.Executor.String()
		switch {
		case len(j.Executors) > 1:
			who = names(j.Executors)
		case j.NextBest:
			who += " (the next best offer)"
		}
		pairs = append(pairs, [2]string{"Executor", who}, [2]string{"Price", number(j.Price) + " mana"})
	}
	if j.Spec != nil && j.Spec.Module != nil {
		pairs = append(pairs, [2]string{"Module", j.Spec.Module.String()})
	}
	if r := j.Receipt; r != nil {
		pairs = append(pairs, [2]string{"Ran for", span(time.Duration(r.Millis) * time.Millisecond)}, [2]string{"Gas", number(r.Gas)},
			[2]string{"Burnt", number(r.Burnt) + " mana"}, [2]string{"Minted", number(r.Minted) + " mana"}, [2]string{"Released", number(r.Released) + " mana"})
		if r.Output != nil {
			pairs = append(pairs, [2]string{"Result", r.Output.String()})
		}
		for _, o := range r.Outputs {
			pairs = append(pairs, [2]string{"Output " + o.Name, o.CID.String()})
		}
		if r.Spent > 0 {
			pairs = append(pairs, [2]string{"Spent", number(r.Spent) + " mana, by the program"})
		}
		for _, id := range r.Submitted {
			pairs = append(pairs, [2]string{"Posted", id.String()})
		}
		if r.Log != nil {
			pairs = append(pairs, [2]string{"Log", r.Log.String()})
		}
	}
	if j.Check != nil {
		pairs = append(pairs, [2]string{"Run again", j.Check.Result + ", by " + names(j.Check.Checkers)})
		if j.Check.Refunded > 0 {
			pairs = append(pairs, [2]string{"Refunded", number(j.Check.Refunded) + " mana"})
		}
	}
	if j.Saved != nil {
		pairs = append(pairs, [2]string{"Checkpoint", j.Saved.String()})
	}
	if j.Ended > 0 {
		pairs = append(pairs, [2]string{"Ended", clock(j.EndedAt) + ", entry " + number(j.Ended)})
	}
	if j.Next > 0 && j.Open() {
		pairs = append(pairs, [2]string{"Next try", clock(j.Next)})
	}
	p.fields(pairs...)
	if len(j.Failures) > 0 {
		p.line("")
		rows := make([][]string, 0, len(j.Failures))
		for _, f := range j.Failures {
			rows = append(rows, []string{fmt.Sprint(f.Attempt), shortp(f.Executor), f.Reason})
		}
		p.grid([]string{"attempt", "executor", "failed because"}, rows)
	}
	if len(j.Choice) > 0 {
		p.line("")
		rows := make([][]string, 0, len(j.Choice))
		for _, s := range j.Choice {
			rows = append(rows, []string{short(s.Executor), number(s.Price), number(s.Parts.Price), number(s.Parts.Free), number(s.Parts.RTT), number(s.Parts.Reputation), number(s.Parts.Turn), number(s.Total), s.Excluded})
		}
		p.grid([]string{"offer of", "price", "price pts", "free pts", "near pts", "name pts", "turn pts", "total", ""}, rows, 2, 3, 4, 5, 6, 7, 8)
	}
}

func (a *app) cancel(c *cobra.Command, args []string) error {
	return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
		who, used, err := a.identity()
		if err != nil {
			return err
		}
		if used {
			j, err := cl.MeshJob(c.Context(), id, 0)
			if err != nil {
				return err
			}
			used = j.Submitter == who.DID
		}
		var said wire.Said
		if used {
			var s spoken
			s, err = a.say(c.Context(), cl, icn.JobCancel{Job: id})
			said = s.Said
		} else {
			said, err = cl.MeshCancel(c.Context(), id)
		}
		if err != nil {
			return err
		}
		return a.said(said, "The job is cancelled, its mana restored")
	})
}

func readFile(path string, most int64) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%s: %w: over %s", path, icn.ErrInvalid, size(uint64(most)))
	}
	return b, err
}
