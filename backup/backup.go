// Package backup copies what a node holds to a place that proves itself: blocks,
// the federation's log, pins and the last certified checkpoint, with a signed
// manifest of what must be there.
//
// The invariant: a backup that Read accepts holds every byte that its manifest
// names, every block is what its CID says, and the log leads to the roots that
// the node had when it was made. Nothing of a backup reaches a store whose
// restore did not end well.
//
// A backup is a tar.gz file, or a folder of the same members, each gzipped:
//
//	head.json             what it is of: the genesis, from where to where
//	blocks/000001.car     blocks, as every IPFS tool reads them (CARv1)
//	log/000001.entries    entries of the log, each with its length before it
//	pins.json             what is kept, and until when
//	keys/…                sealed keys, if asked for
//	manifest.json         members with their SHA-256, counts, roots; signed
//
// It does not keep old backups, and opens no store.
//
//	m, err := backup.Make(ctx, backup.From{History: h, Blocks: d, Signer: key}, target)
//	m, err = backup.Restore(ctx, source, into)
package backup

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Format is the version of what is described here.
const Format = "icn-backup/1"

// domain tags the bytes that a manifest's signature covers.
const domain = "icn/backup/v1\n"

// The members of fixed names.
const (
	headName     = "head.json"
	pinsName     = "pins.json"
	manifestName = "manifest.json"
)

// Head is what must be known before anything else is read.
type Head struct {
	Format  string    `json:"format"`
	Made    time.Time `json:"made"`
	Node    icn.DID   `json:"node"`
	Network icn.CID   `json:"network"`
	Name    string    `json:"federation"`
	Genesis []byte    `json:"genesis"`
	Stock   string    `json:"stock"`     // whose arrival numbers these are
	After   Point     `json:"after"`     // what an earlier backup must hold; zero: nothing
	UpTo    uint64    `json:"log_up_to"` // entries after After.Entries up to this one are here
}

// Point is how far a backup reaches.
type Point struct {
	Entries uint64 `json:"entries"`
	Arrival uint64 `json:"arrival"`
}

// Full says whether the backup needs no other.
func (h Head) Full() bool { return h.After == Point{} }

// Member is a file of a backup.
type Member struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Items  int64  `json:"items,omitempty"` // blocks or entries
}

// Manifest is what must be there.
type Manifest struct {
	Head
	Reaches   Point       `json:"reaches"`
	LogTime   icn.Time    `json:"log_time_ms"`
	TreeRoot  Hash        `json:"tree_root"`
	StateRoot Hash        `json:"state_root"`
	Mana      mana.Totals `json:"mana"`
	Blocks    int64       `json:"blocks"`
	Bytes     int64       `json:"block_bytes"`
	Entries   int64       `json:"entries"`
	Pins      int         `json:"pins"`
	Certified string      `json:"certified,omitempty"`
	Seat      node.Seat   `json:"seat"`
	Peers     []node.Peer `json:"peers"`
	Members   []Member    `json:"members"`
	Rotations [][]byte    `json:"rotations,omitempty"` // statements by which the node got other keys
}

// Hash is shown in hexadecimal.
type Hash [32]byte

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 64 {
		return fmt.Errorf("hash of %d digits: %w", len(b), icn.ErrInvalid)
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// signed is a manifest as it is written: the very bytes that were signed.
type signed struct {
	Manifest  json.RawMessage `json:"manifest"`
	Signature string          `json:"signature"`
}

// Signer is the node's key.
type Signer interface {
	DID() icn.DID
	Sign(msg []byte) []byte
}

func (m Manifest) sign(s Signer) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	out, err := json.Marshal(signed{raw, base64.StdEncoding.EncodeToString(s.Sign(append([]byte(domain), raw...)))})
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(out, '\n'), nil
}

// ParseManifest reads a manifest and checks its signature.
func ParseManifest(data []byte, verify func(key [32]byte, msg, sig []byte) bool) (Manifest, error) {
	var s signed
	var m Manifest
	if err := strictJSON(data, &s); err != nil {
		return m, fmt.Errorf("%s: %w: %v", manifestName, icn.ErrCorrupt, err)
	}
	if err := strictJSON(s.Manifest, &m); err != nil {
		return m, fmt.Errorf("%s: %w: %v", manifestName, icn.ErrCorrupt, err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("%s: %w: format %q, want %q; install a release that reads it", manifestName, icn.ErrInvalid, m.Format, Format)
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Signature)
	ring, kerr := icn.ReadKeyring(m.Network, m.Rotations, verify)
	if kerr != nil {
		return m, fmt.Errorf("%s: %w: %v", manifestName, icn.ErrCorrupt, kerr)
	}
	if err != nil || len(sig) != 64 || !ring.Signed(m.Node, append([]byte(domain), s.Manifest...), sig, verify) {
		return m, fmt.Errorf("%s: %w: it is not signed by %s, whose backup it says it is", manifestName, icn.ErrCorrupt, m.Node)
	}
	return m, nil
}
