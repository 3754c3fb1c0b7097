package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) executorsCommand() *cobra.Command {
	return command("executors", "The nodes that run jobs: what they do, and how they did", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			list, err := cl.MeshExecutors(c.Context())
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(list, func() {
				rows := make([][]string, 0, len(list))
				for _, x := range list {
					rows = append(rows, []string{short(x.DID), x.Name, fmt.Sprintf("%.1f", x.Reputation), number(x.Open), number(x.Done), number(x.Failed + x.Unanswered), number(x.Convicted), banText(x)})
				}
				p.grid([]string{"node", "name", "reputation", "runs now", "results", "failures", "convicted", "banned"}, rows, 3, 4, 5, 6, 7)
			})
		})
	})
}

// banText says until when a node gets no jobs.
func banText(x node.Executor) string {
	if !x.Banned {
		return ""
	}
	return fmt.Sprintf("until %s (%s more)", clock(x.BannedUntil), span(time.Until(time.UnixMilli(int64(x.BannedUntil)))))
}

func (a *app) blacklistCommand() *cobra.Command {
	c := command("blacklist", "Executors that get no jobs at the moment", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			list, err := cl.MeshBlacklist(c.Context())
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(list, func() {
				if len(list) == 0 {
					a.note("Nobody is banned.")
					return
				}
				rows := make([][]string, 0, len(list))
				for _, x := range list {
					rows = append(rows, []string{x.DID.String(), x.Name, banText(x), number(x.Failed), number(x.Unanswered), number(x.Convicted)})
				}
				p.grid([]string{"node", "name", "banned", "failed", "silent", "convicted"}, rows, 4, 5, 6)
				a.note("Why: icn-cli events --type banned --tail 20. A clerk's operator takes a ban back with: icn-cli mesh blacklist remove DID")
			})
		})
	})
	c.AddCommand(command("remove DID", "Take a ban back; the node must be a clerk of the federation", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			d, err := icn.ParseDID(args[0])
			if err != nil {
				return err
			}
			said, err := cl.MeshBlacklistRemove(c.Context(), d)
			if err != nil {
				return err
			}
			return a.said(said, "It may bid for jobs again")
		})
	}))
	return c
}

func (a *app) checkCommand() *cobra.Command {
	return command("check JOB", "Have other nodes run a settled job again; who lied about it is banned", 1, 1, func(c *cobra.Command, args []string) error {
		return a.dagAt(args[0], func(cl *client.Client, id icn.CID) error {
			said, err := cl.MeshCheck(c.Context(), id)
			if err != nil {
				return err
			}
			return a.said(said, "The job is run again; see icn-cli mesh status "+id.String())
		})
	})
}

// auditWait is how long a job that is run again may take.
const auditWait = time.Hour

func (a *app) jobAuditCommand() *cobra.Command {
	c := command("audit JOB|RECEIPT", "Run a settled job again on this node, and compare with its receipt", 1, 1, func(c *cobra.Command, args []string) error {
		id, err := jobOrReceipt(args[0])
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error {
			v, err := cl.MeshAudit(c.Context(), id, auditWait)
			if err != nil {
				return err
			}
			p := a.printer()
			if err := p.show(v, func() { showAudit(p, v) }); err != nil {
				return err
			}
			if v.Result == "mismatch" {
				return fmt.Errorf("audit of job %s: %w: %s; have others run it, too: icn-cli mesh check %s", id, icn.ErrConflict, v.Reason, id)
			}
			return nil
		})
	})
	c.Long = "audit says match, mismatch or indeterminate (the program, its inputs or this sandbox's version are not at hand).\n" +
		"A mismatch gives exit code 1."
	return c
}

// jobOrReceipt is the job that was named, or that of a saved receipt.
func jobOrReceipt(arg string) (icn.CID, error) {
	if id, err := icn.ParseCID(arg); err == nil {
		return id, nil
	}
	b, err := readFile(arg, maxReceipt)
	if err != nil {
		return icn.CID{}, err
	}
	var r wire.Receipt
	if err := wire.Unmarshal(b, &r); err != nil || !r.Job.Job.Defined() {
		return icn.CID{}, fmt.Errorf("%s: %w: neither a job's id nor a receipt saved with --output json", arg, icn.ErrInvalid)
	}
	return r.Job.Job, nil
}

func showAudit(p printer, v node.Audited) {
	pairs := [][2]string{{"Result", v.Result}, {"Reason", v.Reason}, {"Job", v.Job.String()}, {"Executor", v.Executor.String()}, {"Gas claimed", number(v.Gas)}, {"Gas found", number(v.FoundGas)}}
	for _, x := range []struct {
		name string
		c    *icn.CID
	}{{"Output claimed", v.Claimed}, {"Output found", v.Found}} {
		if x.c != nil {
			pairs = append(pairs, [2]string{x.name, x.c.String()})
		}
	}
	p.fields(pairs...)
}
