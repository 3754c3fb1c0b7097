package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Into is where a backup goes back to: an empty store, or two when the log has one
// of its own.
type Into struct {
	Blocks   store.Store
	Log      store.Store
	Checker  node.Checker
	Progress func(bytes int64) // of content read; may be nil

	with *node.History // the log of a running node, which is compared with instead of made; see Merge
}

// Result is what was read.
type Result struct {
	Manifest Manifest // of the last backup
	Blocks   int64
	Entries  uint64
	Missing  int    // blocks that a running node had not, or had damaged
	Sealed   []byte // the node's sealed key, if it is in there
}

// Restore fills an empty store from backups that follow one another, checking
// everything. When anything is wrong the store is empty again.
func Restore(ctx context.Context, from []Source, into Into) (Result, error) {
	if into.Log == nil {
		into.Log = into.Blocks
	}
	if err := node.BeginRebuild(into.Blocks); err != nil {
		return Result{}, err
	}
	if into.Log != into.Blocks {
		if err := node.BeginRebuild(into.Log); err != nil {
			return Result{}, errors.Join(err, node.AbandonRebuild(into.Blocks))
		}
	}
	blocks, err := dag.Open(into.Blocks, dag.Options{})
	if err != nil {
		return Result{}, err
	}
	filling := blocks.Fill()
	r := &reader{ctx: ctx, into: into, blocks: blocks, put: filling.Put}
	err = r.all(from)
	if err == nil {
		err = filling.End()
	}
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		err = errors.Join(err, node.AbandonRebuild(into.Blocks))
		if into.Log != into.Blocks {
			err = errors.Join(err, node.AbandonRebuild(into.Log))
		}
		return r.result, fmt.Errorf("restore: %w", err)
	}
	return r.result, nil
}

// Verify reads backups as Restore does, and keeps nothing.
func Verify(ctx context.Context, from []Source, c node.Checker, progress func(int64)) (Result, error) {
	r := &reader{ctx: ctx, into: Into{Checker: c, Progress: progress, Log: nowhere{}}}
	if err := r.all(from); err != nil {
		return r.result, fmt.Errorf("verify: %w", err)
	}
	return r.result, nil
}

// reader reads backups that follow one another.
type reader struct {
	ctx    context.Context
	into   Into
	blocks *dag.DAG
	put    func([]icn.Block) error // nil: they are checked only
	log    *node.Rebuild
	pins   []dag.RawPin
	result Result
	last   *Manifest
}

