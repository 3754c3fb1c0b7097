package order

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// openLog reads what the store holds for an identity, or founds it.
func openLog(cfg Config) (*log, error) {
	l := &log{store: cfg.Store, keys: newKeys(cfg.Prefix, cfg.ID), hard: &pb.HardState{}, maxWindow: cfg.MaxWindow}
	v, err := l.store.Get(l.keys.one(kindFounding))
	if errors.Is(err, icn.ErrNotFound) {
		return l, l.found(cfg)
	}
	if err == nil {
		err = parseNumbers(v, &l.floor)
	}
	for _, load := range []func() error{l.loadBase, l.loadHard, l.loadConf, l.loadEntries, l.loadWindow, l.loadSnapshot} {
		if err == nil {
			err = load()
		}
	}
	return l, err
}

// found stores an identity's beginning: with the first configuration and an
// empty log, which for a voter begins after what its application has.
func (l *log) found(cfg Config) error {
	c := conf{voters: cfg.Voters, learners: cfg.Learners}
	if err := c.check(); err != nil {
		return err
	}
	l.floor, l.terms = cfg.Applied, newTerms(0, 0)
	if _, voter := slices.BinarySearch(cfg.Voters, cfg.ID); voter && cfg.Applied > 0 {
		l.terms = newTerms(cfg.Applied, 1)
	}
	c.index = l.terms.base()
	l.conf = c
	b := &store.Batch{}
	b.Put(l.keys.one(kindFounding), numbers(l.floor))
	b.Put(l.keys.one(kindBase), numbers(l.terms.base(), l.terms.baseTerm()))
	l.writeConf(b, c)
	return l.store.Apply(b)
}

func (l *log) loadBase() error {
	v, err := l.store.Get(l.keys.one(kindBase))
	if err != nil {
		return fmt.Errorf("base of the log: %w", err)
	}
	var index, term uint64
	if err := parseNumbers(v, &index, &term); err != nil {
		return fmt.Errorf("base of the log: %w", err)
	}
	l.terms = newTerms(index, term)
	return nil
}

func (l *log) loadHard() error {
	v, err := l.store.Get(l.keys.one(kindHard))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hard state: %w", err)
	}
	var term, vote, commit uint64
	if err := parseNumbers(v, &term, &vote, &commit); err != nil {
		return fmt.Errorf("hard state: %w", err)
	}
	l.hard = &pb.HardState{Term: &term, Vote: &vote, Commit: &commit}
	return nil
}

func (l *log) loadConf() error {
	v, err := l.store.Get(l.keys.one(kindConf))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(v) < 8 {
		return fmt.Errorf("configuration of %d bytes: %w", len(v), icn.ErrCorrupt)
	}
	c, rest, err := parseConf(v[8:])
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("configuration: %w", icn.ErrCorrupt)
	}
	c.index = binary.BigEndian.Uint64(v)
	l.conf = c
	return nil
}

func (l *log) writeConf(b *store.Batch, c conf) {
	b.Put(l.keys.one(kindConf), appendConf(numbers(c.index), c))
}

// loadEntries checks that the log has no hole and learns its terms.
func (l *log) loadEntries() error {
	var err error
	scanErr := l.store.Scan(l.keys.entries(), func(key, value []byte) bool {
		var index uint64
		if index, err = l.keys.index(key); err != nil {
			return false
		}
		if index != l.terms.last+1 || len(value) < entryHead {
			err = fmt.Errorf("entry %d of %d bytes after entry %d: %w", index, len(value), l.terms.last, icn.ErrCorrupt)
			return false
		}
		l.terms.put(index, binary.BigEndian.Uint64(value))
		return true
	})
	return errors.Join(err, scanErr)
}

// loadWindow fills the window with the newest entries.
func (l *log) loadWindow() error {
	r := l.keys.entries()
	r.Reverse = true
	index := l.terms.last
	var err error
	scanErr := l.store.Scan(r, func(_, value []byte) bool {
		if l.windowBytes+len(value) > l.maxWindow || len(l.window) == maxWindowEntries {
			return false
		}
		var e *pb.Entry
		if e, err = parseEntry(index, slices.Clone(value)); err != nil {
			return false
		}
		l.window = append(l.window, e)
		l.windowBytes += len(e.GetData())
		index--
		return true
	})
	slices.Reverse(l.window)
	return errors.Join(err, scanErr)
}

func (l *log) loadSnapshot() error {
	s, err := l.stored()
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err == nil {
		l.snapshot = s.Index
	}
	return err
}
