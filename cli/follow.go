package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// away is how long a node may be gone while one follows a job of it.
const away = 2 * time.Minute

// follow tells on stderr how a job goes, until it ends. The node may go away and
// come back meanwhile.
func (a *app) follow(ctx context.Context, c *client.Client, id icn.CID) (node.JobView, error) {
	q := wire.EventQuery{Job: &id, Follow: true}
	for {
		err := a.watch(ctx, c, &q)
		if err == nil {
			return c.MeshJob(ctx, id, 0)
		}
		if !errors.Is(err, icn.ErrUnavailable) {
			return node.JobView{}, a.leftBehind(id, err)
		}
		if err := until(ctx, away, func(ctx context.Context) error { _, err := c.Livez(ctx); return err }); err != nil {
			return node.JobView{}, a.leftBehind(id, err)
		}
	}
}

// watch tells a job's events until its last one. When the stream breaks, q says
// where to go on.
func (a *app) watch(ctx context.Context, c *client.Client, q *wire.EventQuery) error {
	for ev, err := range c.Events(ctx, *q) {
		if err != nil {
			return err
		}
		q.After = ev.Cursor().String()
		text, end := jobNews(ev)
		if text != "" {
			a.note("%s", text)
		}
		if end {
			return nil
		}
	}
	return fmt.Errorf("events: %w: the stream ended before the job", icn.ErrUnavailable)
}

// leftBehind tells that the job goes on without this command.
func (a *app) leftBehind(id icn.CID, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, icn.ErrUnavailable) {
		a.note("The job goes on; see later: icn-cli mesh status %s", id)
	}
	return err
}

// jobNews puts an event of a job into words, and says whether it is the last one.
func jobNews(ev wire.Event) (text string, end bool) {
	switch ev.Type {
	case "JobPosted":
		var b icn.JobPosted
		if wire.Unmarshal(ev.Body, &b) == nil {
			return fmt.Sprintf("posted: job %s, %s mana held", b.Job, number(b.Held)), false
		}
	case "JobAssigned":
		var b icn.JobAssigned
		if wire.Unmarshal(ev.Body, &b) == nil {
			return assignedText(b), false
		}
	case "AttemptFailed":
		var b icn.AttemptFailed
		if wire.Unmarshal(ev.Body, &b) == nil {
			return fmt.Sprintf("failed: attempt %d, at %s: %s", b.Attempt, shortp(b.Executor), b.Reason), false
		}
	case "JobSaved":
		return "saved: the program left a checkpoint", false
	case "RunFailed":
		var b icn.RunFailed
		if wire.Unmarshal(ev.Body, &b) == nil {
			return fmt.Sprintf("failed: at %s: %s", short(b.Executor), b.Reason), false
		}
	case "JobSettled":
		var b icn.JobSettled
		if wire.Unmarshal(ev.Body, &b) == nil {
			return fmt.Sprintf("settled: %s mana burnt, %s minted at %s, %s released", number(b.Burnt), number(b.Minted), short(b.Executor), number(b.Released)), true
		}
	case "JobRolledBack":
		return "rolled back: the held mana is restored", true
	case "JobCancelled":
		return "cancelled: the held mana is restored", true
	}
	return "", false
}

// result writes what the program wrote: its stdout to stdout, its stderr to
// stderr. A job that did not complete is an error with the last reason.
func (a *app) result(ctx context.Context, c *client.Client, j node.JobView) error {
	if j.State != node.JobCompleted || j.Receipt == nil {
		return failed(j)
	}
	if j.Receipt.Log != nil {
		if err := a.copyTo(ctx, c, a.Err, *j.Receipt.Log); err != nil {
			a.note("the program's stderr is not at hand: %v", err)
		}
	}
	if j.Receipt.Output == nil {
		return nil
	}
	return a.copyTo(ctx, c, a.Out, *j.Receipt.Output)
}

// copyTo writes a file's content; a node that has just come up may need a moment
// to find it.
func (a *app) copyTo(ctx context.Context, c *client.Client, w io.Writer, id icn.CID) error {
	written := int64(0)
	return until(ctx, away, func(ctx context.Context) error {
		r, err := c.DagCat(ctx, id)
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, written); err != nil {
			return err
		}
		n, err := io.Copy(w, r)
		written += n
		return err
	})
}

func failed(j node.JobView) error {
	reasons := make([]string, 0, len(j.Failures))
	for _, f := range j.Failures {
		if len(reasons) == 0 || reasons[len(reasons)-1] != f.Reason {
			reasons = append(reasons, f.Reason)
		}
	}
	why := ""
	if len(reasons) > 0 {
		why = ": " + strings.Join(reasons, "; then ")
	}
	return fmt.Errorf("job %s %s after %s%s", j.Job, strings.ReplaceAll(j.State, "_", " "), plural(len(j.Failures), "failed attempt"), why)
}

// assignedText says who got a job, and how.
func assignedText(b icn.JobAssigned) string {
	switch {
	case b.Next:
		return fmt.Sprintf("assigned: attempt %d, to %s, the next best offer, for %s mana", b.Attempt, short(b.Executor), number(b.Price))
	case len(b.Executors) > 1:
		return fmt.Sprintf("assigned: attempt %d, to %s of %s", b.Attempt, names(b.Executors), plural(len(b.Choice), "offer"))
	}
	return fmt.Sprintf("assigned: attempt %d, to %s of %s for %s mana", b.Attempt, short(b.Executor), plural(len(b.Choice), "offer"), number(b.Price))
}
