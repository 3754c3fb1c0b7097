package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) proposalsCommand() *cobra.Command {
	var f wire.ProposalFilter
	c := command("list", "Proposals, the newest first", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error { return a.proposals(c.Context(), cl, f) })
	})
	c.Aliases = []string{"proposals"}
	c.Flags().StringVar(&f.State, "state", "", "only these: open (all that are not over), or a stage: "+strings.Join(icn.Stages(), ", "))
	c.Flags().StringVar(&f.Kind, "kind", "", "only of this kind: "+strings.Join(icn.MotionKinds(), ", "))
	c.Flags().IntVar(&f.Limit, "limit", 50, "at most so many")
	return c
}

func (a *app) proposals(ctx context.Context, c *client.Client, f wire.ProposalFilter) error {
	page, most := wire.Proposals{Proposals: []node.ProposalView{}}, f.Limit
	f.Limit = min(f.Limit, 100) // of a page
	err := eachProposal(ctx, c, f, func(v node.ProposalView) bool {
		page.Proposals, page.Next = append(page.Proposals, v), v.Created
		return len(page.Proposals) < most
	})
	if err != nil {
		return err
	}
	if len(page.Proposals) < most {
		page.Next = 0 // these are all
	}
	p := a.printer()
	return p.show(page, func() {
		if len(page.Proposals) == 0 {
			a.note("There is none. Make one with: icn-cli governance propose")
			return
		}
		now := time.Now()
		rows := make([][]string, 0, len(page.Proposals))
		for _, v := range page.Proposals {
			rows = append(rows, []string{shortID(v.ID), clipped(v.Title, 44), v.Kind, stageWord(v), timeLeft(v, now), turnout(v)})
		}
		p.grid([]string{"proposal", "title", "kind", "stage", "ends", "turnout"}, rows)
		if page.Next > 0 {
			a.note("There are older ones: give --limit.")
		}
	})
}

// clipped is a text cut to a number of characters.
func clipped(s string, most int) string {
	s = flat(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:most-1])) + "…"
}

// stageWord is a stage in two words.
func stageWord(v node.ProposalView) string {
	switch v.Status {
	case icn.StageDraft:
		return "draft"
	case icn.StageSponsorship:
		return fmt.Sprintf("%d of %d sponsors", len(v.Sponsors), v.SponsorsNeeded)
	case icn.StageDeliberation:
		return "being discussed"
	case icn.StageVoting:
		return "vote is open"
	case icn.StageTimelock:
		return "accepted"
	case icn.StageExecuted:
		return "in force"
	}
	return strings.ToLower(v.Status.String())
}

// timeLeft is until when a stage lasts, or since when it is over.
func timeLeft(v node.ProposalView, now time.Time) string {
	switch {
	case v.Status.Over():
		return howFar(v.Since, now)
	case v.Until > 0:
		return howFar(v.Until, now)
	}
	return "-"
}

func turnout(v node.ProposalView) string {
	switch {
	case v.Tally != nil && v.Tally.Roll > 0:
		return fmt.Sprintf("%d of %d, %d %%", v.Tally.Turnout, v.Tally.Roll, v.Tally.Turnout*100/v.Tally.Roll)
	case v.Opened > 0:
		return fmt.Sprintf("%s, roll %d", plural(int(v.Ballots), "ballot"), v.Roll)
	}
	return "-"
}

// stageSentence says where a proposal is and what comes next, in a sentence.
func stageSentence(v node.ProposalView, now time.Time) string {
	switch v.Status {
	case icn.StageDraft:
		return "It is a draft; who wrote it puts it forward with: icn-cli governance open " + shortID(v.ID)
	case icn.StageSponsorship:
		return fmt.Sprintf("%d of %d sponsors are found; it ends %s", len(v.Sponsors), v.SponsorsNeeded, deadline(v.Until, now))
	case icn.StageDeliberation:
		return "It is being discussed; the vote opens " + deadline(v.Until, now)
	case icn.StageVoting:
		return "The vote is open until " + deadline(v.Until, now)
	case icn.StageTimelock:
		return "It was accepted, and comes into force " + deadline(v.Until, now)
	case icn.StageExecuted:
		return "It is in force, since " + deadline(v.Since, now)
	}
	s := map[icn.Stage]string{icn.StageRejected: "It was rejected", icn.StageVetoed: "It was vetoed", icn.StageWithdrawn: "Its author took it back",
		icn.StageFailed: "It was accepted, and could not be enacted"}[v.Status]
	if v.Reason != "" {
		s += " (" + v.Reason + ")"
	}
	return s + ", " + howFar(v.Since, now)
}

func (a *app) proposalCommand() *cobra.Command {
	var wait time.Duration
	c := command("show PROPOSAL", "What is proposed, how it stands, and until when", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			if wait > 0 {
				if err := a.awaitEnd(c.Context(), cl, args[0], wait); err != nil {
					return err
				}
			}
			return a.showProposal(c.Context(), cl, args[0])
		})
	})
	c.Flags().DurationVar(&wait, "wait", 0, "first wait until it is over, at most so long")
	c.Aliases = []string{"proposal"}
	return c
}