func (r *reader) all(from []Source) error {
	if len(from) == 0 {
		return fmt.Errorf("%w: no backup is given", icn.ErrInvalid)
	}
	for _, s := range from {
		if err := r.one(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// reading is one backup.
type reading struct {
	*reader
	head     *Head
	manifest *Manifest
	seen     map[string]Member
	blocks   int64
	bytes    int64
	entries  int64
	work     sync.WaitGroup
	room     chan struct{}
	mu       sync.Mutex
	failed   error
}

func (r *reader) one(s Source) error {
	x := &reading{reader: r, seen: map[string]Member{}, room: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	err := s.Each(func(name string, data []byte) error {
		if err := x.failure(); err != nil {
			return err
		}
		if r.into.Progress != nil {
			r.into.Progress(int64(len(data)))
		}
		if err := x.member(name, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return r.ctx.Err()
	})
	x.work.Wait()
	if bad := x.failure(); bad != nil && !errors.Is(err, bad) {
		err = errors.Join(bad, err)
	}
	if err != nil {
		return err
	}
	return x.complete()
}

func (x *reading) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.failed
}

func (x *reading) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed == nil {
		x.failed = err
	}
}

func (x *reading) member(name string, data []byte) error {
	if x.known(name) {
		return fmt.Errorf("%w: it is there twice", icn.ErrCorrupt)
	}
	if x.manifest != nil {
		return fmt.Errorf("%w: it stands behind the manifest", icn.ErrCorrupt)
	}
	if x.head == nil && name != headName {
		return fmt.Errorf("%w: a backup begins with %s", icn.ErrCorrupt, headName)
	}
	if strings.HasPrefix(name, "blocks/") {
		x.note(Member{Name: name})
		x.beside(name, append(buffer(len(data)), data...))
		return nil
	}
	m := memberOf(name, data)
	var err error
	switch {
	case name == headName:
		err = x.begin(data)
	case name == manifestName:
		var manifest Manifest
		if manifest, err = ParseManifest(data, x.into.Checker.Verify); err == nil {
			x.manifest = &manifest
		}
		return err
	case strings.HasPrefix(name, "log/"):
		m.Items, err = x.entriesOf(data)
	case name == pinsName:
		if err = strictJSON(data, &x.pins); err != nil {
			err = fmt.Errorf("%w: %v", icn.ErrCorrupt, err)
		}
	case strings.HasPrefix(name, "keys/"):
		x.result.Sealed = append([]byte(nil), data...)
	default:
		return fmt.Errorf("%w: it is no member of a backup", icn.ErrCorrupt)
	}
	x.note(m)
	return err
}

func memberOf(name string, data []byte) Member {
	sum := sha256.Sum256(data)
	return Member{Name: name, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

func (x *reading) known(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, ok := x.seen[name]
	return ok
}

func (x *reading) note(m Member) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen[m.Name] = m
}

// begin checks that this backup goes on where the one before ended.
func (x *reading) begin(data []byte) error {
	var h Head
	if err := json.Unmarshal(data, &h); err != nil {
		return fmt.Errorf("%w: %v", icn.ErrCorrupt, err)
	}
	if h.Format != Format {
		return fmt.Errorf("%w: format %.40q, want %q; install a release that reads it", icn.ErrInvalid, h.Format, Format)
	}
	if icn.SumCID(icn.DagCBOR, h.Genesis) != h.Network {
		return fmt.Errorf("%w: its genesis is not that of %s", icn.ErrCorrupt, h.Network)
	}
	x.head = &h
	last := x.last
	switch {
	case x.into.with != nil:
		return x.joins(h)
	case last == nil && !h.Full():
		return fmt.Errorf("%w: it holds only what came after entry %d; give the full backup before it, too", icn.ErrInvalid, h.After.Entries)
	case last == nil:
		log, err := node.NewRebuild(x.into.Log, h.Genesis, x.into.Checker.Verify, x.into.Checker.VerifyBatch)
		x.log = log
		return err
	case h.Full():
		return fmt.Errorf("%w: a full backup stands behind another one; give the last full one and those after it", icn.ErrInvalid)
	case h.Network != last.Network || h.Node != last.Node || h.Stock != last.Stock:
		return fmt.Errorf("%w: it is of another node or store than the one before", icn.ErrInvalid)
	case h.After.Entries > last.Reaches.Entries || h.After.Arrival > last.Reaches.Arrival:
		return fmt.Errorf("%w: it goes on from entry %d and block %d, the one before ends at %d and %d: one in between is missing",
			icn.ErrInvalid, h.After.Entries, h.After.Arrival, last.Reaches.Entries, last.Reaches.Arrival)
	}
	return nil
}

// beside checks a member's blocks, and stores them, while others are read. The
// data belongs to it.
func (x *reading) beside(name string, data []byte) {
	x.room <- struct{}{}
	x.work.Go(func() {
		defer func() { <-x.room }()
		if err := x.car(memberOf(name, data), data); err != nil {
			x.fail(fmt.Errorf("%s: %w", name, err))
		}
		spare(data)
	})
}

func (x *reading) car(m Member, data []byte) error {
	blocks, err := readCAR(data)
	if err != nil {
		return err
	}
	m.Items = int64(len(blocks))
	bytes := int64(0)
	for _, b := range blocks {
		bytes += int64(len(b.Data))
	}
	x.note(m)
	x.mu.Lock()
	x.blocks += m.Items
	x.bytes += bytes
	x.mu.Unlock()
	if x.put == nil {
		return nil
	}
	return x.put(blocks)
}

func (x *reading) entriesOf(data []byte) (items int64, err error) {
	leaves, err := readEntries(append([]byte(nil), data...))
	if err != nil {
		return 0, err
	}
	items = int64(len(leaves))
	x.entries += items
	if x.into.with != nil {
		return items, x.agree(x.head.After.Entries+uint64(x.entries-items)+1, leaves)
	}
	// What a backup before this one held is not folded twice.
	first := x.head.After.Entries + uint64(x.entries-items) + 1
	if have := x.log.History().Entries; have >= first {
		leaves = leaves[min(have-first+1, uint64(len(leaves))):]
	}
	for len(leaves) > 0 {
		n := min(len(leaves), 2048)
		if err := x.log.Entries(leaves[:n]); err != nil {
			return items, err
		}
		leaves = leaves[n:]
	}
	return items, nil
}

// complete compares what was read with the manifest.
func (x *reading) complete() error {
	m := x.manifest
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w: %s", manifestName, icn.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	if m == nil {
		return fmt.Errorf("%w: it has no %s: it was never finished, or cut off", icn.ErrCorrupt, manifestName)
	}
	want := map[string]Member{}
	for _, w := range m.Members {
		got, there := x.seen[w.Name]
		switch {
		case !there:
			return wrong("%s is missing", w.Name)
		case got.Bytes != w.Bytes || got.SHA256 != w.SHA256:
			return wrong("%s is not the one that was written (SHA-256 %s, want %s)", w.Name, got.SHA256, w.SHA256)
		}
		want[w.Name] = w
	}
	for name := range x.seen { // order: any one is named
		if _, ok := want[name]; !ok {
			return wrong("%s does not belong to it", name)
		}
	}
	if a, b := fmt.Sprintf("%+v", m.Head), fmt.Sprintf("%+v", *x.head); a != b {
		return wrong("it is of another backup than %s", headName)
	}
	if x.blocks != m.Blocks || x.bytes != m.Bytes || x.entries != m.Entries || len(x.pins) != m.Pins {
		return wrong("%d blocks (%d bytes), %d entries and %d pins are there; want %d (%d), %d and %d",
			x.blocks, x.bytes, x.entries, len(x.pins), m.Blocks, m.Bytes, m.Entries, m.Pins)
	}
	if x.into.with != nil {
		x.last, x.result.Manifest = m, *m
		x.result.Blocks += x.blocks
		x.result.Entries += uint64(x.entries)
		return nil
	}
	h := x.log.History()
	if err := h.Same(node.History{Network: m.Network, Entries: m.Reaches.Entries, Tree: m.TreeRoot, State: m.StateRoot, Totals: m.Mana}); err != nil {
		return err
	}
	if err := x.log.CheckCertified(m.Certified); err != nil {
		return err
	}
	x.last = m
	x.result.Manifest, x.result.Entries = *m, h.Entries
	x.result.Blocks += x.blocks
	return nil
}

// finish makes the store a node's.
func (r *reader) finish() error {
	if err := r.blocks.PutPins(r.pins); err != nil {
		return err
	}
	m := r.result.Manifest
	if r.into.Log != r.into.Blocks {
		if err := node.EndRebuild(r.into.Blocks); err != nil { // durable before the log speaks of them
			return err
		}
	}
	return r.log.Finish(node.History{Seat: m.Seat, Certified: m.Certified, Peers: m.Peers})
}

// nowhere takes what nobody keeps.
type nowhere struct{}

func (nowhere) Get([]byte) ([]byte, error)                           { return nil, icn.ErrNotFound }
func (nowhere) Scan(store.Range, func(key, value []byte) bool) error { return nil }
func (nowhere) Apply(*store.Batch) error                             { return nil }
func (nowhere) Close() error                                         { return nil }
