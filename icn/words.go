package icn

import (
	"fmt"
	"strconv"
	"strings"
)

// MotionWords say what a motion does, for who is to vote on it: "take in Ann as a
// person (did:key:…)". They tell all of it, so that two motions that differ read
// differently.
func MotionWords(m Motion) string {
	switch m := m.(type) {
	case SetRules:
		var parts []string
		for _, s := range m.Settings {
			parts = append(parts, s.Name+" = "+strconv.FormatUint(s.Value, 10)+lapseOf(s))
		}
		return "change the rules: " + strings.Join(parts, ", ")
	case AdmitMember:
		return fmt.Sprintf("take in %s as %s (%s)", quote(m.Name), article(m.Role.String()), m.Member)
	case RemoveMember:
		return "end the membership of " + m.Member.String() + because(m.Reason)
	case SuspendMember:
		until := "until it is reinstated"
		if m.Millis > 0 {
			until = "for " + Lapse(m.Millis)
		}
		return fmt.Sprintf("suspend %s %s%s", m.Member, until, because(m.Reason))
	case ReinstateMember:
		return "reinstate " + m.Member.String()
	case GrantBudget:
		return fmt.Sprintf("give %d of capacity to %s%s", m.Amount, m.To, because(m.Purpose))
	case NoticeUpgrade:
		return "ask operators to install release " + quote(m.Version)
	case Declare:
		return m.Text
	case Resolve:
		var parts []string
		for _, a := range m.Actions {
			parts = append(parts, actionWords(a))
		}
		return "resolve to " + strings.Join(parts, "; ")
	case SetClerks:
		return "let these nodes order the log first: " + names(m.Nodes)
	case ExpelNode:
		return "take the node " + m.Node.String() + " out of the federation" + because(m.Reason)
	case SetVetoGroup:
		if len(m.Members) == 0 {
			return "have no veto group"
		}
		return "let these members stop what was accepted: " + names(m.Members)
	}
	return "nothing that this release knows"
}

func actionWords(a Action) string {
	switch a.Do {
	case PauseCredential:
		return "pause the credential " + a.Credential.String()
	case ResumeCredential:
		return "let the credential " + a.Credential.String() + " count again"
	case FreezeReputation:
		return "freeze the reputation of " + a.Who.String()
	case ThawReputation:
		return "let the reputation of " + a.Who.String() + " count again"
	}
	return a.Do
}

// OpWords say what an operation does, for who signs it, from the operation alone.
// Those of programs and nodes have their kind for a word.
func OpWords(op Op) string {
	switch o := op.(type) {
	case MemberLeave:
		return "leave the federation"
	case GuardiansSet:
		if len(o.Guardians) == 0 {
			return "have no guardians"
		}
		return fmt.Sprintf("let %d of these guardians give me a new key together: %s", o.Needed, names(o.Guardians))
	case RecoverySupport:
		return fmt.Sprintf("support that %s has the key %s from now on", o.Member, o.Key)
	case RecoveryVeto:
		return "stop the recovery of my key"
	case KeyRotate:
		return "sign with the key " + o.Key.String() + " from now on"
	case ProposalCreate:
		what := "propose"
		if o.Draft {
			what = "draft"
		}
		return what + " " + proposalWords(o.Proposal)
	case ProposalAmend:
		return fmt.Sprintf("change the draft %s to %s", o.ID, proposalWords(o.Proposal))
	case ProposalAdvance:
		return "put forward " + o.ID.String()
	case ProposalSponsor:
		return "sponsor " + o.ID.String()
	case ProposalWithdraw:
		return "withdraw " + o.ID.String()
	case ProposalVeto:
		return "veto " + o.ID.String() + because(o.Reason)
	case ProposalClose:
		return "close the vote on " + o.ID.String()
	case BallotCast:
		who := ""
		if !o.For.IsZero() {
			who = " in the name of " + o.For.String()
		}
		return fmt.Sprintf("vote%s on %s: %s", who, o.Proposal, choiceNumbers(o.Choice))
	case DelegationSet:
		return delegationWords(o)
	case DelegationRevoke:
		return "take back my delegation of " + scopeWords(o.Scope)
	}
	return op.Kind()
}

