package identity

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func hashKey(h [32]byte) string { return string(h[:]) }

func parseHashKey(s string) (h [32]byte, err error) {
	if len(s) != 32 {
		return h, fmt.Errorf("hash key of %d bytes: %w", len(s), icn.ErrInvalid)
	}
	copy(h[:], s)
	return h, nil
}

func appendNode(b []byte, n Node) []byte {
	b = icn.AppendText(icn.AppendArray(b, 5), n.Name)
	b = icn.AppendUint(icn.AppendUint(b, n.RaftID), n.Seq)
	return icn.AppendTexts(icn.AppendBool(b, n.Active), n.Addrs)
}

func readNode(r *icn.Reader) Node {
	r.Tuple(5)
	return Node{Name: r.Text(64), RaftID: r.Uint(), Seq: r.Uint(), Active: r.Bool(), Addrs: r.Texts(16, 256)}
}

func appendMember(b []byte, m Member) []byte {
	b = icn.AppendUint(icn.AppendArray(b, 6), uint64(m.Role))
	b = icn.AppendUint(icn.AppendText(b, m.Name), m.Since)
	b = icn.AppendTime(icn.AppendUint(b, uint64(m.Standing)), m.Until)
	b = icn.AppendArray(b, len(m.Spans))
	for _, s := range m.Spans {
		b = icn.AppendUint(icn.AppendUint(icn.AppendArray(b, 2), s.From), s.To)
	}
	return b
}

func readMember(r *icn.Reader) Member {
	r.Tuple(6)
	m := Member{Role: icn.Role(r.Uint()), Name: r.Text(128), Since: r.Uint(), Standing: Standing(r.Uint()), Until: r.Time()}
	for range r.Array(maxSpans) {
		r.Tuple(2)
		m.Spans = append(m.Spans, Span{From: r.Uint(), To: r.Uint()})
		if r.Err() != nil {
			break
		}
	}
	return m
}

func appendInvite(b []byte, i Invite) []byte {
	b = icn.AppendUint(icn.AppendArray(b, 3), uint64(i.Role))
	return icn.AppendDID(icn.AppendTime(b, i.Expires), i.By)
}

func readInvite(r *icn.Reader) Invite {
	r.Tuple(3)
	return Invite{Role: icn.Role(r.Uint()), Expires: r.Time(), By: r.DID()}
}

func appendGuardians(b []byte, g Guardians) []byte {
	return icn.AppendUint(icn.AppendDIDs(icn.AppendArray(b, 2), g.All), g.Needed)
}

func readGuardians(r *icn.Reader) Guardians {
	r.Tuple(2)
	return Guardians{All: r.DIDs(icn.MaxGuardians), Needed: r.Uint()}
}

func appendRecovery(b []byte, x Recovery) []byte {
	b = icn.AppendArray(icn.AppendArray(b, 3), len(x.Support))
	for _, s := range x.Support {
		b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 2), s.Guardian), s.Key)
	}
	return icn.AppendTime(icn.AppendDID(b, x.Key), x.Due)
}

func readRecovery(r *icn.Reader) (x Recovery) {
	r.Tuple(3)
	for range r.Array(icn.MaxGuardians) {
		r.Tuple(2)
		x.Support = append(x.Support, Support{Guardian: r.DID(), Key: r.DID()})
		if r.Err() != nil {
			break
		}
	}
	x.Key, x.Due = r.DID(), r.Time()
	return x
}

func appendClerks(b []byte, all []Clerk) []byte {
	b = icn.AppendArray(b, len(all))
	for _, c := range all {
		b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 2), c.DID), c.Key)
	}
	return b
}

// ReadClerks reads the row of the clerks in force.
func ReadClerks(r *icn.Reader) (all []Clerk) {
	for range r.Array(MaxClerks) {
		r.Tuple(2)
		all = append(all, Clerk{DID: r.DID(), Key: r.DID()})
		if r.Err() != nil {
			break
		}
	}
	return all
}
