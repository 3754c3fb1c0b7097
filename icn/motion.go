package icn

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Motion is what a proposal does when it is accepted: a sealed sum of plain structs.
// On the wire it is a tuple whose first item is its kind.
type Motion interface {
	// MotionKind is the motion's name on the wire and in JSON.
	MotionKind() string
	motionFields() int
	appendMotion(b []byte) []byte
}

// Limits of a motion's lists.
const (
	maxSettings = 64
	maxActions  = 64
	maxPanel    = 64 // of clerks, of a veto group
)

// The motions.
type (
	// SetRules changes parameters, all of them in one step.
	SetRules struct {
		Settings []Setting `json:"settings"`
	}
	// AdmitMember takes a person or an organisation in.
	AdmitMember struct {
		Member DID    `json:"member"`
		Role   Role   `json:"role"`
		Name   string `json:"name"`
	}
	// RemoveMember ends a membership.
	RemoveMember struct {
		Member DID    `json:"member"`
		Reason string `json:"reason"`
	}
	// SuspendMember takes a member off the roll until it is reinstated, or for Millis.
	SuspendMember struct {
		Member DID    `json:"member"`
		Millis uint64 `json:"for_ms"` // 0 = until it is reinstated
		Reason string `json:"reason"`
	}
	// ReinstateMember ends a suspension.
	ReinstateMember struct {
		Member DID `json:"member"`
	}
	// GrantBudget gives capacity to an account: of a member, an organisation, a node.
	GrantBudget struct {
		To      DID    `json:"to"`
		Amount  uint64 `json:"amount"`
		Purpose string `json:"purpose"`
	}
	// NoticeUpgrade tells operators which release to install.
	NoticeUpgrade struct {
		Version string `json:"version"`
	}
	// Declare is words alone, or a question with options.
	Declare struct {
		Text string `json:"text"`
	}
	// Resolve pauses credentials and freezes reputations, or lifts that.
	Resolve struct {
		Actions []Action `json:"actions"`
	}
	// SetClerks says which nodes order the log first; the longest admitted ones fill
	// the places that are left.
	SetClerks struct {
		Nodes []DID `json:"nodes"`
	}
	// ExpelNode takes a node out of the federation.
	ExpelNode struct {
		Node   DID    `json:"node"`
		Reason string `json:"reason"`
	}
	// SetVetoGroup says who can stop what was accepted.
	SetVetoGroup struct {
		Members []DID `json:"members"`
	}
)

// Setting is a parameter's new value.
type Setting struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Action is a step of a resolution: on a credential or on somebody's reputation.
type Action struct {
	Do         string `json:"action"` // PauseCredential, ResumeCredential, FreezeReputation or ThawReputation
	Credential CID    `json:"cid,omitzero"`
	Who        DID    `json:"did,omitzero"`
}

