package proof

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// batch is how many signatures are checked at a time.
const batch = 4096

// casts reads the statements with the ballots and checks who signed them.
func (x *recount) casts() error {
	x.all = make([]*icn.Statement, 0, len(x.Casts))
	last := uint64(0)
	for _, c := range x.Casts {
		s, err := icn.DecodeStatement(c.Wire)
		switch {
		case err != nil:
			return fmt.Errorf("ballot in entry %d: %w", c.Entry, err)
		case c.Entry <= last:
			return bad("ballots", "that of entry %d stands behind entry %d: it is there twice, or in the wrong place", c.Entry, last)
		case s.Network != x.c.Network:
			return x.wrong(c, s, "it was cast in another federation")
		case len(x.cast(s)) == 0:
			return x.wrong(c, s, "it is no ballot on this proposal")
		case c.Entry < x.row.Vote.Opened || c.Entry > x.row.Count.Closed:
			return x.wrong(c, s, "the vote was open from entry %d to %d", x.row.Vote.Opened, x.row.Count.Closed)
		}
		if icn.DID(c.Key) != s.Author && !slices.Contains(x.c.Keys[s.Author], icn.DID(c.Key)) {
			x.out.Vouched++
		}
		last = c.Entry
		x.all = append(x.all, s)
	}
	for from := 0; from < len(x.all); from += batch {
		if err := x.signatures(from, min(from+batch, len(x.all))); err != nil {
			return err
		}
	}
	return nil
}

func (x *recount) signatures(from, to int) error {
	items := make([]signature.Item, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, signature.Item{Key: x.Casts[i].Key, Msg: icn.SigningBytesOf(x.Casts[i].Wire), Sig: x.all[i].Sig[:]})
	}
	for i, good := range x.c.check(items) {
		if !good {
			return x.wrong(x.Casts[from+i], x.all[from+i], "the signature does not verify: the ballot was changed, or somebody else made it")
		}
	}
	return nil
}

// wrong names a ballot with which something is wrong.
func (x *recount) wrong(c Cast, s *icn.Statement, format string, args ...any) error {
	return bad(fmt.Sprintf("ballot in entry %d by %s", c.Entry, x.called(s.Author)), format, args...)
}

// called is a voter's name and DID.
func (x *recount) called(d icn.DID) string {
	if i := x.place(d); i >= 0 && x.Roll[i].Name != "" {
		return fmt.Sprintf("%s (%s)", x.Roll[i].Name, d)
	}
	return d.String()
}

// cast are the places of the statement's operations that vote on the proposal.
func (x *recount) cast(s *icn.Statement) (ops []int) {
	for i, op := range s.Ops {
		if b, ok := op.(icn.BallotCast); ok && b.Proposal == x.Proposal {
			ops = append(ops, i)
		}
	}
	return ops
}

// chain compares the ballots with the running hash over all that were accepted, so
// that none is missing and none was added.
func (x *recount) chain() error {
	var chain [32]byte
	var n uint64
	for i, c := range x.Casts {
		id := icn.SumCID(icn.DagCBOR, c.Wire)
		for _, op := range x.cast(x.all[i]) {
			chain = icn.ChainBallot(chain, c.Entry, id, op, c.Key)
			n++
		}
	}
	switch want := x.row.Vote.Ballots; {
	case n < want:
		return bad("ballots", "the federation took in %d, the file holds %d: %d are missing", want, n, want-n)
	case n > want:
		return bad("ballots", "the federation took in %d, the file holds %d: %d were added", want, n, n-want)
	case chain != x.row.Vote.Chain:
		return bad("ballots", "they are as many as the federation took in, but not the same: their running hash is %x, it was %x", chain[:8], x.row.Vote.Chain[:8])
	}
	x.checked("the %d ballots are all that were taken in, each signed by who cast it", n)
	if x.out.Vouched > 0 {
		x.checked("%d of them are signed with keys that their voters got later; the clerks vouch for these", x.out.Vouched)
	}
	return nil
}

// held is the ballot that counts for a voter so far.
type held struct {
	governance.Ballot
	there bool
}

// ballots says which ballot counts for whom, as the fold of governance does: of one
// author the highest number; a voter's own before its proxy's; a proxy's only if it
// still is one when the vote closes.
func (x *recount) ballots() (tally.Vote, error) {
	counts := make([]held, len(x.Roll))
	for i, c := range x.Casts {
		s := x.all[i]
		for _, op := range x.cast(s) {
			b := s.Ops[op].(icn.BallotCast)
			voter := voterOf(s.Author, b)
			at := x.place(voter)
			if at < 0 {
				return tally.Vote{}, x.wrong(c, s, "it is cast for %s, who is not on the roll", voter)
			}
			if err := tally.CheckChoice(x.row.Method, len(x.row.Options), b.Choice); err != nil {
				return tally.Vote{}, x.wrong(c, s, "%v", err)
			}
			old := counts[at]
			if voter != s.Author && old.there && old.By == voter {
				return tally.Vote{}, x.wrong(c, s, "a proxy's ballot for %s, who had voted itself", x.called(voter))
			}
			if !governance.Outdone(old.Ballot, old.there, s.Author, s.Number) {
				counts[at] = held{governance.Ballot{By: s.Author, Number: s.Number, Index: c.Entry, Choice: b.Choice}, true}
			}
		}
	}
	return x.poll(counts), nil
}

// poll is what is counted.
func (x *recount) poll(counts []held) tally.Vote {
	v := tally.Vote{Method: x.row.Method, Needed: x.row.Vote.Needed, Threshold: x.row.Vote.Threshold, Roll: make([]icn.DID, len(x.Roll))}
	for _, o := range x.row.Options {
		v.Options = append(v.Options, icn.OptionID(x.Proposal, o))
	}
	proxies := map[icn.DID]icn.DID{}
	for _, m := range x.Mandates {
		v.Delegations = append(v.Delegations, tally.Delegation{From: m.From, To: m.To})
		if m.Proxy {
			proxies[m.From] = m.To
		}
	}
	for i, b := range counts {
		voter := x.Roll[i].Member
		v.Roll[i] = voter
		if proxy, has := proxies[voter]; b.there && (b.By == voter || has && proxy == b.By) {
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: voter, Proxy: b.By != voter, Choice: b.Choice})
		}
	}
	return v
}
