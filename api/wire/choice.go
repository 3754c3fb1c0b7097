package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// YesNoChoice reads yes, no or abstain, in any case of letters.
func YesNoChoice(word string) ([]uint64, error) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "yes":
		return []uint64{icn.Yes}, nil
	case "no":
		return []uint64{icn.No}, nil
	case "abstain":
		return []uint64{icn.Abstain}, nil
	}
	return nil, &FieldError{Path: "vote_option", Reason: fmt.Sprintf("%.40q: want yes, no or abstain", word)}
}

// Choice makes a ballot of what was sent about options.
func (v OptionVote) Choice(m icn.Method, options []string) ([]uint64, error) {
	if m == icn.Weighted || m == icn.Quadratic {
		if len(v.Preferences) > 0 {
			return nil, &FieldError{Path: "preferences", Reason: fmt.Sprintf("a %s vote has points: {option: number}", m)}
		}
		return v.points(options)
	}
	if len(v.Points) > 0 {
		return nil, &FieldError{Path: "points", Reason: fmt.Sprintf("a vote by the method %s has preferences: a list of options", m)}
	}
	var out []uint64
	for i, p := range v.Preferences {
		n, err := place(p, options)
		if err != nil {
			return nil, &FieldError{Path: fmt.Sprintf("preferences[%d]", i), Reason: err.Error()}
		}
		out = append(out, n)
	}
	if m == icn.Approval {
		slices.Sort(out)
	}
	return out, nil
}

func (v OptionVote) points(options []string) ([]uint64, error) {
	if len(v.Points) == 0 {
		return nil, nil
	}
	out := make([]uint64, len(options))
	for word, n := range v.Points { // order: each stands for itself
		i, err := OptionPlace(word, options)
		if err != nil {
			return nil, &FieldError{Path: "points", Reason: err.Error()}
		}
		if out[i-1] != 0 {
			return nil, &FieldError{Path: "points", Reason: fmt.Sprintf("option %q is there twice", options[i-1])}
		}
		out[i-1] = n
	}
	return out, nil
}

// place reads an option as a text or a number.
func place(raw json.RawMessage, options []string) (uint64, error) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return OptionPlace(text, options)
}

// OptionPlace finds an option by its text, in any case of letters, or by its place
// from 1.
func OptionPlace(word string, options []string) (uint64, error) {
	word = strings.TrimSpace(word)
	found := 0
	for i, o := range options {
		switch {
		case o == word:
			return uint64(i + 1), nil
		case strings.EqualFold(o, word) && found == 0:
			found = i + 1
		case strings.EqualFold(o, word):
			return 0, fmt.Errorf("%q: %w: it could be option %d or %d; say the number", word, icn.ErrInvalid, found, i+1)
		}
	}
	if n, err := strconv.Atoi(word); found == 0 && err == nil && n >= 1 && n <= len(options) {
		found = n
	}
	if found == 0 {
		return 0, fmt.Errorf("%.60q: %w: there is no such option; they are: %s", word, icn.ErrInvalid, strings.Join(options, ", "))
	}
	return uint64(found), nil
}

// ReadScope reads what a delegation is good for: all, a kind of motion, or a
// proposal's id.
func ReadScope(s string) (icn.Scope, error) {
	switch {
	case s == "" || s == "all":
		return icn.Scope{}, nil
	case slices.Contains(icn.MotionKinds(), s):
		return icn.Scope{Kind: s}, nil
	}
	c, err := icn.ParseCID(s)
	if err != nil {
		return icn.Scope{}, &FieldError{Path: "scope", Reason: fmt.Sprintf("%.40q: want all, a proposal's id, or a kind of motion: %s", s, strings.Join(icn.MotionKinds(), ", "))}
	}
	return icn.Scope{Proposal: c}, nil
}
