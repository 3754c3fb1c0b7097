package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// restoring is the value of [store.Unfinished] here.
const restoring = "restore"

// errUnfinished says that a store is not whole.
var errUnfinished = fmt.Errorf("store: %w: filling it was not finished; run the restore or the migration again, or remove the store", icn.ErrInvalid)

// checkWhole refuses a store that is being filled.
func checkWhole(s store.Store) error {
	_, err := s.Get(store.Unfinished)
	switch {
	case err == nil:
		return errUnfinished
	case errors.Is(err, icn.ErrNotFound):
		return nil
	}
	return fmt.Errorf("store: %w", err)
}

// Rebuild fills an empty store from a log: every entry is checked as if it had
// just been ordered. Until [Rebuild.Finish] has returned, no node works with what
// is there.
type Rebuild struct {
	whole   store.Store
	part    store.Store
	genesis icn.Block
	m       *core.Machine
	one     core.Verify
	verify  func([]SigItem) []bool
	batch   store.Batch
	points  map[uint64]point // by their size
	keys    icn.Keyring      // of those who have had others than their first
}

// point is a checkpoint that the log led to, and who could certify it.
type point struct {
	icn.Checkpoint
	clerks []icn.DID
}

// BeginRebuild marks the store as being filled. It must be empty, or what an
// earlier rebuild left, which is removed.
func BeginRebuild(s store.Store) error {
	if err := checkWhole(s); err != nil && !errors.Is(err, errUnfinished) {
		return err
	} else if err == nil {
		used := false
		if err := s.Scan(store.Range{}, func(_, _ []byte) bool { used = true; return false }); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if used {
			return fmt.Errorf("restore: %w: the store is not empty; choose another --storage-path, or move the old one away", icn.ErrConflict)
		}
	} else if err := store.Wipe(s); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	b := &store.Batch{}
	b.Put(store.Unfinished, []byte(restoring))
	return s.Apply(b)
}

// AbandonRebuild makes the store empty again.
func AbandonRebuild(s store.Store) error {
	if err := checkWhole(s); !errors.Is(err, errUnfinished) {
		return errors.Join(err, fmt.Errorf("restore: %w: the store is not being filled", icn.ErrConflict))
	}
	if err := store.Wipe(s); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	b := &store.Batch{}
	b.Delete(store.Unfinished)
	return s.Apply(b)
}

// NewRebuild fills a store that [BeginRebuild] marked with the log of a network.
func NewRebuild(s store.Store, genesis []byte, verify core.Verify, batch func([]SigItem) []bool) (*Rebuild, error) {
	block := icn.NewBlock(icn.DagCBOR, genesis)
	m, err := core.New(block, verify)
	if err != nil {
		return nil, err
	}
	r := &Rebuild{whole: s, part: NetworkStore(s, block.CID), genesis: block, m: m, one: verify, verify: batch, points: map[uint64]point{}, keys: icn.Keyring{}}
	r.batch.Relaxed = true
	return r, nil
}

// Entries folds the next entries of the log, in the form of Merkle leaves.
func (r *Rebuild) Entries(leaves [][]byte) error {
	next := r.m.Head().Index + 1
	entries, sigs, err := checkLeaves(r.m, r.verify, leaves)
	if err != nil {
		return fmt.Errorf("log from entry %d: %w: %v", next, icn.ErrCorrupt, err)
	}
	for i, e := range entries {
		out, err := r.m.Apply(*e, sigs[i])
		if err != nil {
			return fmt.Errorf("entry %d: %w: %v", next+uint64(i), icn.ErrCorrupt, err)
		}
		recordEntry(&r.batch, *e, out)
		for _, ev := range out.Events {
			if k, ok := ev.Body.(icn.KeyRotated); ok {
				r.keys[k.Who] = append(r.keys[k.Who], k.Key)
			}
			if c, ok := ev.Body.(icn.CheckpointDue); ok {
				_, tree := r.m.Tree()
				p := point{Checkpoint: icn.Checkpoint{Network: r.m.Network(), Size: c.Size, Tree: tree, State: r.m.Root()}}
				for _, x := range r.m.Clerks() {
					p.clerks = append(p.clerks, x.DID)
				}
				r.points[c.Size] = p
			}
		}
	}
	if err := r.part.Apply(&r.batch); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	r.batch.Reset()
	r.batch.Relaxed = true
	return nil
}

// History is what the log led to so far.
func (r *Rebuild) History() History {
	h := historyOf(r.m)
	h.Genesis, h.store = r.genesis.Data, r.part
	return h
}

// CheckCertified compares a checkpoint that clerks signed with what the log led to.
func (r *Rebuild) CheckCertified(note string) error {
	if note == "" {
		return nil
	}
	c, sigs, err := icn.ParseNote(note)
	if err != nil {
		return fmt.Errorf("certified checkpoint: %w: %v", icn.ErrCorrupt, err)
	}
	own, ok := r.points[c.Size]
	if !ok || own.Checkpoint != c {
		return fmt.Errorf("certified checkpoint: %w: clerks signed other roots at entry %d than the log leads to", icn.ErrCorrupt, c.Size)
	}
	with := 0
	for _, s := range sigs {
		if !r.keys.Signed(s.Signer, []byte(c.Text()), s.Sig[:], r.one) {
			return fmt.Errorf("certified checkpoint: %w: the signature of %s does not verify", icn.ErrCorrupt, s.Signer)
		}
		if slices.Contains(own.clerks, s.Signer) {
			with++
		}
	}
	if need := len(own.clerks)/2 + 1; with < need {
		return fmt.Errorf("certified checkpoint: %w: %d of the %d clerks of that time signed it, want %d", icn.ErrCorrupt, with, len(own.clerks), need)
	}
	return nil
}

// Finish makes the store a node's. as tells who that node was in the order. In a
// federation of several it does not take that seat again: what it said since is
// not in the backup.
func (r *Rebuild) Finish(as History) error {
	b := &store.Batch{}
	p := part{r.whole, []byte(networkPrefix + r.genesis.CID.KeyString() + "/")}
	put := func(key string, v []byte) { b.Put(p.key([]byte(key)), v) }
	put(keyGenesis, r.genesis.Data)
	put(keyFolded, uintValue(r.m.Head().Index))
	put(keySnapshot, snapshot{data: r.m.Snapshot()}.encode())
	put(keyPeers, Welcome{Peers: as.Peers}.Encode())
	if as.Seat.RaftID != 0 {
		put(keySeat, seatValue(seat{raftID: as.Seat.RaftID, boot: max(as.Seat.Boot, 1)}))
	}
	if as.Certified != "" {
		put(keyCert, []byte(as.Certified))
	}
	if len(r.m.Nodes()) > 1 {
		put(keyRestored, nil)
	}
	b.Put(keyNetwork, r.genesis.CID.Bytes())
	b.Delete(store.Unfinished)
	if err := r.whole.Apply(b); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// EndRebuild makes a store whole that holds no log.
func EndRebuild(s store.Store) error {
	b := &store.Batch{}
	b.Delete(store.Unfinished)
	return s.Apply(b)
}
