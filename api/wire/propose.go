package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Op makes the operation of what was sent, and the block with the whole text, if
// there is one.
func (p ProposalSubmit) Op() (icn.ProposalCreate, *icn.Block, error) {
	var none icn.ProposalCreate
	shape := func(path, format string, args ...any) (icn.ProposalCreate, *icn.Block, error) {
		return none, nil, &FieldError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	if p.Proposal == nil {
		return shape("proposal", "missing: what it does when it is accepted")
	}
	motion, err := p.Proposal.Motion()
	if err != nil {
		return none, nil, err
	}
	title, more, _ := strings.Cut(strings.TrimSpace(p.Description), "\n")
	title = strings.TrimSpace(title)
	switch {
	case title == "":
		return shape("description", "missing: its first line is the title")
	case len(title) > icn.MaxTitle:
		return shape("description", "its first line is the title and has %d bytes, at most %d; go on in the next line", len(title), icn.MaxTitle)
	case p.Threshold < 0 || p.Threshold > 1:
		return shape("threshold", "a share from 0 to 1, not %g", p.Threshold)
	case len(p.Options) > icn.MaxOptions:
		return shape("options", "%d of them, at most %d", len(p.Options), icn.MaxOptions)
	case len(p.Body) > icn.MaxBlock:
		return shape("body", "%d bytes, at most %d", len(p.Body), icn.MaxBlock)
	}
	for name, n := range map[string]uint64{"duration_secs": p.Duration, "timelock_delay": p.Timelock, "deliberation_secs": p.Deliberation} { // order: the first fault found is as good as another
		if n > 1<<40 {
			return shape(name, "too long")
		}
	}
	for i, o := range p.Options {
		if len(o) > icn.MaxOption {
			return shape(fmt.Sprintf("options[%d]", i), "%d bytes, at most %d", len(o), icn.MaxOption)
		}
	}
	out := icn.Proposal{Title: title, Motion: motion, Method: p.Method, Options: p.Options, Electorate: p.Electorate,
		QuorumCount: p.Quorum, QuorumPermille: p.QuorumShare, ThresholdPermille: uint64(math.Round(p.Threshold * 1000)),
		VotingMillis: p.Duration * 1000, TimelockMillis: p.Timelock * 1000, DeliberationMillis: p.Deliberation * 1000}
	if out.Method == 0 {
		out.Method = icn.YesNo
	}
	if out.Electorate == 0 {
		out.Electorate = icn.Members
	}
	text := []byte(p.Body)
	if len(text) == 0 && strings.TrimSpace(more) != "" {
		text = []byte(p.Description)
	}
	if len(text) == 0 {
		return icn.ProposalCreate{Draft: p.Draft, Proposal: out}, nil, nil
	}
	block := icn.NewBlock(icn.Raw, text)
	out.Body = block.CID
	return icn.ProposalCreate{Draft: p.Draft, Proposal: out}, &block, nil
}

// Motion reads a motion under one of its names.
func (k ProposalKind) Motion() (icn.Motion, error) {
	read := func(v any) error {
		if err := UnmarshalStrict(firstData(k.Data), v); err != nil {
			var f *FieldError
			if errors.As(err, &f) {
				return &FieldError{Path: strings.TrimSuffix(join("proposal.data", f.Path), "."), Reason: f.Reason}
			}
			return err
		}
		return nil
	}
	switch k.Type {
	case "SystemParameterChange":
		var d struct {
			Param string          `json:"param"`
			Value json.RawMessage `json:"value"`
		}
		if err := read(&d); err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(strings.Trim(string(d.Value), `" `), 10, 64)
		if err != nil {
			return nil, &FieldError{Path: "proposal.data.value", Reason: "want a whole number, not negative"}
		}
		return icn.SetRules{Settings: []icn.Setting{{Name: d.Param, Value: n}}}, nil
	case "MemberAdmission", "NewMemberInvitation":
		d := struct {
			DID  icn.DID  `json:"did"`
			Name string   `json:"name"`
			Role icn.Role `json:"role"`
		}{Role: icn.RolePerson}
		err := read(&d)
		return icn.AdmitMember{Member: d.DID, Role: d.Role, Name: d.Name}, err
	case "RemoveMember":
		var d struct {
			DID    icn.DID `json:"did"`
			Reason string  `json:"reason"`
		}
		err := read(&d)
		return icn.RemoveMember{Member: d.DID, Reason: d.Reason}, err
	case "SoftwareUpgrade":
		var d icn.NoticeUpgrade
		err := read(&d)
		return d, err
	case "GenericText":
		var d icn.Declare
		err := read(&d)
		return d, err
	case "BudgetAllocation":
		var d struct {
			Recipient icn.DID `json:"recipient"`
			Amount    uint64  `json:"amount"`
			Purpose   string  `json:"purpose"`
		}
		err := read(&d)
		return icn.GrantBudget{To: d.Recipient, Amount: d.Amount, Purpose: d.Purpose}, err
	case "Resolution":
		return resolution(read)
	}
	if !slices.Contains(icn.MotionKinds(), k.Type) {
		return nil, &FieldError{Path: "proposal.type", Reason: fmt.Sprintf("%.40q: want one of %s, or of SystemParameterChange, MemberAdmission, RemoveMember, SoftwareUpgrade, GenericText, Resolution, BudgetAllocation",
			k.Type, strings.Join(icn.MotionKinds(), ", "))}
	}
	both, err := json.Marshal(map[string]any{"kind": k.Type, "data": json.RawMessage(firstData(k.Data))})
	if err != nil {
		return nil, &FieldError{Path: "proposal.data", Reason: "not JSON"}
	}
	var m icn.MotionJSON
	if err := m.UnmarshalJSON(both); err != nil {
		return nil, &FieldError{Path: "proposal.data", Reason: err.Error()}
	}
	return m.Motion, nil
}

// firstData stands for data that is not there.
func firstData(b json.RawMessage) []byte {
	if len(bytes.TrimSpace(b)) == 0 {
		return []byte("{}")
	}
	return b
}

// resolution reads actions whose subject stands beside their word, or in data.
func resolution(read func(any) error) (icn.Motion, error) {
	type subject struct {
		CID icn.CID `json:"cid,omitzero"`
		DID icn.DID `json:"did,omitzero"`
	}
	var d struct {
		Actions []struct {
			Action string `json:"action"`
			subject
			Data subject `json:"data"`
		} `json:"actions"`
	}
	if err := read(&d); err != nil {
		return nil, err
	}
	var m icn.Resolve
	for i, a := range d.Actions {
		out := icn.Action{Do: a.Action, Credential: a.CID, Who: a.DID}
		if !out.Credential.Defined() {
			out.Credential = a.Data.CID
		}
		if out.Who.IsZero() {
			out.Who = a.Data.DID
		}
		about := out.Credential.Defined()
		switch out.Do {
		case icn.PauseCredential, icn.ResumeCredential:
			out.Who = icn.DID{}
		case icn.FreezeReputation, icn.ThawReputation:
			about, out.Credential = !out.Who.IsZero(), icn.CID{}
		default:
			return nil, &FieldError{Path: fmt.Sprintf("proposal.data.actions[%d].action", i), Reason: "want PauseCredential, ResumeCredential, FreezeReputation or ThawReputation"}
		}
		if !about {
			return nil, &FieldError{Path: fmt.Sprintf("proposal.data.actions[%d]", i), Reason: "its cid or did is missing"}
		}
		m.Actions = append(m.Actions, out)
	}
	return m, nil
}
