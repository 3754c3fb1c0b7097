package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// memberPrefix begins the names of members.
const memberPrefix = "member"

// memberOf is the number of a member's name, from 0.
func memberOf(name string, members int) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, memberPrefix))
	if err != nil || !strings.HasPrefix(name, memberPrefix) || n < 1 || n > members {
		return 0, fmt.Errorf("there is no member %q; [federation] members = %d makes member1 to member%d", name, members, members)
	}
	return n - 1, nil
}

// checkVote says whether members can do what an event has them do.
func (e Event) checkVote(members int) error {
	if (e.Propose == "") != (len(e.Set) == 0) {
		return fmt.Errorf("propose and set go together: the question, and the parameters that it changes")
	}
	names := slices.Concat(e.Yes, e.No, e.Abstain)
	if e.Propose != "" {
		names = append(names, e.author())
	}
	for _, n := range names {
		if _, err := memberOf(n, members); err != nil {
			return err
		}
	}
	r := icn.DefaultRules()
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		if _, err := r.With(name, e.Set[name]); err != nil {
			return err
		}
	}
	return nil
}

func (e Event) author() string {
	if e.By == "" {
		return memberPrefix + "1"
	}
	return e.By
}

// through is the node that a member uses.
func (x *run) through(e Event, member int) int {
	if e.Via != "" {
		return x.node(e.Via)
	}
	return member % len(x.Federation.Names)
}

// ballots has members propose and vote.
func (x *run) ballots(e Event) {
	if e.Propose != "" {
		x.propose(e)
	}
	for _, v := range []struct {
		names  []string
		choice uint64
		word   string
	}{{e.Yes, icn.Yes, "yes"}, {e.No, icn.No, "no"}, {e.Abstain, icn.Abstain, "abstain"}} {
		if len(v.names) == 0 {
			continue
		}
		for _, n := range v.names {
			i, _ := memberOf(n, x.Federation.Members)
			if _, ok := x.w.Say(x.through(e, i), i, icn.BallotCast{Proposal: x.asked, Choice: []uint64{v.choice}}); !ok {
				x.tell("%s cannot vote: its node is down", n)
			}
		}
		via := ""
		if e.Via != "" {
			via = " through " + e.Via
		}
		x.tell("%s: %s%s", some(v.names), v.word, via)
	}
}

func (x *run) propose(e Event) {
	i, _ := memberOf(e.author(), x.Federation.Members)
	var set icn.SetRules
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		set.Settings = append(set.Settings, icn.Setting{Name: name, Value: e.Set[name]})
	}
	o := icn.ProposalCreate{Proposal: icn.Proposal{Title: e.Propose, Motion: set, Method: icn.YesNo, Electorate: icn.Persons, VotingMillis: e.VoteSec * 1000}}
	id, ok := x.w.Say(x.through(e, i), i, o)
	if !ok {
		x.tell("%s cannot propose: its node is down", e.author())
		return
	}
	x.asked = icn.ProposalID(id, 0)
	x.tell("%s proposes: %s", e.author(), e.Propose)
}

// voteEvent tells what came of a vote.
func (x *run) voteEvent(b icn.EventBody) {
	switch b := b.(type) {
	case icn.VotingOpened:
		x.tell("the vote is open for %d members", b.Roll)
	case icn.VotingClosed:
		x.r.Votes++
		if b.Tally.Accepted {
			x.r.Accepted++
		}
		x.tell("the vote is closed: %s", b.Tally.Reason)
	case icn.ProposalMoved:
		switch b.Stage {
		case icn.StageFailed, icn.StageVetoed, icn.StageWithdrawn:
			x.tell("the proposal is over: %s", b.Reason)
		}
	case icn.RuleChanged:
		x.tell("%s is %d instead of %d", b.Name, b.Becomes, b.Was)
	}
}
