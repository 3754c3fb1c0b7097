package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
)

// points are the checkpoints of the last while: what this node computed, what
// clerks signed, and the last one that a majority of them signed.
type points struct {
	own       map[uint64]ownPoint
	sigs      map[uint64]map[icn.DID]signed
	mine      *signed // this clerk's latest
	certified uint64
	note      string
	shown     shownPoint // to others, when everything that it covers is in the store
	eras      []era      // who the clerks were lately, and are: the last one is now
	evidence  map[icn.DID]Evidence
}

// shownPoint is a certified checkpoint that others see.
type shownPoint struct {
	size uint64
	note string
}

// ownPoint is a checkpoint as this node computed it, and who the clerks were there: no
// others certify it, however late their words come.
type ownPoint struct {
	icn.Checkpoint
	clerks []icn.DID
}

// signed is one clerk's word.
type signed struct {
	c   icn.Checkpoint
	sig icn.NoteSig
}

// keptPoints bounds how many sizes are remembered.
const keptPoints = 64

func newPoints() points {
	return points{own: map[uint64]ownPoint{}, sigs: map[uint64]map[icn.DID]signed{}, evidence: map[icn.DID]Evidence{}}
}

// checkpointDue computes the roots at the entry just applied, and signs them if
// this node is a clerk, or hands that over.
func (l *Loop) checkpointDue(size uint64) error {
	l.mu.Lock()
	n, tree := l.m.Tree()
	c := icn.Checkpoint{Network: l.m.Network(), Size: n, Tree: tree, State: l.m.Root()}
	l.mu.Unlock()
	if n != size {
		return fmt.Errorf("checkpoint at entry %d: %w: the tree has %d leaves", size, icn.ErrCorrupt, n)
	}
	l.points.own[size] = ownPoint{c, l.clerks()}
	forget(l.points.own)
	l.proveAt(size)
	if len(l.fed.doubt) == 0 && (slices.Contains(l.clerks(), l.me) || l.handsOver()) {
		s := l.sign(c)
		return l.count(s)
	}
	return l.certify(size)
}

// sign says to all that this node has come to a checkpoint.
func (l *Loop) sign(c icn.Checkpoint) signed {
	s := signed{c, icn.NoteSig{Signer: l.me, Sig: [64]byte(l.cfg.Signer.Sign([]byte(c.Text())))}}
	l.points.mine = &s
	for _, d := range l.roster.nodes {
		l.cfg.Send(d, Live, s.frame())
	}
	return s
}

// signLate hands the clerks' work over under a checkpoint that is certified: this node
// could not sign it before, because it had its entries from nodes whose word alone is
// not enough.
func (l *Loop) signLate(own icn.Checkpoint) {
	if len(l.fed.doubt) > 0 || l.points.own[own.Size].Checkpoint != own || !l.handsOver() || l.points.mine != nil && l.points.mine.c == own {
		return
	}
	if s := l.sign(own); l.awaits(l.me, own) {
		l.lateSign(s)
	}
}

func (l *Loop) clerks() []icn.DID {
	var out []icn.DID
	for _, p := range l.m.Clerks() {
		out = append(out, p.DID)
	}
	return out
}

// era is who the clerks are since an entry.
type era struct {
	since  uint64
	clerks []icn.DID
}

// keptEras bounds how many changes of the clerks are remembered.
const keptEras = 16

// loadEras finds who the clerks were lately. Where that is not known, it is who they
// are at the entry that the state is at.
func (l *Loop) loadEras() error {
	v, err := l.st.Get([]byte(keyEras))
	if err != nil && !errors.Is(err, icn.ErrNotFound) {
		return fmt.Errorf("store: %w", err)
	}
	if err == nil {
		r := icn.NewReader(v)
		for range r.Array(keptEras) {
			r.Tuple(2)
			l.points.eras = append(l.points.eras, era{r.Uint(), r.DIDs(identity.MaxClerks)})
		}
		if err := r.Close(); err != nil {
			return fmt.Errorf("who the clerks were: %w: %v", icn.ErrCorrupt, err)
		}
	}
	if n := len(l.points.eras); n == 0 || !slices.Equal(l.points.eras[n-1].clerks, l.clerks()) {
		l.newEra(l.m.Head().Index)
	}
	return nil
}

// nextEra notes that others are the clerks since an entry.
func (l *Loop) nextEra(at uint64) {
	eras := append(l.points.eras, era{at, l.clerks()})
	l.keepEras(eras[max(0, len(eras)-keptEras):])
}

// newEra notes who the clerks are since an entry, and that it is not known who they
// were before.
func (l *Loop) newEra(at uint64) { l.keepEras([]era{{at, l.clerks()}}) }

func (l *Loop) keepEras(eras []era) {
	l.points.eras = eras
	b := icn.AppendArray(nil, len(eras))
	for _, e := range eras {
		b = icn.AppendDIDs(icn.AppendUint(icn.AppendArray(b, 2), e.since), e.clerks)
	}
	l.batch.Put([]byte(keyEras), b)
}

// clerksAt tells who the clerks were at an entry; nil if that is not known any more.
func (l *Loop) clerksAt(size uint64) []icn.DID {
	for _, e := range slices.Backward(l.points.eras) {
		if e.since <= size {
			return e.clerks
		}
	}
	return nil
}

