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
	for _, load := range []func() error{l.loadBase, l.loadHard, l.loadConfs, l.loadEntries, l.loadWindow, l.loadSnapshot} {
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
	l.confs = confs{c}
	b := &store.Batch{}
	b.Put(l.keys.one(kindFounding), numbers(l.floor))
	b.Put(l.keys.one(kindBase), numbers(l.terms.base(), l.terms.baseTerm()))
	b.Put(l.keys.at(kindConf, c.index), appendConf(nil, c))
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

func (l *log) loadConfs() error {
	err := l.scan(kindConf, func(index uint64, value []byte) error {
		c, rest, err := parseConf(value)
		if err != nil || len(rest) > 0 {
			return fmt.Errorf("configuration %d: %w", index, icn.ErrCorrupt)
		}
		c.index = index
		l.confs = append(l.confs, c)
		return nil
	})
	if err == nil && len(l.confs) == 0 {
		err = fmt.Errorf("no configuration: %w", icn.ErrCorrupt)
	}
	return err
}

// loadEntries checks that the log has no hole and learns its terms.
func (l *log) loadEntries() error {
	return l.scan(kindEntry, func(index uint64, value []byte) error {
		if index != l.terms.last+1 || len(value) < entryHead {
			return fmt.Errorf("entry %d after entry %d: %w", index, l.terms.last, icn.ErrCorrupt)
		}
		l.terms.put(index, binary.BigEndian.Uint64(value))
		return nil
	})
}

// loadWindow fills the window with the newest entries.
func (l *log) loadWindow() error {
	r := l.keys.from(kindEntry, l.terms.base()+1)
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

// scan visits the records of an indexed kind in ascending order.
func (l *log) scan(kind byte, f func(index uint64, value []byte) error) error {
	var err error
	scanErr := l.store.Scan(l.keys.from(kind, 0), func(key, value []byte) bool {
		var index uint64
		if index, err = l.keys.index(key); err == nil {
			err = f(index, value)
		}
		return err == nil
	})
	return errors.Join(err, scanErr)
}
