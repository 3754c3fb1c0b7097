package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// motionArgs are what a motion is made of on the command line.
type motionArgs struct {
	args                        []string
	role, name, reason, purpose string
	lapse                       string
	who                         func(string) (icn.DID, error) // a DID, or a member's or node's name
}

// motionKinds is the one table of motions that can be proposed here.
var motionKinds = []struct {
	kind, args, does string
	low, high        int // of arguments; high < 0: any number
	make             func(m motionArgs) (icn.Motion, error)
}{
	{"text", "TEXT", "words, or a question with options", 1, 1, func(m motionArgs) (icn.Motion, error) { return icn.Declare{Text: m.args[0]}, nil }},
	{"parameters", "NAME=VALUE...", "other rules; see governance parameters", 1, -1, settings},
	{"admit", "DID --name NAME [--role organisation]", "take somebody in", 1, 1, admission},
	{"remove", "MEMBER [--reason WHY]", "end a membership", 1, 1, func(m motionArgs) (icn.Motion, error) {
		d, err := m.who(m.args[0])
		return icn.RemoveMember{Member: d, Reason: m.reason}, err
	}},
	{"suspend", "MEMBER [--for 30d] [--reason WHY]", "take a member off the roll for a while", 1, 1, suspension},
	{"reinstate", "MEMBER", "end a suspension", 1, 1, func(m motionArgs) (icn.Motion, error) {
		d, err := m.who(m.args[0])
		return icn.ReinstateMember{Member: d}, err
	}},
	{"budget", "MEMBER AMOUNT [--purpose WHAT]", "give capacity to somebody", 2, 2, budget},
	{"upgrade", "VERSION", "ask operators to install a release", 1, 1, func(m motionArgs) (icn.Motion, error) { return icn.NoticeUpgrade{Version: m.args[0]}, nil }},
	{"resolution", "ACTION=CID-or-MEMBER...", "pause-credential, resume-credential, freeze-reputation, thaw-reputation", 1, -1, resolution},
	{"clerks", "NODE...", "who orders the log first", 1, -1, func(m motionArgs) (icn.Motion, error) {
		all, err := m.all()
		return icn.SetClerks{Nodes: all}, err
	}},
	{"expel", "NODE [--reason WHY]", "take a node out", 1, 1, func(m motionArgs) (icn.Motion, error) {
		d, err := m.who(m.args[0])
		return icn.ExpelNode{Node: d, Reason: m.reason}, err
	}},
	{"veto-group", "MEMBER...", "who can stop what was accepted; nobody, if none is named", 0, -1, func(m motionArgs) (icn.Motion, error) {
		all, err := m.all()
		return icn.SetVetoGroup{Members: all}, err
	}},
}

// motionHelp is the table for the manual.
func motionHelp() string {
	var b strings.Builder
	b.WriteString("Kinds:\n")
	for _, k := range motionKinds {
		fmt.Fprintf(&b, "  %-52s %s\n", k.kind+" "+k.args, k.does)
	}
	return b.String()
}

// readMotion makes a motion of a kind.
func readMotion(kind string, m motionArgs) (icn.Motion, error) {
	for _, k := range motionKinds {
		if k.kind != kind {
			continue
		}
		if n := len(m.args); n < k.low || k.high >= 0 && n > k.high {
			return nil, usageError{fmt.Sprintf("want: propose %s %s", k.kind, k.args), "icn-cli governance propose"}
		}
		motion, err := k.make(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		return motion, nil
	}
	return nil, usageError{fmt.Sprintf("there is nothing of the kind %q to propose; one of %s", kind, strings.Join(icn.MotionKinds(), ", ")), "icn-cli governance propose"}
}

// all are the DIDs of all arguments.
func (m motionArgs) all() ([]icn.DID, error) {
	var out []icn.DID
	for _, arg := range m.args {
		d, err := m.who(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func settings(m motionArgs) (icn.Motion, error) {
	var out icn.SetRules
	for _, arg := range m.args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("%w: %q: want NAME=VALUE", icn.ErrInvalid, arg)
		}
		if !slices.Contains(icn.RuleNames(), name) {
			return nil, fmt.Errorf("%w: there is no parameter %q; see: icn-cli governance parameters", icn.ErrInvalid, name)
		}
		n, err := readSetting(name, value)
		if err != nil {
			return nil, err
		}
		out.Settings = append(out.Settings, icn.Setting{Name: name, Value: n})
	}
	return out, nil
}

// readSetting reads a number, or what people write for one: 40% for thousandths, 3d
// for milliseconds.
func readSetting(name, value string) (uint64, error) {
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		return n, nil
	}
	if share, ok := readPercent(value); ok && strings.HasSuffix(name, "_permille") {
		return share, nil
	}
	if d, err := readLapse(value); err == nil && strings.HasSuffix(name, "_ms") {
		return uint64(d.Milliseconds()), nil
	}
	return 0, fmt.Errorf("%w: %s=%q: want a whole number (or 40%% for thousandths, 3d for milliseconds)", icn.ErrInvalid, name, value)
}

// readPercent reads a share into thousandths.
func readPercent(s string) (permille uint64, ok bool) {
	digits, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || f < 0 || f > 100 {
		return 0, false
	}
	return uint64(f*10 + 0.5), true
}

func admission(m motionArgs) (icn.Motion, error) {
	d, err := icn.ParseDID(m.args[0])
	if err != nil {
		return nil, err
	}
	if m.name == "" {
		return nil, fmt.Errorf("%w: who it is must be said with --name", icn.ErrInvalid)
	}
	a := icn.AdmitMember{Member: d, Name: m.name}
	if err := a.Role.UnmarshalText([]byte(m.role)); err != nil || a.Role == icn.RoleNode {
		return nil, fmt.Errorf("%w: --role is person or organisation, not %q", icn.ErrInvalid, m.role)
	}
	return a, nil
}

func suspension(m motionArgs) (icn.Motion, error) {
	d, err := m.who(m.args[0])
	s := icn.SuspendMember{Member: d, Reason: m.reason}
	if err == nil && m.lapse != "" {
		lapse, lerr := readLapse(m.lapse)
		s.Millis, err = uint64(lapse.Milliseconds()), lerr
	}
	return s, err
}

func budget(m motionArgs) (icn.Motion, error) {
	d, err := m.who(m.args[0])
	if err != nil {
		return nil, err
	}
	amount, err := strconv.ParseUint(m.args[1], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no amount: want a whole number", icn.ErrInvalid, m.args[1])
	}
	return icn.GrantBudget{To: d, Amount: amount, Purpose: m.purpose}, nil
}

// actions are the words of a resolution's actions here.
var actions = map[string]string{"pause-credential": icn.PauseCredential, "resume-credential": icn.ResumeCredential,
	"freeze-reputation": icn.FreezeReputation, "thaw-reputation": icn.ThawReputation}

func resolution(m motionArgs) (icn.Motion, error) {
	var out icn.Resolve
	for _, arg := range m.args {
		do, about, _ := strings.Cut(arg, "=")
		a := icn.Action{Do: actions[do]}
		var err error
		switch a.Do {
		case icn.PauseCredential, icn.ResumeCredential:
			a.Credential, err = icn.ParseCID(about)
		case icn.FreezeReputation, icn.ThawReputation:
			a.Who, err = m.who(about)
		default:
			err = fmt.Errorf("%w: %q is no action: pause-credential=CID, resume-credential=CID, freeze-reputation=MEMBER or thaw-reputation=MEMBER", icn.ErrInvalid, do)
		}
		if err != nil {
			return nil, err
		}
		out.Actions = append(out.Actions, a)
	}
	return out, nil
}
