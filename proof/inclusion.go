package proof

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Inclusion proves, with a certified checkpoint, that an entry is in the log, to who
// knows the clerks.
type Inclusion struct {
	Index      uint64
	Entry      []byte
	Checkpoint string
	Hashes     [][]byte // RFC 6962, from the leaf up
	Rotations  [][]byte // statements by which those who signed have got other keys
}

// Keyring tells the keys of whoever signed the proof or its entry.
func (p Inclusion) Keyring(network icn.CID, verify func(key [32]byte, msg, sig []byte) bool) (icn.Keyring, error) {
	return icn.ReadKeyring(network, p.Rotations, verify)
}

// Verify checks the proof against the clerks' keys, with nothing else at hand.
func (p Inclusion) Verify(network icn.CID, clerks []icn.DID, verify func(key [32]byte, msg, sig []byte) bool) error {
	c, sigs, err := icn.ParseNote(p.Checkpoint)
	if err != nil {
		return err
	}
	if c.Network != network {
		return fmt.Errorf("proof: %w: checkpoint of network %s, want %s", icn.ErrInvalid, c.Network, network)
	}
	ring, err := p.Keyring(network, verify)
	if err != nil {
		return err
	}
	signed := map[icn.DID]bool{}
	for _, s := range sigs {
		for _, d := range clerks {
			if d == s.Signer && ring.Signed(d, []byte(c.Text()), s.Sig[:], verify) {
				signed[d] = true
			}
		}
	}
	if need := len(clerks)/2 + 1; len(signed) < need {
		return fmt.Errorf("proof: %w: %d of %d clerks signed the checkpoint, want %d", icn.ErrInvalid, len(signed), len(clerks), need)
	}
	e, err := included(c, p.Entry, p.Hashes)
	if err != nil {
		return err
	}
	if e.Index != p.Index {
		return fmt.Errorf("proof: %w: it holds entry %d, not %d", icn.ErrInvalid, e.Index, p.Index)
	}
	return nil
}

// included says whether an entry stands in the log of a checkpoint, at the place that
// it names.
func included(c icn.Checkpoint, entry []byte, hashes [][]byte) (*icn.Entry, error) {
	e, err := icn.DecodeEntry(entry)
	if err != nil {
		return nil, err
	}
	var path tlog.RecordProof
	for _, h := range hashes {
		if len(h) != 32 {
			return nil, fmt.Errorf("proof: %w: hash of %d bytes", icn.ErrInvalid, len(h))
		}
		path = append(path, tlog.Hash(h))
	}
	if err := tlog.CheckRecord(path, int64(c.Size), c.Tree, int64(e.Index)-1, tlog.RecordHash(entry)); err != nil {
		return nil, fmt.Errorf("proof of entry %d: %w: it is not in the log of %d entries that the clerks signed (%v)", e.Index, icn.ErrCorrupt, c.Size, err)
	}
	return e, nil
}
