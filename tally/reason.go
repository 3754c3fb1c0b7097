package tally

import (
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The words of a result, for members: what was counted, what was missing.

func (v Vote) yesNoReason(t *icn.Tally) string {
	said := fmt.Sprintf("yes %d, no %d", t.Yes, t.No)
	why := "more than half"
	switch {
	case t.Turnout < t.Needed:
		return tooFew(t) + "; " + said
	case t.Yes+t.No == 0:
		why = "nobody said either"
	case t.Yes == t.No:
		why = "a tie, which fails"
	case t.Yes < t.No:
		why = "not more than half"
	case v.Threshold > 500:
		why = fmt.Sprintf("%s said yes, %s were needed", percent(t.Yes*1000/(t.Yes+t.No)), percent(v.Threshold))
	}
	return said + ": " + why + "; " + enough(t)
}

func (v Vote) sumsReason(t *icn.Tally, tied bool) string {
	if t.Turnout < t.Needed {
		return tooFew(t)
	}
	if t.Winner == 0 {
		return "no option got anything; " + enough(t)
	}
	unit := map[icn.Method]string{icn.Approval: "approvals", icn.Weighted: "points", icn.Quadratic: "votes"}[v.Method]
	score := t.Scores[t.Winner-1]
	if !tied {
		return fmt.Sprintf("option %d has the most %s, %d; %s", t.Winner, unit, score, enough(t))
	}
	var with []int
	for i, n := range t.Scores {
		if n == score {
			with = append(with, i+1)
		}
	}
	return fmt.Sprintf("options %s have the most %s, %d each: option %d wins the tie, for its CID is the smallest; %s",
		list(with), unit, score, t.Winner, enough(t))
}

func (v Vote) rankedReason(t *icn.Tally, lots []int) string {
	if t.Turnout < t.Needed {
		return tooFew(t)
	}
	if t.Winner == 0 {
		return "nobody named an option; " + enough(t)
	}
	last := t.Rounds[len(t.Rounds)-1]
	var left uint64
	for _, n := range last.Counts {
		left += n
	}
	s := fmt.Sprintf("option %d has %d of %d votes in round %d: more than half", t.Winner, last.Counts[t.Winner-1], left, len(t.Rounds))
	if last.Exhausted > 0 {
		s += fmt.Sprintf(", without the %d whose options are all out", last.Exhausted)
	}
	if len(lots) > 0 {
		s += "; " + broken(lots)
	}
	return s + "; " + enough(t)
}

// broken names the rounds in which the votes could not tell who goes out.
func broken(lots []int) string {
	rounds := "round "
	if len(lots) > 1 {
		rounds = "rounds "
	}
	return "in " + rounds + list(lots) + " options with the fewest votes had had equally many all along, and the one with the largest CID went out"
}

func enough(t *icn.Tally) string {
	return fmt.Sprintf("%d of %d took part, %s needed", t.Turnout, t.Roll, count(t.Needed))
}

func tooFew(t *icn.Tally) string {
	return fmt.Sprintf("too few: %d of %d took part, %s needed", t.Turnout, t.Roll, count(t.Needed))
}

func count(n uint64) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// percent writes thousandths: 66.6 %. It cuts off, so that what misses a threshold
// never looks as if it had met it.
func percent(permille uint64) string { return fmt.Sprintf("%d.%d %%", permille/10, permille%10) }

// list writes numbers: 1, 2 and 5.
func list(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i == 0:
		case i == len(numbers)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

func outstanding(n uint64) string {
	if n == 1 {
		return "1 vote is outstanding and can change the result"
	}
	return fmt.Sprintf("%d votes are outstanding and can change the result", n)
}

func settled(yes, no, out uint64, accepted bool) string {
	result := "it fails"
	if accepted {
		result = "it is accepted"
	}
	return fmt.Sprintf("yes %d, no %d, %d outstanding: however these vote, %s", yes, no, out, result)
}
