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
	b = icn.AppendUint(icn.AppendArray(b, 3), uint64(m.Role))
	return icn.AppendUint(icn.AppendText(b, m.Name), m.Since)
}

func readMember(r *icn.Reader) Member {
	r.Tuple(3)
	return Member{Role: icn.Role(r.Uint()), Name: r.Text(128), Since: r.Uint()}
}

func appendInvite(b []byte, i Invite) []byte {
	b = icn.AppendUint(icn.AppendArray(b, 3), uint64(i.Role))
	return icn.AppendDID(icn.AppendTime(b, i.Expires), i.By)
}

func readInvite(r *icn.Reader) Invite {
	r.Tuple(3)
	return Invite{Role: icn.Role(r.Uint()), Expires: r.Time(), By: r.DID()}
}
