package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// submitJSONCommand and voteJSON take what the original icn-cli took. It is signed here,
// as everything is: the node is not asked to make the statement.
func (a *app) submitJSONCommand() *cobra.Command {
	var w waitFor
	c := command("submit JSON", "Put a proposal, written as the body of POST /governance/submit; - is stdin", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.submitJSON(c.Context(), cl, args[0], w) })
	})
	w.flags(c)
	c.Long = c.Short + `.

  icn-cli governance submit '{"proposal": {"type": "GenericText", "data": {"text": "We share tools."}},
                              "description": "Tools", "duration_secs": 604800}'`
	return c
}

// jsonArg is an argument that is JSON, or stdin.
func (a *app) jsonArg(arg string, into any) error {
	text := []byte(arg)
	if arg == "-" {
		var err error
		if text, err = io.ReadAll(io.LimitReader(a.In, 4*icn.MaxBlock)); err != nil {
			return err
		}
	}
	if err := wire.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: the argument is no JSON of the right shape: %v", icn.ErrInvalid, err)
	}
	return nil
}

// speaksAs refuses what was written for somebody else.
func (a *app) speaksAs(named icn.DID, field string) error {
	me, used, err := a.identity()
	if err != nil || named.IsZero() || used && me.DID == named {
		return err
	}
	return advised{fmt.Errorf("%w: %s is %s, and that identity is not in use", icn.ErrDenied, field, named), "Choose it with: icn-cli id use NAME"}
}

func (a *app) submitJSON(ctx context.Context, c *client.Client, arg string, w waitFor) error {
	var p wire.ProposalSubmit
	if err := a.jsonArg(arg, &p); err != nil {
		return err
	}
	if err := a.speaksAs(p.Proposer, "proposer_did"); err != nil {
		return err
	}
	op, body, err := p.Op()
	if err != nil {
		return fmt.Errorf("%w: %w", icn.ErrInvalid, err)
	}
	if body != nil {
		if _, err := c.DagPut(ctx, body.Data, client.Put{}); err != nil {
			return err
		}
	}
	return a.putProposal(ctx, c, op.Proposal, proposalFlags{draft: op.Draft, wait: w})
}

func (a *app) voteJSON(ctx context.Context, c *client.Client, arg string, f ballotFlags) error {
	if arg != "-" && !strings.HasPrefix(strings.TrimSpace(arg), "{") {
		return usageError{"say yes, no or abstain", "icn-cli governance vote"}
	}
	var v struct {
		wire.Vote
		Proof json.RawMessage `json:"credential_proof"`
	}
	if err := a.jsonArg(arg, &v); err != nil {
		return err
	}
	if err := a.speaksAs(v.Voter, "voter_did"); err != nil {
		return err
	}
	if !v.For.IsZero() {
		f.behalf = append(f.behalf, v.For.String())
	}
	return a.vote(ctx, c, icn.YesNo, readYesNo, f, []string{v.ProposalID.String(), v.Option})
}
