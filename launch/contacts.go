package launch

import (
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// contacts tells apart who a node is and which key it shows: the host knows keys
// only, the node identities only. One that was made does not change any more.
type contacts struct {
	keys   map[icn.DID]icn.DID // whose key is not their first
	owners map[icn.DID]icn.DID // the same, the other way round
}

func newContacts(peers map[icn.DID]node.Contact) *contacts {
	c := &contacts{keys: map[icn.DID]icn.DID{}, owners: map[icn.DID]icn.DID{}}
	for d, p := range peers { // order: each is by itself
		if p.Key != d {
			c.keys[d], c.owners[p.Key] = p.Key, d
		}
	}
	return c
}

// key is the one that d shows.
func (c *contacts) key(d icn.DID) icn.DID {
	if k, ok := c.keys[d]; ok {
		return k
	}
	return d
}

// owner is whose key this is; false for one that was replaced.
func (c *contacts) owner(k icn.DID) (icn.DID, bool) {
	if d, ok := c.owners[k]; ok {
		return d, true
	}
	_, replaced := c.keys[k]
	return k, !replaced
}

// ownerOf is whose key this is; zero for none.
func (c *contacts) ownerOf(k icn.DID) icn.DID {
	d, _ := c.owner(k)
	return d
}

// address puts the key that a node has now into an address of its former one.
func (c *contacts) address(addr string) string {
	for d, k := range c.keys { // order: an address names one key
		if old := key.PeerID(d); strings.Contains(addr, old) {
			return strings.ReplaceAll(addr, old, key.PeerID(k))
		}
	}
	return addr
}

// bare leaves out of addresses which key answers there: that is known better.
func bare(addrs []string) []string {
	out := make([]string, 0, len(addrs))
	for _, a := range addrs {
		a, _, _ = strings.Cut(a, "/p2p/")
		out = append(out, a)
	}
	return out
}