// UnmarshalJSON reads an action; its CID stands for itself or is a link.
func (a *Action) UnmarshalJSON(b []byte) error {
	var w struct {
		Do         string          `json:"action"`
		Credential json.RawMessage `json:"cid"`
		Who        DID             `json:"did"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*a = Action{Do: w.Do, Who: w.Who}
	if len(w.Credential) == 0 || string(w.Credential) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(w.Credential, &text) != nil {
		return json.Unmarshal(w.Credential, &a.Credential)
	}
	c, err := ParseCID(text)
	a.Credential = c
	return err
}

// The actions' words.
const (
	PauseCredential  = "PauseCredential"
	ResumeCredential = "ResumeCredential"
	FreezeReputation = "FreezeReputation"
	ThawReputation   = "ThawReputation"
)

// motions is the one table of motion kinds.
var motions = map[string]struct {
	fields int
	read   func(*Reader) Motion
	json   func([]byte) (Motion, error)
}{
	SetRules{}.MotionKind(): {1, func(r *Reader) Motion {
		var m SetRules
		for range r.Array(maxSettings) {
			r.Tuple(2)
			m.Settings = append(m.Settings, Setting{Name: r.Text(64), Value: r.Uint()})
			if r.err != nil {
				break
			}
		}
		return m
	}, motionJSON[SetRules]},
	AdmitMember{}.MotionKind(): {3, func(r *Reader) Motion {
		return AdmitMember{Member: r.DID(), Role: r.memberRole(), Name: r.Text(128)}
	}, motionJSON[AdmitMember]},
	RemoveMember{}.MotionKind(): {2, func(r *Reader) Motion {
		return RemoveMember{Member: r.DID(), Reason: r.Text(MaxReason)}
	}, motionJSON[RemoveMember]},
	SuspendMember{}.MotionKind(): {3, func(r *Reader) Motion {
		return SuspendMember{Member: r.DID(), Millis: r.Uint(), Reason: r.Text(MaxReason)}
	}, motionJSON[SuspendMember]},
	ReinstateMember{}.MotionKind(): {1, func(r *Reader) Motion { return ReinstateMember{Member: r.DID()} }, motionJSON[ReinstateMember]},
	GrantBudget{}.MotionKind(): {3, func(r *Reader) Motion {
		return GrantBudget{To: r.DID(), Amount: r.Uint(), Purpose: r.Text(MaxReason)}
	}, motionJSON[GrantBudget]},
	NoticeUpgrade{}.MotionKind(): {1, func(r *Reader) Motion { return NoticeUpgrade{Version: r.Text(64)} }, motionJSON[NoticeUpgrade]},
	Declare{}.MotionKind():       {1, func(r *Reader) Motion { return Declare{Text: r.Text(MaxText)} }, motionJSON[Declare]},
	Resolve{}.MotionKind(): {1, func(r *Reader) Motion {
		var m Resolve
		for range r.Array(maxActions) {
			m.Actions = append(m.Actions, r.action())
			if r.err != nil {
				break
			}
		}
		return m
	}, motionJSON[Resolve]},
	SetClerks{}.MotionKind(): {1, func(r *Reader) Motion { return SetClerks{Nodes: r.dids(maxPanel)} }, motionJSON[SetClerks]},
	ExpelNode{}.MotionKind(): {2, func(r *Reader) Motion { return ExpelNode{Node: r.DID(), Reason: r.Text(MaxReason)} }, motionJSON[ExpelNode]},
	SetVetoGroup{}.MotionKind(): {1, func(r *Reader) Motion {
		return SetVetoGroup{Members: r.dids(maxPanel)}
	}, motionJSON[SetVetoGroup]},
}

// MotionKinds are the kinds' words, sorted.
func MotionKinds() []string {
	var out []string
	for k := range motions { // order: sorted below
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func appendMotion(b []byte, m Motion) []byte {
	return m.appendMotion(AppendText(AppendArray(b, 1+m.motionFields()), m.MotionKind()))
}

func readMotion(r *Reader) Motion {
	n := r.Array(16)
	kind := r.Text(64)
	if r.err != nil {
		return nil
	}
	d, ok := motions[kind]
	if !ok {
		r.err = fmt.Errorf("byte %d: %w: motion %q", r.off, ErrUnknownKind, clip(kind))
		return nil
	}
	if n != 1+d.fields {
		r.Fail("motion %s has %d fields, want %d", kind, n-1, d.fields)
		return nil
	}
	return d.read(r)
}

func (r *Reader) memberRole() Role {
	v := r.role()
	if r.err == nil && v == RoleNode {
		r.Fail("a node is no member")
	}
	return v
}

func (r *Reader) dids(max int) []DID {
	var out []DID
	for range r.Array(max) {
		out = append(out, r.DID())
		if r.err != nil {
			return nil
		}
	}
	return out
}

// AppendDIDs appends a list of DIDs.
func AppendDIDs(b []byte, all []DID) []byte {
	b = AppendArray(b, len(all))
	for _, d := range all {
		b = AppendDID(b, d)
	}
	return b
}

// DIDs reads a list of at most max DIDs.
func (r *Reader) DIDs(max int) []DID { return r.dids(max) }

func (r *Reader) action() (a Action) {
	r.Tuple(2)
	switch a.Do = r.Text(32); a.Do {
	case PauseCredential, ResumeCredential:
		a.Credential = r.MustCID()
	case FreezeReputation, ThawReputation:
		a.Who = r.DID()
	default:
		if r.err == nil {
			r.Fail("action %q", clip(a.Do))
		}
	}
	return a
}

func (a Action) append(b []byte) []byte {
	b = AppendText(AppendArray(b, 2), a.Do)
	if a.Do == PauseCredential || a.Do == ResumeCredential {
		return AppendCID(b, a.Credential)
	}
	return AppendDID(b, a.Who)
}

// MotionKind implements Motion.
func (SetRules) MotionKind() string { return "parameters" }

// MotionKind implements Motion.
func (AdmitMember) MotionKind() string { return "admit" }

// MotionKind implements Motion.
func (RemoveMember) MotionKind() string { return "remove" }

// MotionKind implements Motion.
func (SuspendMember) MotionKind() string { return "suspend" }

// MotionKind implements Motion.
func (ReinstateMember) MotionKind() string { return "reinstate" }

// MotionKind implements Motion.
func (GrantBudget) MotionKind() string { return "budget" }

// MotionKind implements Motion.
func (NoticeUpgrade) MotionKind() string { return "upgrade" }

// MotionKind implements Motion.
func (Declare) MotionKind() string { return "text" }

// MotionKind implements Motion.
func (Resolve) MotionKind() string { return "resolution" }

// MotionKind implements Motion.
func (SetClerks) MotionKind() string { return "clerks" }

// MotionKind implements Motion.
func (ExpelNode) MotionKind() string { return "expel" }

// MotionKind implements Motion.
func (SetVetoGroup) MotionKind() string { return "veto-group" }

func (SetRules) motionFields() int        { return 1 }
func (AdmitMember) motionFields() int     { return 3 }
func (RemoveMember) motionFields() int    { return 2 }
func (SuspendMember) motionFields() int   { return 3 }
func (ReinstateMember) motionFields() int { return 1 }
func (GrantBudget) motionFields() int     { return 3 }
func (NoticeUpgrade) motionFields() int   { return 1 }
func (Declare) motionFields() int         { return 1 }
func (Resolve) motionFields() int         { return 1 }
func (SetClerks) motionFields() int       { return 1 }
func (ExpelNode) motionFields() int       { return 2 }
func (SetVetoGroup) motionFields() int    { return 1 }

func (m SetRules) appendMotion(b []byte) []byte {
	b = AppendArray(b, len(m.Settings))
	for _, s := range m.Settings {
		b = AppendUint(AppendText(AppendArray(b, 2), s.Name), s.Value)
	}
	return b
}
func (m AdmitMember) appendMotion(b []byte) []byte {
	return AppendText(AppendUint(AppendDID(b, m.Member), uint64(m.Role)), m.Name)
}
func (m RemoveMember) appendMotion(b []byte) []byte {
	return AppendText(AppendDID(b, m.Member), m.Reason)
}
func (m SuspendMember) appendMotion(b []byte) []byte {
	return AppendText(AppendUint(AppendDID(b, m.Member), m.Millis), m.Reason)
}
func (m ReinstateMember) appendMotion(b []byte) []byte { return AppendDID(b, m.Member) }
func (m GrantBudget) appendMotion(b []byte) []byte {
	return AppendText(AppendUint(AppendDID(b, m.To), m.Amount), m.Purpose)
}
func (m NoticeUpgrade) appendMotion(b []byte) []byte { return AppendText(b, m.Version) }
func (m Declare) appendMotion(b []byte) []byte       { return AppendText(b, m.Text) }
func (m Resolve) appendMotion(b []byte) []byte {
	b = AppendArray(b, len(m.Actions))
	for _, a := range m.Actions {
		b = a.append(b)
	}
	return b
}
func (m SetClerks) appendMotion(b []byte) []byte { return AppendDIDs(b, m.Nodes) }
func (m ExpelNode) appendMotion(b []byte) []byte { return AppendText(AppendDID(b, m.Node), m.Reason) }
func (m SetVetoGroup) appendMotion(b []byte) []byte {
	return AppendDIDs(b, m.Members)
}

func motionJSON[T Motion](b []byte) (Motion, error) {
	var v T
	err := json.Unmarshal(b, &v)
	return v, err
}

// MotionJSON is a motion in JSON: {"kind": …, its fields}.
type MotionJSON struct{ Motion }

// MarshalJSON writes the kind beside the motion's fields.
func (m MotionJSON) MarshalJSON() ([]byte, error) {
	if m.Motion == nil {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Kind string `json:"kind"`
		Data Motion `json:"data"`
	}{m.MotionKind(), m.Motion})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *MotionJSON) UnmarshalJSON(b []byte) error {
	var w struct {
		Kind string          `json:"kind"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("motion: %w: %v", ErrInvalid, err)
	}
	d, ok := motions[w.Kind]
	if !ok {
		return fmt.Errorf("motion %q: %w: one of %v", clip(w.Kind), ErrInvalid, MotionKinds())
	}
	read, err := d.json(w.Data)
	if err != nil {
		return fmt.Errorf("motion %s: %w: %v", w.Kind, ErrInvalid, err)
	}
	m.Motion = read
	return nil
}
