package icn

import "crypto/sha256"

// Voter is who stands on a roll.
type Voter struct {
	Member DID    `json:"member"`
	Role   Role   `json:"role"`
	Name   string `json:"name"`
}

// AppendRoll appends a roll's canonical form.
func AppendRoll(b []byte, roll []Voter) []byte {
	b = AppendArray(b, len(roll))
	for _, v := range roll {
		b = AppendText(AppendUint(AppendDID(AppendArray(b, 3), v.Member), uint64(v.Role)), v.Name)
	}
	return b
}

// ReadRoll reads what [AppendRoll] wrote, of at most max voters.
func ReadRoll(r *Reader, max int) []Voter {
	var out []Voter
	for range r.Array(max) {
		r.Tuple(3)
		out = append(out, Voter{Member: r.DID(), Role: r.memberRole(), Name: r.Text(128)})
		if r.err != nil {
			return nil
		}
	}
	return out
}

// RollHash binds a roll, which is in the order of DIDs.
func RollHash(roll []Voter) [32]byte { return sha256.Sum256(AppendRoll(nil, roll)) }

// Mandate is the delegation of a voter that fits a vote when it closes.
type Mandate struct {
	From  DID  `json:"from"`
	To    DID  `json:"to"`
	Proxy bool `json:"proxy,omitempty"`
}

// AppendMandates appends the canonical form of a list.
func AppendMandates(b []byte, all []Mandate) []byte {
	b = AppendArray(b, len(all))
	for _, m := range all {
		b = AppendBool(AppendDID(AppendDID(AppendArray(b, 3), m.From), m.To), m.Proxy)
	}
	return b
}

// ReadMandates reads what [AppendMandates] wrote, of at most max.
func ReadMandates(r *Reader, max int) []Mandate {
	var out []Mandate
	for range r.Array(max) {
		r.Tuple(3)
		out = append(out, Mandate{From: r.DID(), To: r.DID(), Proxy: r.Bool()})
		if r.err != nil {
			return nil
		}
	}
	return out
}

// MandatesHash binds the mandates, which are in the order of who gave them.
func MandatesHash(all []Mandate) [32]byte { return sha256.Sum256(AppendMandates(nil, all)) }

// ChainBallot adds a ballot to the running hash over all ballots of a vote: the entry
// that it is in, its statement, which of its operations, and the key that signed it.
func ChainBallot(chain [32]byte, entry uint64, statement CID, op int, key [32]byte) [32]byte {
	b := AppendBytes(AppendArray(nil, 5), chain[:])
	b = AppendUint(AppendCID(AppendUint(b, entry), statement), uint64(op))
	return sha256.Sum256(AppendBytes(b, key[:]))
}