// awaitEnd waits until a proposal is over.
func (a *app) awaitEnd(ctx context.Context, c *client.Client, arg string, wait time.Duration) error {
	return until(ctx, wait, func(ctx context.Context) error {
		v, err := a.proposal(ctx, c, arg)
		if err == nil && !v.Status.Over() {
			err = errNotYet{fmt.Sprintf("“%s” is not over yet: %s", v.Title, stageSentence(v, time.Now()))}
		}
		return err
	})
}

// proposalPage is a proposal with its count, as show tells it.
type proposalPage struct {
	node.ProposalView
	Interim *icn.Tally `json:"interim,omitempty"` // while the vote is open
	Mine    string     `json:"my_vote,omitempty"`
}

func (a *app) showProposal(ctx context.Context, c *client.Client, arg string) error {
	v, err := a.proposal(ctx, c, arg)
	if err != nil {
		return err
	}
	page := proposalPage{ProposalView: v}
	if v.Status == icn.StageVoting {
		t, err := c.GovernanceTally(ctx, v.ID)
		if err != nil {
			return err
		}
		page.Interim = &t.Tally
	}
	me, used, err := a.identity()
	if err != nil {
		return err
	}
	if used && v.Opened > 0 {
		with, err := c.GovernanceProposal(ctx, v.ID, true)
		if err != nil {
			return err
		}
		page.Mine = with.Votes[me.DID.String()]
		if page.Mine == "" {
			page.Mine = "none"
		}
	}
	p := a.printer()
	return p.show(page, func() { printProposal(p, page, nameTags(ctx, c)) })
}

func printProposal(p printer, v proposalPage, name func(icn.DID) string) {
	now := time.Now()
	text := ""
	if v.Body.Defined() {
		text = v.Body.String() + " (icn-cli dag get " + v.Body.String() + ")"
	}
	p.fields([2]string{"Title", flat(v.Title)}, [2]string{"Proposal", v.ID.String()}, [2]string{"Does", withNames(v.Words, name)}, [2]string{"Text", text},
		[2]string{"Proposed", fmt.Sprintf("by %s, %s, entry %s", name(v.Proposer), howFar(v.CreatedMs, now), number(v.Created))},
		[2]string{"Stage", stageSentence(v.ProposalView, now)}, [2]string{"Votes by", voters(v.ProposalView)}, [2]string{"Needs", needs(v.ProposalView)},
		[2]string{"Veto", vetoUntil(v.ProposalView, now)}, [2]string{"Would change", difference(v.ProposalView)}, [2]string{"Your vote", v.Mine})
	if len(v.Options) > 0 && v.Tally == nil && v.Interim == nil {
		p.line("\n%s", strings.Join(numbered(v.Options), "\n"))
	}
	if t := v.Tally; t != nil {
		p.line("")
		printTally(p, *t, v.Options, v.Method, v.Early, false)
	} else if v.Interim != nil {
		p.line("")
		printTally(p, *v.Interim, v.Options, v.Method, false, true)
	}
}

// someone is a DID in a sentence.
var someone = regexp.MustCompile(`did:key:z[1-9A-HJ-NP-Za-km-z]+`)

// withNames puts names beside the DIDs of a sentence, of whom the federation knows.
func withNames(words string, name func(icn.DID) string) string {
	return someone.ReplaceAllStringFunc(words, func(s string) string {
		d, err := icn.ParseDID(s)
		if err != nil {
			return s
		}
		return name(d)
	})
}

func voters(v node.ProposalView) string {
	s := v.Electorate.String()
	if v.Electorate == icn.Members {
		s = "persons and organisations"
	}
	if v.Opened > 0 {
		s = number(v.Roll) + " " + s
	}
	return s + ", " + v.Method.String()
}

func needs(v node.ProposalView) string {
	s := "more yes than no"
	if v.Threshold > 0.5 {
		s = fmt.Sprintf("%.4g %% of yes and no", v.Threshold*100)
	}
	if v.Method != icn.YesNo {
		s = ""
	}
	if v.Quorum > 0 {
		if s != "" {
			s += ", and "
		}
		s += plural(int(v.Quorum), "voter") + " taking part"
	}
	return s
}

func vetoUntil(v node.ProposalView, now time.Time) string {
	if v.VetoUntil == 0 || v.Status != icn.StageTimelock {
		return ""
	}
	return "can be said until " + deadline(v.VetoUntil, now)
}

func difference(v node.ProposalView) string {
	if !v.Difference.Defined() || v.Status.Over() {
		return ""
	}
	return "see: icn-cli governance rehearse " + shortID(v.ID)
}

// standing prints where a proposal is now.
func (a *app) standing(ctx context.Context, c *client.Client, id icn.CID) error {
	v, err := c.GovernanceProposal(ctx, id, false)
	if err != nil {
		return err
	}
	a.printer().line("%s", stageSentence(v, time.Now()))
	return nil
}
