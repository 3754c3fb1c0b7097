package proof

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Vote is a vote that was closed, with all that its result follows from.
type Vote struct {
	Anchor
	Proposal icn.CID
	Row      []byte      // what the state says of the proposal, see package governance
	Proof    state.Proof // that it does, under the checkpoint's state root
	Roll     []icn.Voter
	Mandates []icn.Mandate // the delegations that fitted when it closed
	Casts    []Cast        // all that were accepted, in the log's order
	Change   []byte        // the rehearsal of what it would change, see [icn.Difference]; may be empty
}

// Cast is an entry of the log in which ballots on the proposal were cast.
type Cast struct {
	Entry uint64
	Key   [32]byte // that signed the statement
	Wire  []byte   // the statement
}

// Encode is the file.
func (v Vote) Encode() []byte {
	b := v.Anchor.append(icn.AppendText(icn.AppendArray(nil, 12), voteTag))
	b = icn.AppendBytes(icn.AppendCID(b, v.Proposal), v.Row)
	b = icn.AppendMandates(icn.AppendRoll(v.Proof.Append(b), v.Roll), v.Mandates)
	b = icn.AppendArray(b, len(v.Casts))
	for _, c := range v.Casts {
		b = icn.AppendBytes(icn.AppendUint(icn.AppendArray(b, 3), c.Entry), c.Key[:])
		b = icn.AppendBytes(b, c.Wire)
	}
	return icn.AppendBytes(b, v.Change)
}

// DecodeVote reads a file strictly; the vote shares memory with it.
func DecodeVote(file []byte) (v Vote, err error) {
	r := open(file, voteTag, 12)
	v.Anchor = readAnchor(r)
	v.Proposal, v.Row, v.Proof = r.MustCID(), r.Bytes(maxRow), state.ReadProof(r)
	v.Roll, v.Mandates = icn.ReadRoll(r, maxVoters), icn.ReadMandates(r, maxVoters)
	for range r.Array(maxCasts) {
		r.Tuple(3)
		c := Cast{Entry: r.Uint(), Key: r.Hash(), Wire: r.Bytes(icn.MaxStatement)}
		if r.Err() != nil {
			break
		}
		v.Casts = append(v.Casts, c)
	}
	v.Change = r.Bytes(maxChange)
	return v, closed(r, "vote")
}
