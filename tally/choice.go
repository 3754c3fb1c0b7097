package tally

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// CheckChoice says whether a ballot of a method may say this, where there are so
// many options:
//
//   - yes-no: one of icn.Abstain, icn.Yes, icn.No;
//   - ranked: places of options, from 1, each at most once, in the voter's order;
//   - approval: places of options, from 1, ascending;
//   - weighted: a number of points for each option, together 1 to icn.VotePoints;
//   - quadratic: a number of votes for each option, their squares together 1 to
//     icn.VotePoints.
//
// Where there are options, an empty choice abstains.
func CheckChoice(m icn.Method, options int, choice []uint64) error {
	if m == icn.YesNo {
		if len(choice) != 1 || choice[0] > icn.No {
			return refuse(m, "say yes, no or abstain")
		}
		return nil
	}
	if options > icn.MaxOptions {
		return refuse(m, "%d options, at most %d", options, icn.MaxOptions)
	}
	switch m {
	case icn.Ranked:
		return checkPlaces(m, options, choice, false)
	case icn.Approval:
		return checkPlaces(m, options, choice, true)
	case icn.Weighted, icn.Quadratic:
		return checkNumbers(m, options, choice)
	}
	return refuse(m, "no such way to vote")
}

// checkPlaces checks a list of options by their places.
func checkPlaces(m icn.Method, options int, choice []uint64, ascending bool) error {
	var seen uint64 // a bit for each option
	var last uint64
	for _, c := range choice {
		switch {
		case c == 0 || c > uint64(options):
			return refuse(m, "there is no option %d: name options by their places, 1 to %d", c, options)
		case seen>>(c-1)&1 == 1:
			return refuse(m, "option %d stands in it twice: name each once", c)
		case ascending && c < last:
			return refuse(m, "option %d behind %d: name options in ascending order", c, last)
		}
		seen |= 1 << (c - 1)
		last = c
	}
	return nil
}

// checkNumbers checks a list of points or votes, one for each option.
func checkNumbers(m icn.Method, options int, choice []uint64) error {
	if len(choice) == 0 {
		return nil
	}
	if len(choice) != options {
		return refuse(m, "%d numbers for %d options: give one to each, or none at all to abstain", len(choice), options)
	}
	var sum uint64
	for i, n := range choice {
		if n > icn.VotePoints {
			return refuse(m, "%d for option %d: there are %d points to spread", n, i+1, icn.VotePoints)
		}
		if m == icn.Quadratic {
			n *= n // each at most 10,000, of at most 64
		}
		sum += n
	}
	switch {
	case sum == 0:
		return refuse(m, "nothing for any option: give some, or an empty list to abstain")
	case sum > icn.VotePoints:
		return refuse(m, "it costs %d of %d points: give less", sum, icn.VotePoints)
	}
	return nil
}

func refuse(m icn.Method, why string, args ...any) error {
	return fmt.Errorf("%s ballot: %w: %s", m, icn.ErrInvalid, fmt.Sprintf(why, args...))
}

// abstains says whether a choice takes part without a say.
func abstains(m icn.Method, options int, choice []uint64) bool {
	if len(choice) == 0 || CheckChoice(m, options, choice) != nil {
		return true
	}
	return m == icn.YesNo && choice[0] == icn.Abstain
}