// choiceNumbers are a ballot's choice where its proposal is not at hand: what one
// number means depends on that.
func choiceNumbers(choice []uint64) string {
	switch {
	case len(choice) == 0:
		return "abstain"
	case len(choice) == 1 && choice[0] <= No:
		return fmt.Sprintf("%s (where there are options: %d)", [...]string{"abstain", "yes", "no"}[choice[0]], choice[0])
	}
	parts := make([]string, len(choice))
	for i, c := range choice {
		parts[i] = strconv.FormatUint(c, 10)
	}
	return strings.Join(parts, ", ")
}

// ChoiceWords say what a ballot says.
func ChoiceWords(m Method, options []string, choice []uint64) string {
	if len(choice) == 0 {
		return "abstain"
	}
	if m == YesNo {
		if len(choice) == 1 && choice[0] <= No {
			return [...]string{"abstain", "yes", "no"}[choice[0]]
		}
		return choiceNumbers(choice)
	}
	var parts []string
	for i, c := range choice {
		place := c
		if m == Weighted || m == Quadratic {
			place = uint64(i) + 1
		}
		name := "option " + strconv.FormatUint(place, 10)
		if place >= 1 && place <= uint64(len(options)) {
			name = options[place-1]
		}
		switch {
		case m == Ranked:
			parts = append(parts, fmt.Sprintf("%d. %s", i+1, name))
		case m == Approval:
			parts = append(parts, name)
		case c > 0:
			parts = append(parts, fmt.Sprintf("%s: %d", name, c))
		}
	}
	return strings.Join(parts, ", ")
}

func proposalWords(p Proposal) string {
	s := quote(p.Title) + ": " + MotionWords(p.Motion)
	if len(p.Options) > 0 {
		s += fmt.Sprintf(" (%s: %s)", p.Method, strings.Join(p.Options, ", "))
	}
	return s + "; " + p.Electorate.String() + " vote"
}

func delegationWords(o DelegationSet) string {
	s := fmt.Sprintf("let the vote of %s count for mine on %s", o.To, scopeWords(o.Scope))
	if o.Proxy {
		s = fmt.Sprintf("make %s my proxy for %s", o.To, scopeWords(o.Scope))
	}
	if o.Expires != 0 {
		s += " until " + o.Expires.UTC()
	}
	return s
}

func scopeWords(s Scope) string {
	switch {
	case s.Proposal.Defined():
		return "the proposal " + s.Proposal.String()
	case s.Kind != "":
		return "all proposals of the kind " + s.Kind
	}
	return "all proposals"
}

func names(all []DID) string {
	parts := make([]string, len(all))
	for i, d := range all {
		parts[i] = d.String()
	}
	return strings.Join(parts, ", ")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func article(word string) string {
	if strings.ContainsAny(word[:1], "aeiou") {
		return "an " + word
	}
	return "a " + word
}

func quote(s string) string { return "“" + s + "”" }

// lapseOf says what a parameter in milliseconds is for people.
func lapseOf(s Setting) string {
	if !strings.HasSuffix(s.Name, "_ms") || s.Value < 1000 {
		return ""
	}
	return " (" + Lapse(s.Value) + ")"
}

// Lapse is a number of milliseconds as people say it, exactly.
func Lapse(millis uint64) string {
	for _, unit := range []struct {
		millis uint64
		name   string
	}{{86_400_000, "day"}, {3_600_000, "hour"}, {60_000, "minute"}, {1000, "second"}} {
		if millis > 0 && millis%unit.millis == 0 {
			n := millis / unit.millis
			if n == 1 {
				return "1 " + unit.name
			}
			return strconv.FormatUint(n, 10) + " " + unit.name + "s"
		}
	}
	return strconv.FormatUint(millis, 10) + " ms"
}

// UTC is a moment as people write it, such as 2026-11-28 23:45:00 UTC. (The calendar's
// arithmetic is that of https://howardhinnant.github.io/date_algorithms.html, from
// days to civil dates.)
func (t Time) UTC() string {
	secs := int64(max(t, 0)) / 1000
	days, rest := secs/86_400+719_468, secs%86_400
	era, doe := days/146_097, days%146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month, day := yoe+era*400, mp+3, doy-(153*mp+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d UTC", year, month, day, rest/3600, rest/60%60, rest%60)
}
