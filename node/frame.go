package node

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Kind is a kind of link between two nodes: each has its own stream, so that a
// long transfer never delays a heartbeat.
type Kind uint8

// The kinds.
const (
	Live  Kind = 1 // the order, statements under way, bids, beacons
	Bulk  Kind = 2 // snapshots and the log for those who catch up
	Block Kind = 3 // blocks by CID
)

// The frames that nodes send each other: a tag byte, then canonical CBOR.
const (
	frameRaft    = 1 // one message of the order
	frameSubmit  = 2 // statements for whoever leads
	frameRefuse  = 3 // the leader will not order a statement, and why
	frameBid     = 4 // an answer to an open job
	frameBeacon  = 5 // who I am, how far, and what my clock says
	frameSeen    = 6 // I have noted your boot number
	frameStale   = 7 // your boot number is an old one: never vote with this seat
	frameRejoin  = 8 // order this NodeRejoin for me
	frameWelcome = 9 // your new seat, and who else there is
	frameSign    = 10
	frameWantLog = 11
	frameLog     = 12
	frameAsk     = 13 // an open job still wants offers
	frameRoster  = 14 // who belongs, for a node that has not read so far
	frameLeftOut = 15 // statements that the leader leaves out, for the clerks to see to

	frameFollow    = 20 // feed me the log from here on
	frameElsewhere = 21 // I cannot; these nodes may
	frameCertified = 22 // the last certified checkpoint
	frameAssure    = 23 // which root has the log up to this entry?
	frameAssured   = 24 // this one

	maxFrameTexts = 64
)

// beacon is what a node says about itself every second, and at once on a new
// link.
type beacon struct {
	RaftID    uint64
	Boot      uint64
	Unsure    uint64 // 1: waits for others' word before it takes part in the order
	Term      uint64
	Last      uint64 // the end of its copy of the order
	Commit    uint64
	Head      uint64
	Clock     icn.Time
	Free      uint64
	Certified uint64
	Leader    uint64 // the seat of the leader that it knows; 0: of none
	Release   string
	Votes     uint64 // 1: as far as it knows, it is a voter in the order, or shall be one
}

// seatOver as a beacon's Unsure says that the node wants a new seat: it knows of its own
// store that it is an old one, whether or not others remember more of its seat.
const seatOver = 2

// beaconFields is how many there are in this release; later ones append. Of releases
// before it, some have one less.
const beaconFields = 13

func (b beacon) encode() []byte {
	out := icn.AppendArray([]byte{frameBeacon}, beaconFields)
	for _, n := range []uint64{b.RaftID, b.Boot, b.Unsure, b.Term, b.Last, b.Commit, b.Head, uint64(b.Clock), b.Free, b.Certified, b.Leader} {
		out = icn.AppendUint(out, n)
	}
	return icn.AppendUint(icn.AppendText(out, b.Release), b.Votes)
}

// decodeBeacon reads what this release knows of a beacon. A later one may have put
// more behind it: nothing depends on a beacon that would be wrong without that.
func decodeBeacon(p []byte) (beacon, error) {
	r := icn.NewReader(p)
	fields := r.Array(maxFrameTexts)
	if fields < beaconFields-1 {
		r.Fail("%d fields, want %d", fields, beaconFields)
	}
	b := beacon{RaftID: r.Uint(), Boot: r.Uint(), Unsure: r.Uint(), Term: r.Uint(), Last: r.Uint(), Commit: r.Uint(), Head: r.Uint(), Clock: r.Time(), Free: r.Uint(), Certified: r.Uint(), Leader: r.Uint(), Release: r.Text(64)}
	if fields >= beaconFields {
		b.Votes = r.Uint()
	}
	if fields > beaconFields {
		return b, r.Err()
	}
	return b, r.Close()
}

// uintsFrame is a frame of a tag and a few numbers.
func uintsFrame(tag byte, n ...uint64) []byte {
	out := icn.AppendArray([]byte{tag}, len(n))
	for _, x := range n {
		out = icn.AppendUint(out, x)
	}
	return out
}

func decodeUints(p []byte, n int) ([]uint64, error) {
	r := icn.NewReader(p)
	r.Tuple(n)
	out := make([]uint64, n)
	for i := range out {
		out[i] = r.Uint()
	}
	return out, r.Close()
}

// listFrame is a frame of a tag and byte strings.
func listFrame(tag byte, items [][]byte) []byte {
	size := 8
	for _, x := range items {
		size += len(x) + 6
	}
	out := append(make([]byte, 0, size), tag)
	out = icn.AppendArray(out, len(items))
	for _, x := range items {
		out = icn.AppendBytes(out, x)
	}
	return out
}

