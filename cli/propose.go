package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// proposalFlags are what a proposal is besides its motion.
type proposalFlags struct {
	title, body, method, electorate     string
	options                             []string
	quorum, threshold                   string
	deliberate, voteFor, timelock       string
	draft                               bool
	amend                               string
	role, name, reason, purpose, suffer string
	wait                                waitFor
}

func (a *app) proposeCommand() *cobra.Command {
	var f proposalFlags
	c := command("propose KIND [ARGUMENT...]", "Put something to the members", 1, -1, func(c *cobra.Command, args []string) error {
		if f.title == "" {
			return usageError{"give it a --title: what people see in the list", c.CommandPath()}
		}
		return a.with(func(cl *client.Client) error { return a.propose(c.Context(), cl, f, args) })
	})
	c.Long = c.Short + ".\n\n" + motionHelp() + `
Members can be named by their DIDs or by their names. What the flags leave out is as the rules say; quorum, threshold,
deliberation and time-lock can ask for more than these, not for less.

  icn-cli governance propose text "Shall we buy the mill?" --title "The mill" --body plan.md --quorum 40%
  icn-cli governance propose text "Which colour?" --title Colour --method ranked --option red --option green --option blue
  icn-cli governance propose parameters voting_ms=3d --title "Shorter votes"`
	s := c.Flags()
	s.StringVar(&f.title, "title", "", "what people see in the list")
	s.StringVar(&f.body, "body", "", "a file with the whole text; it is stored as a block")
	s.StringVar(&f.method, "method", "", "yes-no, ranked, approval, weighted or quadratic (default yes-no; with --option approval)")
	s.StringArrayVar(&f.options, "option", nil, "something to choose from; say it again for each")
	s.StringVar(&f.electorate, "electorate", "members", "who votes: persons, organisations or members (both)")
	s.StringVar(&f.quorum, "quorum", "", "who must take part: a share of the roll (40%) or a number")
	s.StringVar(&f.threshold, "threshold", "", "share of yes among yes and no that is needed (60%)")
	s.StringVar(&f.deliberate, "deliberate", "", "how long it is discussed before the vote opens (3d)")
	s.StringVar(&f.voteFor, "vote-for", "", "how long the vote is open (7d)")
	s.StringVar(&f.timelock, "timelock", "", "how long it waits between accepted and in force (2d)")
	s.BoolVar(&f.draft, "draft", false, "only a draft: you can change it (--amend), and put it forward with governance open")
	s.StringVar(&f.amend, "amend", "", "change this draft of yours instead of making a new proposal")
	s.StringVar(&f.role, "role", "person", "of who is to be admitted: person or organisation")
	s.StringVar(&f.name, "name", "", "of who is to be admitted")
	s.StringVar(&f.reason, "reason", "", "why, for remove, suspend and expel")
	s.StringVar(&f.purpose, "purpose", "", "what a budget is for")
	s.StringVar(&f.suffer, "for", "", "how long somebody is suspended (30d); by default until it is reinstated")
	f.wait.flags(c)
	return c
}

// read makes the proposal that the flags describe, all but its text.
func (f proposalFlags) read(motion icn.Motion) (p icn.Proposal, err error) {
	p = icn.Proposal{Title: f.title, Motion: motion, Options: f.options, Method: icn.YesNo}
	method := f.method
	if method == "" && len(f.options) > 0 {
		method = icn.Approval.String()
	}
	if method != "" {
		if err := p.Method.UnmarshalText([]byte(method)); err != nil {
			return p, fmt.Errorf("--method: %w", err)
		}
	}
	if err := p.Electorate.UnmarshalText([]byte(f.electorate)); err != nil {
		return p, fmt.Errorf("--electorate: %w", err)
	}
	if p.QuorumPermille, p.QuorumCount, err = readQuorum(f.quorum); err != nil {
		return p, err
	}
	if f.threshold != "" {
		var ok bool
		if p.ThresholdPermille, ok = readPercent(f.threshold); !ok {
			return p, fmt.Errorf("--threshold: %w: %q: want a share such as 60%%", icn.ErrInvalid, f.threshold)
		}
	}
	for _, x := range []struct {
		flag, value string
		into        *uint64
	}{{"--deliberate", f.deliberate, &p.DeliberationMillis}, {"--vote-for", f.voteFor, &p.VotingMillis}, {"--timelock", f.timelock, &p.TimelockMillis}} {
		if x.value == "" {
			continue
		}
		var d time.Duration
		if d, err = readLapse(x.value); err != nil {
			return p, fmt.Errorf("%s: %w", x.flag, err)
		}
		*x.into = uint64(d.Milliseconds())
	}
	return p, nil
}

func readQuorum(s string) (permille, count uint64, err error) {
	if s == "" {
		return 0, 0, nil
	}
	if permille, ok := readPercent(s); ok {
		return permille, 0, nil
	}
	if count, err = strconv.ParseUint(s, 10, 64); err != nil {
		err = fmt.Errorf("--quorum: %w: %q: want a share of the roll (40%%) or a number of voters (12)", icn.ErrInvalid, s)
	}
	return 0, count, err
}

func (a *app) propose(ctx context.Context, c *client.Client, f proposalFlags, args []string) error {
	motion, err := readMotion(args[0], motionArgs{args: args[1:], role: f.role, name: f.name, reason: f.reason, purpose: f.purpose, lapse: f.suffer,
		who: func(s string) (icn.DID, error) { return a.somebody(ctx, c, s) }})
	if err != nil {
		return err
	}
	p, err := f.read(motion)
	if err != nil {
		return err
	}
	if f.body != "" {
		text, err := readFile(f.body, icn.MaxBlock)
		if err != nil {
			return err
		}
		if p.Body, err = c.DagPut(ctx, text, client.Put{}); err != nil {
			return err
		}
	}
	return a.putProposal(ctx, c, p, f)
}

func (a *app) putProposal(ctx context.Context, c *client.Client, p icn.Proposal, f proposalFlags) error {
	var op icn.Op = icn.ProposalCreate{Draft: f.draft, Proposal: p}
	if f.amend != "" {
		v, err := a.proposal(ctx, c, f.amend)
		if err != nil {
			return err
		}
		op = icn.ProposalAmend{ID: v.ID, Proposal: p}
	}
	s, err := a.say(ctx, c, op)
	if err != nil {
		return err
	}
	if err := a.confirmed(ctx, c, s, f.wait); err != nil || a.output == "json" || s.State == "waiting" {
		return err
	}
	id := proposalOf(s.statement)
	v, err := c.GovernanceProposal(ctx, id, false)
	if err != nil {
		return err
	}
	out := a.printer()
	out.line("Proposal %s", id)
	out.line("%s", stageSentence(v, time.Now()))
	if v.Status == icn.StageDraft {
		a.note("Put it forward with: icn-cli governance open %s", shortID(id))
	}
	return nil
}
