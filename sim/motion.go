package sim

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// proposal is something that members of a world may ask each other.
func (w *World) proposal() icn.Proposal {
	p := icn.Proposal{Title: fmt.Sprint("question ", w.rng.IntN(1000)), Motion: w.motion(), Method: icn.YesNo, Electorate: icn.Persons}
	switch w.rng.IntN(8) {
	case 0:
		p.Electorate = icn.Organisations
	case 1, 2:
		p.Electorate = icn.Members
	}
	if _, words := p.Motion.(icn.Declare); words && w.rng.IntN(8) > 0 {
		p.Method = icn.Method(1 + w.rng.IntN(5))
		if p.Method != icn.YesNo {
			p.Options = []string{"apples", "pears", "plums", "quinces"}[:2+w.rng.IntN(3)]
		}
	}
	if w.rng.IntN(3) == 0 {
		p.QuorumPermille, p.QuorumCount = uint64(w.rng.IntN(700)), uint64(w.rng.IntN(4))
	}
	if w.rng.IntN(4) == 0 {
		p.ThresholdPermille = 500 + uint64(w.rng.IntN(400))
	}
	if w.rng.IntN(2) == 0 {
		p.VotingMillis = 300 + uint64(w.rng.IntN(2000))
	}
	if w.rng.IntN(5) == 0 {
		p.DeliberationMillis = uint64(w.rng.IntN(500))
	}
	if w.rng.IntN(3) == 0 {
		p.TimelockMillis = uint64(w.rng.IntN(600))
	}
	return p
}

// motion is what a proposal does: whatever a world survives.
func (w *World) motion() icn.Motion {
	extra := extras[w.rng.IntN(len(extras))]
	someone := w.members[extra].did
	if m, ok := w.clerks(); ok && w.opt.Fed > 0 && w.rng.IntN(8) == 0 {
		return m
	}
	kind := w.rng.IntN(20)
	if len(w.oracle.polls.veto) == 0 && w.rng.IntN(4) == 0 {
		kind = 14
	}
	switch kind {
	case 0, 1, 2, 3:
		return w.settings()
	case 4, 5:
		if m, ok := w.clerks(); ok {
			return m
		}
	case 6, 7:
		role := icn.RolePerson
		if organisation(extra) {
			role = icn.RoleOrg
		}
		return icn.AdmitMember{Member: someone, Role: role, Name: fmt.Sprint("m", extra)}
	case 8:
		return icn.RemoveMember{Member: someone, Reason: "not seen again"}
	case 9, 10:
		return icn.SuspendMember{Member: someone, Millis: uint64(w.rng.IntN(3) * w.rng.IntN(1500)), Reason: "for a while"}
	case 11:
		return icn.ReinstateMember{Member: someone}
	case 12:
		return icn.GrantBudget{To: w.anybody(), Amount: 1 + uint64(w.rng.IntN(500)), Purpose: "a shed"}
	case 13:
		return icn.Resolve{Actions: w.actions()}
	case 14, 15:
		var m icn.SetVetoGroup
		for _, i := range w.rng.Perm(len(w.members))[:1+w.rng.IntN(3)] {
			m.Members = append(m.Members, w.members[i].did)
		}
		return m
	case 16:
		return icn.NoticeUpgrade{Version: fmt.Sprint("v", w.rng.IntN(3))}
	case 17:
		for _, x := range w.nodes {
			if x.forges && !x.gone && w.now > 3000 {
				return icn.ExpelNode{Node: x.did, Reason: "it signs false roots"}
			}
		}
	}
	return icn.Declare{Text: "fruit"}
}

// anybody is a member or a node.
func (w *World) anybody() icn.DID {
	if w.rng.IntN(2) == 0 {
		return w.nodes[w.rng.IntN(w.opt.Nodes)].did
	}
	return w.anyone().did
}

func (w *World) actions() (out []icn.Action) {
	for range 1 + w.rng.IntN(2) {
		a := icn.Action{Do: []string{icn.FreezeReputation, icn.ThawReputation, icn.PauseCredential, icn.ResumeCredential}[w.rng.IntN(4)]}
		switch a.Do {
		case icn.FreezeReputation, icn.ThawReputation:
			a.Who = w.anybody()
		default:
			a.Credential = icn.SumCID(icn.Raw, fmt.Appendf(nil, "credential %d", w.rng.IntN(3)))
		}
		out = append(out, a)
	}
	return out
}

// fixed says that a world's clerks stay as they are: one of its learners lies to
// others, and would lie as a clerk.
func (w *World) fixed() bool { return w.opt.Twist }

// settings changes one parameter or two.
func (w *World) settings() icn.SetRules {
	between := func(name string, a, b int) icn.Setting {
		return icn.Setting{Name: name, Value: uint64(a + w.rng.IntN(b-a+1))}
	}
	all := []icn.Setting{
		between("mana_regeneration_rate", 50_000, 500_000),
		between("mana_regeneration_rate", 50_000, 500_000),
		between("mana_max_capacity", 1200, 12_000),
		between("spot_check_permille", 0, 400),
		between("min_quorum_permille", 0, 500),
		between("passing_threshold_permille", 500, 700),
		between("vote_cost", 0, 3),
		between("proposal_cost", 0, 20),
		between("timelock_ms", 0, 300),
		between("veto_ms", 0, 300),
		between("voting_ms", 600, 1500),
		between("high_reputation", 52, 75),
		between("high_tier_permille", 1000, 2000),
		between("job_retry_count", 2, 4),
		between("min_sponsors", 1, 2),
		{Name: "clerks", Value: []uint64{3, 5, 7}[w.rng.IntN(3)]},
	}
	if w.fixed() {
		all = all[:len(all)-1]
	}
	i, k := w.rng.IntN(len(all)), w.rng.IntN(len(all))
	if w.rng.IntN(3) > 0 || all[i].Name == all[k].Name {
		return icn.SetRules{Settings: all[i : i+1]}
	}
	return icn.SetRules{Settings: []icn.Setting{all[i], all[k]}}
}

// clerks puts other nodes first.
func (w *World) clerks() (m icn.SetClerks, ok bool) {
	if w.fixed() {
		return m, false
	}
	for _, i := range w.rng.Perm(len(w.nodes)) {
		if x := w.nodes[i]; x.admitted && !x.gone && len(m.Nodes) < 4 {
			m.Nodes = append(m.Nodes, x.did)
		}
	}
	return m, true
}