func (s signed) frame() []byte {
	return append([]byte{frameSign}, s.c.Note([]icn.NoteSig{s.sig})...)
}

// offerSignature repeats this clerk's word to a peer that has not seen it
// certified. The word of one who was a clerk before goes on to be wanted then.
func (l *Loop) offerSignature(to icn.DID, b beacon) {
	if m := l.points.mine; m != nil && (b.Certified < m.c.Size || b.Certified == m.c.Size && !slices.Contains(l.clerks(), l.me)) {
		l.cfg.Send(to, Live, m.frame())
	}
}

func (l *Loop) onSign(from icn.DID, p []byte) error {
	c, sigs, err := icn.ParseNote(string(p))
	if err != nil {
		return err
	}
	if len(sigs) != 1 || sigs[0].Signer != from || c.Network != l.m.Network() {
		return fmt.Errorf("checkpoint: %w: not %s's own word", icn.ErrDenied, from)
	}
	if c.Size > l.m.Head().Index+1_000_000 {
		return nil
	}
	if own, ok := l.points.own[c.Size]; c.Size <= l.points.certified && (!ok || own.Checkpoint == c) && !l.awaits(from, c) {
		return nil // late, and nothing new
	}
	if have, ok := l.points.sigs[c.Size][from]; ok && have.c == c {
		return nil
	}
	if !l.cfg.Verify(l.m.KeyOf(from), []byte(c.Text()), sigs[0].Sig[:]) {
		return fmt.Errorf("checkpoint: %w: signature of %s does not verify", icn.ErrDenied, from)
	}
	s := signed{c, sigs[0]}
	if l.awaits(from, c) {
		l.lateSign(s)
		return nil
	}
	if c.Size <= l.points.certified {
		l.contradicts(s, l.points.own[c.Size].Checkpoint)
		return nil
	}
	return l.count(s)
}

// count adds a clerk's word. Two different words about one size prove that the
// clerk is not honest; a majority against this node proves that this node is
// wrong.
func (l *Loop) count(s signed) error {
	at := l.points.sigs[s.c.Size]
	if at == nil {
		at = map[icn.DID]signed{}
		l.points.sigs[s.c.Size] = at
	}
	if old, ok := at[s.sig.Signer]; ok && old.c != s.c {
		l.contradictsItself(old, s)
		return nil
	}
	at[s.sig.Signer] = s
	forget(l.points.sigs)
	return l.certify(s.c.Size)
}

// certify looks whether a majority of the clerks of that entry signed what this node
// computed.
func (l *Loop) certify(size uint64) error {
	own, ok := l.points.own[size]
	if size <= l.points.certified || l.fed.wrong != "" {
		return nil
	}
	if !ok {
		return l.certifyUnseen(size)
	}
	clerks := own.clerks
	need := len(clerks)/2 + 1
	var with []icn.NoteSig
	against := map[icn.Checkpoint]int{}
	for _, d := range clerks {
		s, ok := l.points.sigs[size][d]
		switch {
		case !ok:
		case s.c == own.Checkpoint:
			with = append(with, s.sig)
		default:
			against[s.c]++
			if against[s.c] >= need {
				return l.contradicted(fmt.Errorf("state root at entry %d: %w: a majority of the clerks signed another one", size, icn.ErrCorrupt))
			}
		}
	}
	if len(with) < need {
		return nil
	}
	for _, d := range clerks {
		if s, ok := l.points.sigs[size][d]; ok && s.c != own.Checkpoint {
			l.contradicts(s, own.Checkpoint)
		}
	}
	return l.setCertified(own.Checkpoint, with)
}

// setCertified notes that a majority of the clerks signed what this node has.
func (l *Loop) setCertified(own icn.Checkpoint, with []icn.NoteSig) error {
	size := own.Size
	l.points.certified, l.points.note = size, own.Note(with)
	l.batch.Put([]byte(keyCert), []byte(l.points.note))
	l.keepProofs(own, l.points.note)
	for n := range l.points.sigs { // order: each is dropped by itself
		if n < size {
			delete(l.points.sigs, n)
		}
	}
	l.noDoubt(&l.fed.doubt, size)
	l.signLate(own)
	l.release()
	return l.judge(size)
}

// Certified is the last certified checkpoint as a signed note, of which everything
// is in the store; empty when there is none. It may be called from any goroutine.
func (l *Loop) Certified() (uint64, string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.points.shown.size, l.points.shown.note
}

// showPoint lets others see the last certified checkpoint, at the end of a turn:
// the records of the entries below it are stored by then.
func (l *Loop) showPoint() {
	if l.points.shown.size == l.points.certified {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.points.shown = shownPoint{l.points.certified, l.points.note}
}

// loadCertified reads what was certified before the last stop.
func (l *Loop) loadCertified(v []byte) error {
	c, _, err := icn.ParseNote(string(v))
	if err != nil {
		return fmt.Errorf("stored checkpoint: %w: %v", icn.ErrCorrupt, err)
	}
	l.points.certified, l.points.note = c.Size, string(v)
	l.points.shown = shownPoint{c.Size, string(v)}
	return nil
}

// forget keeps the newest of what is remembered per size.
func forget[V any](m map[uint64]V) {
	for len(m) > keptPoints {
		low := ^uint64(0)
		for n := range m { // order: the minimum does not depend on it
			low = min(low, n)
		}
		delete(m, low)
	}
}
