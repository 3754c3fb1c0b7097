package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// MotionWords says what a motion does, for people. Name gives a name to a DID; nil:
// DIDs stand for themselves.
func MotionWords(m icn.Motion, name func(icn.DID) string) string {
	if name == nil {
		name = icn.DID.String
	}
	switch m := m.(type) {
	case icn.SetRules:
		var words []string
		for _, s := range m.Settings {
			words = append(words, fmt.Sprintf("%s becomes %s", s.Name, RuleWords(s.Name, s.Value)))
		}
		return "Change the rules: " + strings.Join(words, ", ")
	case icn.AdmitMember:
		return strings.TrimRight(fmt.Sprintf("Take in %s as a %s, under the name %q", name(m.Member), m.Role, m.Name), " ")
	case icn.RemoveMember:
		return because(fmt.Sprintf("End the membership of %s", name(m.Member)), m.Reason)
	case icn.SuspendMember:
		how := "until it is reinstated"
		if m.Millis > 0 {
			how = "for " + span(m.Millis)
		}
		return because(fmt.Sprintf("Suspend %s %s", name(m.Member), how), m.Reason)
	case icn.ReinstateMember:
		return fmt.Sprintf("End the suspension of %s", name(m.Member))
	case icn.GrantBudget:
		words := fmt.Sprintf("Give %d of capacity to %s", m.Amount, name(m.To))
		if m.Purpose != "" {
			words += ", for: " + m.Purpose
		}
		return words
	case icn.NoticeUpgrade:
		return fmt.Sprintf("Tell operators to install release %s", m.Version)
	case icn.Declare:
		if m.Text == "" {
			return "Words alone: it changes nothing by itself"
		}
		return "Declare: " + m.Text
	case icn.Resolve:
		var words []string
		for _, a := range m.Actions {
			words = append(words, actionWords(a, name))
		}
		return strings.Join(words, "; ")
	case icn.SetClerks:
		return "These nodes order the log first: " + list(m.Nodes, name, "none in particular, the longest admitted ones")
	case icn.ExpelNode:
		return because(fmt.Sprintf("Take the node %s out of the federation", name(m.Node)), m.Reason)
	case icn.SetVetoGroup:
		return "These members can stop what was accepted: " + list(m.Members, name, "nobody")
	}
	return "A motion of an unknown kind"
}

func actionWords(a icn.Action, name func(icn.DID) string) string {
	switch a.Do {
	case icn.PauseCredential:
		return fmt.Sprintf("Credential %s does not count until it is resumed", a.Credential)
	case icn.ResumeCredential:
		return fmt.Sprintf("Credential %s counts again", a.Credential)
	case icn.FreezeReputation:
		return fmt.Sprintf("The reputation of %s counts for nothing until it is thawed", name(a.Who))
	}
	return fmt.Sprintf("The reputation of %s counts again", name(a.Who))
}

func because(words, reason string) string {
	if reason == "" {
		return words
	}
	return words + ", because: " + reason
}

func list(all []icn.DID, name func(icn.DID) string, none string) string {
	var words []string
	for _, d := range all {
		words = append(words, name(d))
	}
	if len(words) == 0 {
		return none
	}
	return strings.Join(words, ", ")
}

// maxSpan is the most milliseconds that a time.Duration holds.
const maxSpan = 1<<63/1_000_000 - 1

// span is a number of milliseconds in words.
func span(ms uint64) string {
	d := time.Duration(min(ms, maxSpan)) * time.Millisecond
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

// RuleWords is a parameter's value with its unit, by the parameter's name.
func RuleWords(name string, value uint64) string {
	switch {
	case strings.HasSuffix(name, "_ms") && value > 0:
		return fmt.Sprintf("%d (%s)", value, span(value))
	case strings.HasSuffix(name, "_permille"):
		return fmt.Sprintf("%d (%s %%)", value, strings.TrimSuffix(fmt.Sprintf("%.1f", float64(value)/10), ".0"))
	case strings.HasSuffix(name, "_bytes") && value >= 1<<20:
		return fmt.Sprintf("%d (%d MiB)", value, value>>20)
	}
	return fmt.Sprint(value)
}
