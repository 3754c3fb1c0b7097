package governance

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// AppendProposal appends a proposal's row.
func AppendProposal(b []byte, p Proposal) []byte {
	b = icn.AppendProposal(icn.AppendArray(b, 12), p.Proposal)
	b = icn.AppendUint(icn.AppendDID(b, p.Proposer), uint64(p.Stage))
	b = icn.AppendTime(icn.AppendTime(b, p.Since), p.Until)
	b = icn.AppendDIDs(icn.AppendUint(b, p.Created), p.Sponsors)
	b = icn.AppendUint(b, p.Sponsor)
	b = appendVote(b, p.Vote)
	b = appendCount(b, p.Count)
	return icn.AppendText(icn.AppendUint(b, p.Ended), p.Reason)
}

// ReadProposal reads what [AppendProposal] wrote.
func ReadProposal(r *icn.Reader) (p Proposal) {
	r.Tuple(12)
	p.Proposal, p.Proposer, p.Stage = icn.ReadProposal(r), r.DID(), icn.Stage(r.Uint())
	p.Since, p.Until, p.Created = r.Time(), r.Time(), r.Uint()
	p.Sponsors, p.Sponsor = r.DIDs(1<<20), r.Uint()
	p.Vote, p.Count = readVote(r), readCount(r)
	p.Ended, p.Reason = r.Uint(), r.Text(icn.MaxText)
	return p
}

func appendVote(b []byte, v Vote) []byte {
	b = icn.AppendTime(icn.AppendUint(icn.AppendArray(b, 9), v.Opened), v.Deadline)
	b = icn.AppendBytes(icn.AppendUint(b, v.Roll), v.RollHash[:])
	b = icn.AppendUint(icn.AppendUint(b, v.Needed), v.Threshold)
	b = icn.AppendUint(icn.AppendCID(b, v.Difference), v.Ballots)
	return icn.AppendBytes(b, v.Chain[:])
}

func readVote(r *icn.Reader) (v Vote) {
	r.Tuple(9)
	v.Opened, v.Deadline, v.Roll, v.RollHash = r.Uint(), r.Time(), r.Uint(), r.Hash()
	v.Needed, v.Threshold, v.Difference = r.Uint(), r.Uint(), r.CID()
	v.Ballots, v.Chain = r.Uint(), r.Hash()
	return v
}

func appendCount(b []byte, c Count) []byte {
	b = icn.AppendTime(icn.AppendUint(icn.AppendArray(b, 6), c.Closed), c.At)
	b = icn.AppendBytes(icn.AppendBool(b, c.Early), c.Mandates[:])
	return icn.AppendTime(c.Tally.Append(b), c.VetoUntil)
}

func readCount(r *icn.Reader) (c Count) {
	r.Tuple(6)
	c.Closed, c.At, c.Early, c.Mandates = r.Uint(), r.Time(), r.Bool(), r.Hash()
	c.Tally, c.VetoUntil = icn.ReadTally(r), r.Time()
	return c
}

func appendBallot(b []byte, x Ballot) []byte {
	b = icn.AppendUint(icn.AppendUint(icn.AppendDID(icn.AppendArray(b, 4), x.By), x.Number), x.Index)
	return icn.AppendChoice(b, x.Choice)
}

func readBallot(r *icn.Reader) Ballot {
	r.Tuple(4)
	return Ballot{By: r.DID(), Number: r.Uint(), Index: r.Uint(), Choice: icn.ReadChoice(r)}
}

func ballotKeyText(k ballotKey) string { return string(k.voter[:]) + k.proposal.KeyString() }

func parseBallotKey(s string) (k ballotKey, err error) {
	if len(s) < 32 {
		return k, fmt.Errorf("ballot key of %d bytes: %w", len(s), icn.ErrInvalid)
	}
	copy(k.voter[:], s)
	k.proposal, err = state.ParseCIDKey(s[32:])
	return k, err
}

func appendDelegations(b []byte, all Delegations) []byte {
	b = icn.AppendArray(b, len(all))
	for _, d := range all {
		b = d.Scope.Append(icn.AppendDID(icn.AppendArray(b, 5), d.To))
		b = icn.AppendUint(icn.AppendBool(icn.AppendTime(b, d.Expires), d.Proxy), d.Index)
	}
	return b
}

func readDelegations(r *icn.Reader) (all Delegations) {
	for range r.Array(MaxDelegations) {
		r.Tuple(5)
		all = append(all, Delegation{To: r.DID(), Scope: icn.ReadScope(r), Expires: r.Time(), Proxy: r.Bool(), Index: r.Uint()})
		if r.Err() != nil {
			break
		}
	}
	return all
}
