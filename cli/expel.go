package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) expelCommand() *cobra.Command {
	var e wire.Expel
	c := command("expel DID", "Say as a clerk that a node shall go; a majority of the clerks decides", 1, 1, func(c *cobra.Command, args []string) error {
		var err error
		if e.DID, err = icn.ParseDID(args[0]); err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error {
			said, err := cl.FederationExpel(c.Context(), e)
			if err != nil {
				return err
			}
			return a.said(said, verdict(said, e))
		})
	})
	c.Flags().StringVar(&e.Reason, "reason", "", "why, for the other clerks")
	c.Flags().BoolVar(&e.Withdrawn, "withdraw", false, "take back what this clerk said")
	return c
}

// verdict says what a clerk's word led to.
func verdict(said wire.Said, e wire.Expel) string {
	out := "this clerk's word is taken back"
	for _, ev := range said.Events {
		var voted icn.ExpulsionVoted
		switch {
		case ev.Type == (icn.NodeLeft{}).EventType():
			return fmt.Sprintf("%s is expelled", e.DID)
		case ev.Type == voted.EventType() && !e.Withdrawn && json.Unmarshal(ev.Body, &voted) == nil:
			out = fmt.Sprintf("%d of %d clerks that are needed want %s to go", voted.Votes, voted.Needed, e.DID)
		}
	}
	return out
}

func (a *app) federationAccused(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		list, err := cl.FederationAccused(c.Context())
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(list, func() {
			if len(list) == 0 {
				a.note("Nobody has anything against a node.")
			}
			for i, x := range list {
				if i > 0 {
					p.line("")
				}
				state := "belongs"
				if !x.Belongs {
					state = "no longer belongs"
				}
				p.fields([2]string{"Node", x.Node.String()}, [2]string{"Name", x.Name}, [2]string{"State", state},
					[2]string{"Clerks against it", fmt.Sprintf("%d of %d needed", len(x.Votes), x.Needed)})
				for _, v := range x.Votes {
					p.line("  %s, %s: %s", v.By, clock(v.At), v.Reason)
				}
				if x.Evidence != nil {
					p.line("  evidence here: %s", x.Evidence.Words)
				}
			}
		})
	})
}