func decodeList(p []byte, most, size int) ([][]byte, error) {
	r := icn.NewReader(p)
	n := r.Array(most)
	out := make([][]byte, 0, min(n, 1024))
	for range n {
		out = append(out, r.Bytes(size))
		if r.Err() != nil {
			break
		}
	}
	return out, r.Close()
}

// refusal is the leader's word that it will not order a statement.
type refusal struct {
	Author icn.DID
	Number uint64
	Hash   [32]byte
	Code   uint64 // see errorCodes
	Reason string
}

// errorCodes numbers the sentinels for the way between nodes.
var errorCodes = []error{icn.ErrInvalid, icn.ErrNotFound, icn.ErrDenied, icn.ErrConflict, icn.ErrInsufficient, icn.ErrUnavailable, icn.ErrCorrupt}

func (f refusal) encode() []byte {
	out := icn.AppendDID(icn.AppendArray([]byte{frameRefuse}, 5), f.Author)
	out = icn.AppendBytes(icn.AppendUint(out, f.Number), f.Hash[:])
	return icn.AppendText(icn.AppendUint(out, f.Code), f.Reason)
}

func decodeRefusal(p []byte) (refusal, error) {
	r := icn.NewReader(p)
	r.Tuple(5)
	f := refusal{Author: r.DID(), Number: r.Uint(), Hash: r.Hash(), Code: r.Uint(), Reason: r.Text(1024)}
	return f, r.Close()
}

// remoteError is an error that another node put into words.
type remoteError struct {
	kind   error
	reason string
}

func (e *remoteError) Error() string { return e.reason }
func (e *remoteError) Unwrap() error { return e.kind }

func (f refusal) err() error {
	kind := icn.ErrInvalid
	if f.Code < uint64(len(errorCodes)) {
		kind = errorCodes[f.Code]
	}
	return &remoteError{kind, f.Reason}
}

// Peer is what is known of a node before the log tells it.
type Peer struct {
	DID    icn.DID  `json:"did"`
	RaftID uint64   `json:"raft_id"`
	Addrs  []string `json:"addrs"`

	Rotations [][]byte `json:"rotations,omitempty"` // statements by which it got another key
}

// Welcome tells a new or returning node its seat and who else there is.
type Welcome struct {
	Genesis []byte
	RaftID  uint64
	Peers   []Peer
}

// Encode is the canonical form.
func (w Welcome) Encode() []byte {
	b := icn.AppendUint(icn.AppendBytes(icn.AppendArray(nil, 3), w.Genesis), w.RaftID)
	b = icn.AppendArray(b, len(w.Peers))
	for _, p := range w.Peers {
		b = icn.AppendTexts(icn.AppendUint(icn.AppendDID(icn.AppendArray(b, 4), p.DID), p.RaftID), p.Addrs)
		b = appendRotations(b, p.Rotations)
	}
	return b
}

// DecodeWelcome reads it strictly.
func DecodeWelcome(p []byte) (Welcome, error) {
	r := icn.NewReader(p)
	r.Tuple(3)
	w := Welcome{Genesis: r.Bytes(icn.MaxBlock), RaftID: r.Uint()}
	for range r.Array(4096) {
		r.Tuple(4)
		w.Peers = append(w.Peers, Peer{DID: r.DID(), RaftID: r.Uint(), Addrs: r.Texts(maxFrameTexts, 512), Rotations: readRotations(r)})
		if r.Err() != nil {
			break
		}
	}
	if err := r.Close(); err != nil {
		return w, fmt.Errorf("welcome: %w", err)
	}
	return w, nil
}

// LogFrame is the frame in which entries travel to a node that is behind.
func LogFrame(leaves [][]byte) []byte { return listFrame(frameLog, leaves) }

// LeavesOf are the entries in such a frame.
func LeavesOf(frame []byte) ([][]byte, bool) {
	if len(frame) == 0 || frame[0] != frameLog {
		return nil, false
	}
	leaves, err := decodeList(frame[1:], gapEntries+1, icn.MaxStatement+64)
	return leaves, err == nil
}

// SubmitFrame is the frame in which statements travel to whoever leads.
func SubmitFrame(wires ...[]byte) []byte { return listFrame(frameSubmit, wires) }

// Submitted are the statements in such a frame; nothing for other frames.
func Submitted(frame []byte) [][]byte {
	if len(frame) == 0 || frame[0] != frameSubmit {
		return nil
	}
	wires, err := decodeList(frame[1:], 4096, icn.MaxStatement)
	if err != nil {
		return nil
	}
	return wires
}

// SignFrame is the frame in which a clerk's signed checkpoint travels, and Signed
// what is in it; "" for other frames.
func SignFrame(note string) []byte { return append([]byte{frameSign}, note...) }

// Signed is the note of a [SignFrame].
func Signed(frame []byte) string {
	if len(frame) == 0 || frame[0] != frameSign {
		return ""
	}
	return string(frame[1:])
}
