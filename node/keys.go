package node

import (
	"encoding/binary"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The keys of one network's part of the store. This is the one place that knows
// them.
//
//	e/<index>            entry, canonical
//	h/<number>           stored hash of the log's Merkle tree
//	v/<index><number>    event, JSON
//	y/<type>/<index><number>   the same event, found by its type
//	j/<cid>/<index><number>    the same event, found by its job
//	a/<did><index><number>     the same event, found by an account it changed
//	n/<author><number>   the entry that ordered a statement, its hash, and a refusal
//	o/<author><number>   a statement waiting to be ordered
//	b/<raft id>          the highest boot number seen of a place in the order
//	q/v/<cid>            a closed vote's row in the state, proven; q/c/ the clerks', q/d/ what would change
//	x/<did>              what a clerk signed that contradicts everybody else, JSON
//	m/…                  single values
//	r/<raft id>/…        the order's own, see package order
const (
	keyEntry    = "e/"
	keyHash     = "h/"
	keyEvent    = "v/"
	keyByType   = "y/"
	keyJob      = "j/"
	keyAccount  = "a/"
	keyOutbox   = "o/"
	keyBoot     = "b/"
	keyOrder    = "r/"
	keyEvidence = "x/"
	keyGenesis  = "m/genesis"
	keySeat     = "m/seat"      // this node's Raft id and boot number
	keyFolded   = "m/folded"    // the last entry whose events are stored
	keyEras     = "m/clerks"    // who the clerks were lately, and since which entry
	keyPeers    = "m/peers"     // what was told about peers when joining
	keyCert     = "m/certified" // the last certified checkpoint
	keyNumber   = "m/number"    // this node has said no statement of its own with a higher number
	keyGap      = "m/gap"       // entries that a snapshot leapt over
	keySnapshot = "m/snapshot"  // raft index and state, as of the last snapshot
	keyDoubt    = "m/doubt"     // entries that came from other nodes, and no clerks have confirmed
	keyAnew     = "m/anew"      // all that was derived from the log is being removed
	keyRestored = "m/restored"  // the store came from a backup: its seat is another's memory
	keySaid     = "n/"

	keyShownVote = "q/v/" // a closed vote's row with a proof under a certified checkpoint, JSON
	keyHandover  = "q/c/" // by number: who became the clerks, shown by those before them, JSON
	keyChange    = "q/d/" // what a vote would change, as it was rehearsed when the vote opened
)

func uintKey(prefix string, n ...uint64) []byte {
	b := make([]byte, 0, len(prefix)+8*len(n))
	b = append(b, prefix...)
	for _, x := range n {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return b
}

// EntryKey finds an entry in a network's store.
func EntryKey(index uint64) []byte { return uintKey(keyEntry, index) }

// HashKey finds a stored hash of the Merkle tree.
func HashKey(number int64) []byte { return uintKey(keyHash, uint64(number)) }

func eventKey(index uint64, number uint32) []byte { return uintKey(keyEvent, index, uint64(number)) }

func eventTypeKey(typ string, index uint64, number uint32) []byte {
	return uintKey(keyByType+typ+"/", index, uint64(number))
}

func eventJobKey(id icn.CID, index uint64, number uint32) []byte {
	return uintKey(keyJob+id.KeyString()+"/", index, uint64(number))
}

func eventAccountKey(d icn.DID, index uint64, number uint32) []byte {
	return uintKey(keyAccount+string(d[:]), index, uint64(number))
}

func outboxKey(author icn.DID, number uint64) []byte {
	return uintKey(keyOutbox+string(author[:]), number)
}

func orderPrefix(raftID uint64) []byte { return append(uintKey(keyOrder, raftID), '/') }

func saidKey(author icn.DID, number uint64) []byte {
	return uintKey(keySaid+string(author[:]), number)
}
