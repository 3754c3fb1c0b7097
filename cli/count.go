package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) tallyCommand() *cobra.Command {
	return command("tally PROPOSAL", "How a vote ended, or how it stands", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			v, err := a.proposal(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			t, err := cl.GovernanceTally(c.Context(), v.ID)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(t, func() { printTally(p, t.Tally, v.Options, v.Method, v.Early, t.Interim) })
		})
	})
}

// barWidth is how many characters the longest bar has.
const barWidth = 32

// bars prints numbers beside each other, each with a bar.
func bars(p printer, names []string, counts []uint64, mark func(int) string) {
	width, digits := 0, 0
	for i, n := range names {
		width, digits = max(width, len([]rune(n))), max(digits, len(number(counts[i])))
	}
	most := max(slices.Max(counts), 1)
	for i, n := range names {
		long := int(counts[i] * barWidth / most)
		bar := strings.Repeat("█", long)
		if long == 0 && counts[i] > 0 {
			bar = "▏"
		}
		p.line("%s", strings.TrimRight(fmt.Sprintf("  %s%s  %*s  %s %s", n, strings.Repeat(" ", width-len([]rune(n))), digits, number(counts[i]), bar, mark(i)), " "))
	}
}

func printTally(p printer, t icn.Tally, options []string, m icn.Method, early, interim bool) {
	when := "The result"
	switch {
	case interim:
		when = "So far"
	case early:
		when = "The result, closed early as nothing could change it"
	}
	p.line("%s: %s of %s took part (%s needed): %d voted, %d by proxy, %d by delegation.", when, number(t.Turnout), number(t.Roll), number(t.Needed), t.Direct, t.Proxied, t.Delegated)
	if m == icn.YesNo {
		bars(p, []string{"yes", "no", "abstain"}, []uint64{t.Yes, t.No, t.Abstain}, func(int) string { return "" })
	} else if len(t.Scores) == len(options) && len(options) > 0 {
		bars(p, clippedAll(options), t.Scores, func(i int) string {
			if uint64(i)+1 == t.Winner && !interim {
				return "◀ chosen"
			}
			return ""
		})
		if t.Abstain > 0 {
			p.line("  and %s", plural(int(t.Abstain), "abstention"))
		}
	}
	printRounds(p, t.Rounds, options)
	if t.Reason != "" && !interim {
		word := "Rejected"
		if t.Accepted {
			word = "Accepted"
		}
		p.line("%s: %s.", word, strings.TrimSuffix(t.Reason, "."))
	} else if t.Reason != "" {
		p.line("If it ended now: %s.", strings.TrimSuffix(t.Reason, "."))
	}
}

func clippedAll(options []string) []string {
	out := make([]string, len(options))
	for i, o := range options {
		out[i] = clipped(o, 40)
	}
	return out
}

// printRounds tells an instant run-off, round for round.
func printRounds(p printer, rounds []icn.Round, options []string) {
	if len(rounds) < 2 {
		return
	}
	header := []string{"round"}
	right := []int{1}
	for i, o := range options {
		header = append(header, clipped(o, 20))
		right = append(right, i+2)
	}
	header = append(header, "no longer counts", "goes out")
	right = append(right, len(options)+2)
	rows := make([][]string, 0, len(rounds))
	for i, r := range rounds {
		row := []string{fmt.Sprint(i + 1)}
		for o := range options {
			n := ""
			if o < len(r.Counts) {
				n = number(r.Counts[o])
			}
			row = append(row, n)
		}
		var out []string
		for _, place := range r.Out {
			if place >= 1 && place <= uint64(len(options)) {
				out = append(out, clipped(options[place-1], 20))
			}
		}
		rows = append(rows, append(row, number(r.Exhausted), strings.Join(out, ", ")))
	}
	p.line("")
	p.grid(header, rows, right...)
}

func (a *app) ballotsCommand() *cobra.Command {
	return command("ballots PROPOSAL", "All ballots on a proposal, changed ones too, in the order of the log", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.ballots(c.Context(), cl, args[0]) })
	})
}

func (a *app) ballots(ctx context.Context, c *client.Client, arg string) error {
	v, err := a.proposal(ctx, c, arg)
	if err != nil {
		return err
	}
	all, err := c.GovernanceBallots(ctx, v.ID)
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(all, func() {
		if len(all) == 0 {
			a.note("There is no ballot yet.")
			return
		}
		name := nameTags(ctx, c)
		rows := make([][]string, 0, len(all))
		for _, b := range all {
			by := ""
			if b.By != nil {
				by = "by " + name(*b.By)
			}
			rows = append(rows, []string{number(b.Index), clock(b.Time), name(b.Voter), clipped(b.Words, 48), by})
		}
		p.grid([]string{"entry", "time", "voter", "vote", ""}, rows, 1)
	})
}
