package node

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// picture is a machine as far as people notice when something changes.
type picture struct {
	rules  icn.Rules
	clerks []icn.DID
	nodes  []icn.DID
	roll   []icn.DID // members in good standing
	people map[icn.DID]mana.Account
	all    []icn.DID // the keys of people, in order
	frozen []icn.DID
}

// survey takes a picture.
func survey(m *core.Machine) picture {
	p := picture{rules: m.Rules(), people: map[icn.DID]mana.Account{}}
	now := m.Head().Time
	add := func(d icn.DID) {
		if _, twice := p.people[d]; twice {
			return
		}
		if a, ok := m.Account(d, now); ok {
			p.people[d] = a
			p.all = append(p.all, d)
		}
	}
	for _, c := range m.Clerks() {
		p.clerks = append(p.clerks, c.DID)
	}
	for _, n := range m.Nodes() {
		p.nodes = append(p.nodes, n.DID)
		add(n.DID)
	}
	m.Members(func(d icn.DID, x identity.Member) bool {
		if x.Standing == identity.Good {
			p.roll = append(p.roll, d)
		}
		add(d)
		return true
	})
	m.FrozenOnes(func(d icn.DID) bool {
		p.frozen = append(p.frozen, d)
		return true
	})
	return p
}

// namer gives names to DIDs as the federation knows them.
func namer(m *core.Machine) func(icn.DID) string {
	return func(d icn.DID) string {
		name := ""
		if x, ok := m.Member(d); ok {
			name = x.Name
		} else if n, ok := m.Node(d); ok {
			name = n.Name
		}
		if name == "" {
			return d.String()
		}
		return fmt.Sprintf("%s (%s)", name, d)
	}
}

// compare says in words and numbers how two pictures differ, and what the vote on the
// proposal needs.
func compare(a, b picture, p governance.Proposal, m *core.Machine) []string {
	name := namer(m)
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, rule := range icn.RuleNames() {
		was, _ := a.rules.Get(rule)
		if is, _ := b.rules.Get(rule); is != was {
			say("%s: was %d, becomes %d.", rule, was, is)
		}
	}
	if !slices.Equal(a.clerks, b.clerks) {
		say("The clerks would be %s; today they are %s.", names(b.clerks, name), names(a.clerks, name))
	}
	if gone := without(a.nodes, b.nodes); len(gone) > 0 {
		say("%s would no longer belong: no jobs go there, and jobs under way there begin anew elsewhere.", names(gone, name))
	}
	if gone := without(a.roll, b.roll); len(gone) > 0 {
		say("%s would no longer be on the roll of members: %d instead of %d.", names(gone, name), len(b.roll), len(a.roll))
	}
	if come := without(b.roll, a.roll); len(come) > 0 {
		say("%s would be on the roll of members: %d instead of %d.", names(come, name), len(b.roll), len(a.roll))
	}
	out = append(out, compareAccounts(a, b, name)...)
	for _, who := range []struct {
		of   []icn.DID
		what string
	}{{without(b.frozen, a.frozen), "nothing; jobs that ask for a reputation would pass them by"}, {without(a.frozen, b.frozen), "what it is again"}} {
		if len(who.of) > 0 {
			say("The reputation of %s would count for %s.", names(who.of, name), who.what)
		}
	}
	if len(out) == 0 {
		say("Nothing would change by itself.")
	}
	return append(out, needs(p, m))
}

// compareAccounts says whose capacity changes, or its limits.
func compareAccounts(a, b picture, name func(icn.DID) string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	var over, low, high, up, poor []icn.DID
	for _, d := range b.all {
		x, known := a.people[d]
		y := b.people[d]
		switch {
		case !known:
			say("%s would get an account with %d of capacity.", name(d), y.Balance)
			continue
		case y.Balance != x.Balance:
			say("The balance of %s would be %d; today it is %d.", name(d), y.Balance, x.Balance)
		}
		if y.Balance+y.Held > y.Cap(b.rules) && x.Balance+x.Held <= x.Cap(a.rules) {
			over = append(over, d)
		}
		switch {
		case x.Tier == y.Tier:
		case y.Tier == icn.TierLow:
			low = append(low, d)
		case y.Tier == icn.TierHigh:
			high = append(high, d)
		default:
			up = append(up, d)
		}
		if slices.Contains(b.roll, d) && y.Balance < b.rules.ProposalCost && x.Balance >= a.rules.ProposalCost {
			poor = append(poor, d)
		}
	}
	for _, x := range []struct {
		of   []icn.DID
		what string
	}{
		{over, "would have more than the new cap: it keeps that, and regenerates nothing until it is below"},
		{low, "would drop below low_reputation: capacity grows more slowly there"},
		{high, "would be in the high tier: capacity grows faster there"},
		{up, "would be in the normal tier"},
		{poor, "could no longer pay for a proposal at the moment"},
	} {
		if len(x.of) > 0 {
			say("%d of %d accounts %s: %s.", len(x.of), len(b.all), x.what, names(x.of, name))
		}
	}
	return out
}

// needs says what the vote needs.
func needs(p governance.Proposal, m *core.Machine) string {
	roll, needed, threshold := p.Vote.Roll, p.Vote.Needed, p.Vote.Threshold
	if p.Vote.Opened == 0 {
		rules := m.Rules()
		roll = uint64(len(m.Roll(m.Head().Index, p.Electorate)))
		needed = tally.Needed(roll, max(p.QuorumPermille, rules.Quorum), p.QuorumCount)
		threshold = max(p.ThresholdPermille, rules.Threshold)
	}
	if p.Method != icn.YesNo {
		return fmt.Sprintf("The vote needs %d of %d voters to take part, and an option that wins.", needed, roll)
	}
	return fmt.Sprintf("The vote needs %d of %d voters to take part, more yes than no, and at least %s %% yes of both.", needed, roll,
		strings.TrimSuffix(fmt.Sprintf("%.1f", float64(threshold)/10), ".0"))
}

// without are those of a that are not in b.
func without(a, b []icn.DID) []icn.DID {
	in := make(map[icn.DID]bool, len(b))
	for _, d := range b {
		in[d] = true
	}
	var out []icn.DID
	for _, d := range a {
		if !in[d] {
			out = append(out, d)
		}
	}
	return out
}

// maxNamed is how many are named before the rest is only counted.
const maxNamed = 10

func names(all []icn.DID, name func(icn.DID) string) string {
	var words []string
	for _, d := range all[:min(len(all), maxNamed)] {
		words = append(words, name(d))
	}
	out := strings.Join(words, ", ")
	if more := len(all) - maxNamed; more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}
