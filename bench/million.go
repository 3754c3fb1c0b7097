package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// changed is how many blocks are new between two backups.
const changed = 1000

// million measures backups of a store with many blocks, of the running node and of
// its store at rest.
type million struct {
	benches
	ctx    context.Context
	dir    string
	blocks source
	node   *process // nil: it is stopped
}

func (b benches) million(ctx context.Context, dir string) error {
	x := &million{benches: b, ctx: ctx, dir: dir, blocks: newSource(3)}
	if err := x.start(); err != nil {
		return err
	}
	filling, err := timed(x.node.cmd.Process.Pid, func() error { return x.put(b.many) })
	if err != nil {
		return errors.Join(err, x.node.stop())
	}
	fmt.Printf("backup of %d blocks of 1 KiB that do not shrink, Pebble; median of %d (put over HTTP by one client, durable: %v)\n", b.many, b.rounds, filling)
	if err := x.stop(); err != nil {
		return err
	}
	if err := x.atRest(); err != nil {
		return err
	}
	if err := x.start(); err != nil {
		return err
	}
	return errors.Join(x.running(), x.stop())
}

func (m *million) at(name string) string { return filepath.Join(m.dir, name) }

func (m *million) start() (err error) {
	m.node, err = start(m.ctx, m.benches.node, m.at("node"), nil)
	return err
}

func (m *million) stop() error {
	err := m.node.stop()
	m.node = nil
	return err
}

// put puts so many new blocks.
func (m *million) put(n int) error {
	w, err := dialSocket(strings.TrimPrefix(m.node.url, "http://"))
	if err != nil {
		return err
	}
	defer w.conn.Close()
	var body []byte
	for n > 0 {
		body = body[:0]
		some := min(n, perBatch)
		for range some {
			body = wire.AppendBlock(body, m.blocks.next())
		}
		if err := putBatch(w, body); err != nil {
			return err
		}
		n -= some
	}
	return nil
}

// icn runs icn-cli for the running node, or for its store.
func (m *million) icn(args ...string) (spent, error) {
	p := program{bin: m.cli, args: append([]string{"-q"}, args...)}
	if m.node == nil {
		p.args = append(p.args, "--stopped", "--storage-path", m.at("node/store"))
	} else {
		p.env = []string{"ICN_API_URL=" + m.node.url, "ICN_API_KEY=" + apiKey}
	}
	return p.run(m.ctx)
}

// served is icn with what the node needed for it added.
func (m *million) served(args ...string) (s spent, err error) {
	node, err := timed(m.node.cmd.Process.Pid, func() error {
		s, err = m.icn(args...)
		return err
	})
	s.cpu += node.cpu
	s.rss = max(s.rss, node.rss)
	return s, err
}

func (m *million) full() []string {
	return []string{"dag", "backup", "--output", m.at("backup.tar.gz")}
}

func (m *million) atRest() error {
	folder := m.at("folder")
	steps := []step{
		{row: &row{what: "backup to a tar.gz file, store at rest"}, ours: func() (spent, error) { return m.icn(m.full()...) }},
		{row: &row{what: "verify --deep, store at rest"}, ours: func() (spent, error) { return m.icn("dag", "verify", "--deep") }},
		{row: &row{what: "verify a backup file"}, ours: func() (spent, error) {
			return program{bin: m.cli, args: []string{"-q", "dag", "verify", "--input", m.at("backup.tar.gz")}}.run(m.ctx)
		}},
		{row: &row{what: "restore with verification"}, ours: m.restore},
		{row: &row{what: "backup to a folder, store at rest"}, ours: func() (spent, error) {
			if err := os.RemoveAll(folder); err != nil {
				return spent{}, err
			}
			return m.icn("dag", "backup", "--path", folder)
		}},
	}
	if err := interleave(m.rounds, steps); err != nil {
		return err
	}
	return interleave(m.rounds, []step{{row: &row{what: fmt.Sprintf("incremental backup of %d new blocks, store at rest", changed)}, ours: func() (spent, error) {
		if err := m.more(); err != nil {
			return spent{}, err
		}
		return m.icn("dag", "backup", "--incremental", "--path", folder)
	}}})
}

// more puts new blocks into the stopped node.
func (m *million) more() error {
	if err := m.start(); err != nil {
		return err
	}
	err := errors.Join(m.put(changed), m.stop())
	settle()
	return err
}

func (m *million) restore() (spent, error) {
	back := m.at("back")
	if err := os.RemoveAll(back); err != nil {
		return spent{}, err
	}
	settle()
	s, err := program{bin: m.cli, args: []string{"-q", "dag", "restore", "--stopped", "--storage-path", filepath.Join(back, "store"), "--input", m.at("backup.tar.gz")}}.run(m.ctx)
	return s, errors.Join(err, os.RemoveAll(back))
}

func (m *million) running() error {
	return interleave(m.rounds, []step{
		{row: &row{what: fmt.Sprintf("incremental backup of %d new blocks, running node (CPU of both, memory of the larger)", changed)}, ours: func() (spent, error) {
			if err := m.put(changed); err != nil {
				return spent{}, err
			}
			return m.served("dag", "backup", "--incremental", "--path", m.at("folder"))
		}},
		{row: &row{what: "backup to a tar.gz file, running node"}, ours: func() (spent, error) { return m.served(m.full()...) }},
		{row: &row{what: "verify --deep, running node"}, ours: func() (spent, error) { return m.served("dag", "verify", "--deep") }},
	})
}
