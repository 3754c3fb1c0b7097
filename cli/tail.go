package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) progressCommand() *cobra.Command {
	return command("progress JOB", "How far a job is", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			r, err := cl.MeshProgress(c.Context(), id, node.Look{})
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(r, func() {
				pairs := [][2]string{{"Job", r.Job.String()}, {"State", r.State}, {"Attempt", fmt.Sprint(r.Attempt)}, {"Executor", shortp(r.Executor)},
					{"Progress", fmt.Sprintf("%.1f %%", r.Percent)}, {"Stage", r.Stage}, {"For", span(time.Duration(r.Elapsed) * time.Millisecond)}}
				if r.Saved != nil {
					pairs = append(pairs, [2]string{"Checkpoint", r.Saved.String()})
				}
				p.fields(pairs...)
			})
		})
	})
}

func (a *app) tailCommand() *cobra.Command {
	var follow bool
	var from uint64
	c := command("tail JOB", "What a job writes: its output to stdout, its log to stderr", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			return a.tail(c.Context(), cl, id, node.Look{Output: from}, follow)
		})
	})
	c.Long = "tail shows what a job has written so far, also while it runs on another node. With --follow it goes on until the job ends."
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job ends, or until Ctrl-C")
	c.Flags().Uint64Var(&from, "from", 0, "leave so many bytes of the output out")
	return c
}

// tail shows what a job writes. The node, or the executor, may go away and come
// back meanwhile.
func (a *app) tail(ctx context.Context, c *client.Client, id icn.CID, look node.Look, follow bool) error {
	stage := ""
	for {
		r, err := c.MeshProgress(ctx, id, look)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil // Ctrl-C is how following ends
		case follow && errors.Is(err, icn.ErrUnavailable):
			if err := until(ctx, away, func(ctx context.Context) error { _, err := c.Livez(ctx); return err }); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		if err := a.showWritten(r, &stage); err != nil {
			return err
		}
		ended := r.State != node.JobPosted && r.State != node.JobAssigned
		if !follow || ended && len(r.Output)+len(r.Log) == 0 {
			return a.tailEnd(r, ended)
		}
		look = node.Look{Output: r.OutputAt + uint64(len(r.Output)), Log: r.LogAt + uint64(len(r.Log)), Percent: r.Percent, Wait: waitStep}
	}
}

func (a *app) showWritten(r node.Progress, stage *string) error {
	if now := fmt.Sprintf("%.1f %% %s", r.Percent, r.Stage); r.Stage != "" && now != *stage {
		*stage = now
		a.note("%s", now)
	}
	if a.printer().json {
		b, err := wire.Marshal(r)
		if err == nil {
			a.printer().line("%s", b)
		}
		return err
	}
	if _, err := a.Err.Write(r.Log); err != nil {
		return err
	}
	_, err := a.Out.Write(r.Output)
	return err
}

// tailEnd says how the job ended, and fails when it did not go well.
func (a *app) tailEnd(r node.Progress, ended bool) error {
	if ended && r.State != node.JobCompleted {
		return fmt.Errorf("job %s: %w: it was %s; see icn-cli mesh status %s", r.Job, icn.ErrConflict, stateWord(r.State), r.Job)
	}
	return nil
}

// stateWord is a state in words.
func stateWord(s string) string {
	if s == node.JobRolledBack {
		return "rolled back"
	}
	return s
}

func (a *app) resumeCommand() *cobra.Command {
	var budget uint64
	c := command("resume JOB", "Offer a job that ended without a result again, from its last checkpoint", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			j, err := cl.MeshJob(c.Context(), id, 0)
			switch {
			case err != nil:
				return err
			case j.Open():
				return fmt.Errorf("resume job %s: %w: it goes on by itself: it is %s", id, icn.ErrConflict, j.State)
			case j.State == node.JobCompleted:
				return fmt.Errorf("resume job %s: %w: it is completed", id, icn.ErrConflict)
			}
			s := again(j)
			if budget > 0 {
				s.Budget = budget
			}
			sub, err := a.post(c.Context(), cl, s)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(sub, func() {
				p.line("%s", sub.JobID)
				if !s.Resume.Defined() {
					a.note("The job had left no checkpoint: it begins anew.")
				}
				a.note("Follow it with: icn-cli mesh tail --follow %s", sub.JobID)
			})
		})
	})
	c.Flags().Uint64Var(&budget, "budget", 0, "the most mana it may cost (default: as before)")
	return c
}

// again is a job that goes on where another one ended.
func again(j node.JobView) wire.Submit {
	v := j.Spec
	s := wire.Submit{Inline: v.Inline, Inputs: v.Inputs, Args: v.Args, Env: v.Env, Limits: v.Limits, Requires: v.Requires, Outputs: v.Outputs,
		Grants: v.Grants, Copies: v.Copies, Budget: j.Budget - v.Grants.Submit - v.Grants.Spend}
	if v.Module != nil {
		s.Module = *v.Module
	} else {
		text := string(v.Inline)
		s.Echo, s.Inline = &text, nil
	}
	switch {
	case j.Saved != nil:
		s.Resume = *j.Saved
	case v.Resume != nil:
		s.Resume = *v.Resume
	}
	return s
}
