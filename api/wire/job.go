package wire

import (
	"encoding/json"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Job makes a job's specification and budget of what was sent.
func (s Submit) Job() (icn.JobSpec, uint64, error) {
	var none icn.JobSpec
	shape := func(path, format string, args ...any) (icn.JobSpec, uint64, error) {
		return none, 0, &FieldError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	spec := icn.JobSpec{Module: s.Module, Inline: s.Inline, Inputs: s.Inputs, Args: s.Args, Env: s.Env, Outputs: s.Outputs, Resume: s.Resume,
		Limits: s.Limits, Requires: s.Requires, Grants: s.Grants, Copies: s.Copies}
	switch {
	case s.Echo != nil && len(s.Inline) > 0:
		return shape("inline", "an echo job has its payload; leave it out")
	case s.Echo != nil:
		spec.Kind, spec.Inline = icn.JobEcho, []byte(*s.Echo)
	case !spec.Module.Defined():
		spec.Module = s.Manifest
	case s.Manifest.Defined() && s.Manifest != s.Module:
		return shape("manifest_cid", "another one than module: give one of them")
	}
	budget := s.Budget
	switch {
	case budget == 0:
		budget = s.Cost
	case s.Cost != 0 && s.Cost != s.Budget:
		return shape("cost_mana", "another one than budget: give one of them")
	}
	if budget == 0 {
		budget = DefaultBudget
	}
	if s.Spec != nil {
		if len(s.Inputs) > 0 {
			return shape("inputs", "give them here or in spec_json, not in both")
		}
		if err := s.Spec.addTo(&spec); err != nil {
			return none, 0, err
		}
	}
	if spec.Kind == icn.JobProgram && !spec.Module.Defined() {
		return shape("module", "missing: the CID of a program")
	}
	return spec, budget, checkSpec(spec)
}

// addTo takes the parts of an upstream specification over.
func (from *JobSpec) addTo(spec *icn.JobSpec) error {
	var kind string
	var named struct {
		Echo *struct {
			Payload string `json:"payload"`
		}
	}
	switch {
	case json.Unmarshal(from.Kind, &kind) == nil && (kind == "CclWasm" || kind == "GenericPlaceholder"):
	case UnmarshalStrict(from.Kind, &named) == nil && named.Echo != nil:
		// Those jobs name a manifest that nothing is read from.
		spec.Kind, spec.Module, spec.Inline = icn.JobEcho, icn.CID{}, []byte(named.Echo.Payload)
	default:
		return &FieldError{Path: "spec_json.kind", Reason: `want "CclWasm", or {"Echo": {"payload": "…"}}`}
	}
	spec.Outputs = append(spec.Outputs, from.Outputs...)
	spec.Inputs = from.Inputs
	r := &spec.Requires
	r.Capabilities = append(r.Capabilities, from.Capabilities...)
	r.Federations = append(r.Federations, from.Federations...)
	if from.Trust != nil {
		r.Trust = *from.Trust
	}
	if from.Reputation != nil {
		r.Reputation = max(r.Reputation, *from.Reputation)
	}
	r.CPUCores = max(r.CPUCores, from.Resources.CPUCores)
	r.MemoryMB = max(r.MemoryMB, from.Resources.MemoryMB)
	r.StorageMB = max(r.StorageMB, from.Resources.StorageMB)
	return nil
}

// checkSpec says where a specification is over what a statement can carry.
func checkSpec(spec icn.JobSpec) error {
	for _, x := range []struct {
		path    string
		n, most int
	}{
		{"inline", len(spec.Inline), icn.MaxInline}, {"inputs", len(spec.Inputs), icn.MaxInputs}, {"args", len(spec.Args), icn.MaxArgs},
		{"env", len(spec.Env), icn.MaxArgs}, {"outputs", len(spec.Outputs), icn.MaxOutputs},
		{"requires.capabilities", len(spec.Requires.Capabilities), 32}, {"requires.federations", len(spec.Requires.Federations), 32},
	} {
		if x.n > x.most {
			return &FieldError{Path: x.path, Reason: fmt.Sprintf("%d of them, at most %d", x.n, x.most)}
		}
	}
	if b := spec.Append(nil); len(b) > icn.MaxStatement/2 {
		return &FieldError{Path: "args", Reason: fmt.Sprintf("the specification has %d bytes, at most %d; put large input into a file", len(b), icn.MaxStatement/2)}
	}
	r := icn.NewReader(spec.Append(nil))
	icn.ReadJobSpec(r)
	if err := r.Close(); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	return nil
}
