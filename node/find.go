package node

import (
	"encoding/binary"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Find is the entry that ordered a statement. Statements are kept by author and
// number: without the author all that were ever said are looked through.
func (n *Node) Find(statement icn.CID, author *icn.DID) (uint64, error) {
	st, err := n.here()
	if err != nil {
		return 0, err
	}
	if err := icn.CheckCID(statement); err != nil {
		return 0, err
	}
	b := statement.Bytes()
	want := [32]byte(b[len(b)-32:]) // the digest stands at its end
	prefix := keySaid
	if author != nil {
		prefix += string(author[:])
	}
	var index uint64
	err = st.Scan(store.Prefix([]byte(prefix)), func(_, v []byte) bool {
		if len(v) >= 40 && [32]byte(v[8:40]) == want {
			index = binary.BigEndian.Uint64(v)
		}
		return index == 0
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("statement %s: %w", statement, err)
	case index == 0:
		return 0, fmt.Errorf("statement %s: %w: the log does not have it here; it may still wait to be ordered (see /statements/waiting)", statement, icn.ErrNotFound)
	}
	return index, nil
}
