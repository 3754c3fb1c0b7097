// Package shown makes what others wrote (a proposal's text, a name, a reason) safe to
// show in a terminal.
//
// The invariant: nothing that it returns steers the terminal or turns the direction of
// what stands beside it. Of what cannot be seen, that which joins letters and signs
// stays: without it words of some scripts are spelt wrong.
//
// It does not judge what the words say, or tell letters apart that look alike.
//
//	fmt.Println(shown.Text(proposal.Text)) // lines stay lines
//	fmt.Printf("Name  %s\n", shown.Line(name))
package shown

import (
	"strings"
	"unicode"
)

// Text is for what may have several lines: line ends and tabs stay.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return one(r)
	}, s)
}

// Line is for what stands in one line: it stays one.
func Line(s string) string { return strings.Map(one, s) }

func one(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
		return unicode.ReplacementChar
	}
	return r
}
