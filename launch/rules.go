package launch

import (
	"context"
	"math"
	"time"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// rules are those of a federation that this node founds.
func rules(c config.Config) icn.Rules {
	r := icn.DefaultRules()
	r.JobAttempts = uint64(c.Mesh.JobRetryCount)
	r.BanAfter, r.BanMillis = uint64(c.Mesh.BlacklistAfterFailures), uint64(c.Mesh.BlacklistCooldownSecs)*1000
	r.SpotChecks = uint64(c.Mesh.SpotCheckPermille)
	r.ManaPerHour = uint64(c.Performance.ManaRegenerationRate)
	g := c.Governance
	r.Quorum, r.Threshold = permille(g.MinQuorum), permille(g.PassingThreshold)
	r.VotingMillis, r.MinVotingMillis = uint64(g.VotingPeriodSecs)*1000, uint64(g.MinVotingSecs)*1000
	r.DeliberationMillis, r.TimelockMillis, r.VetoMillis = uint64(g.DeliberationSecs)*1000, uint64(g.TimelockSecs)*1000, uint64(g.VetoSecs)*1000
	r.Sponsors, r.ProposalCost, r.VoteCost = uint64(g.MinSponsors), uint64(g.ProposalCost), uint64(g.VoteCost)
	return r
}

func permille(share float64) uint64 { return uint64(math.Round(share * 1000)) }

// contrary is a parameter that a configuration asks for and that is another in force.
type contrary struct {
	name           string
	asked, inForce uint64
}

// contraries are what a configuration asks for in vain. What it does not say, it
// does not ask for.
func contraries(c config.Config, inForce icn.Rules) (out []contrary) {
	asked, preset := rules(c), rules(config.Default())
	for _, name := range icn.RuleNames() {
		a, _ := asked.Get(name)
		p, _ := preset.Get(name)
		if f, _ := inForce.Get(name); a != p && a != f {
			out = append(out, contrary{name, a, f})
		}
	}
	return out
}

// compareRules warns, once the node is in a federation, of what the configuration
// asks for in vain: the rules in force count, and a vote changes them.
func (r *Running) compareRules(ctx context.Context) {
	r.work.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for r.node.State() != "running" {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
		var inForce icn.Rules
		if err := r.node.View(func(m *core.Machine) { inForce = m.Rules() }); err != nil {
			return // it goes over to another federation at this moment
		}
		for _, x := range contraries(r.cfg, inForce) {
			r.log.Warn("the configuration asks for another rule than the federation has: the federation's counts; a vote changes it (icn-cli governance propose)",
				"rule", x.name, "asked", x.asked, "in_force", x.inForce)
		}
	})
}
