package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// backups measures a node's backups of a tree of blocks beside what Kubo has for
// the same: export, import and verify. Both are programs that open a store at rest.
type backups struct {
	benches
	ctx  context.Context
	dir  string
	tree tree
}

func (b benches) backup(ctx context.Context, dir string) error {
	t, err := makeTree(ctx, filepath.Join(dir, "tree.car"), b.blocks)
	if err != nil {
		return err
	}
	x := &backups{benches: b, ctx: ctx, dir: dir, tree: t}
	if err := x.fill(); err != nil {
		return err
	}
	fmt.Printf("backup of %d blocks of 1 KiB that do not shrink (%d with the nodes above them), Pebble, durable, at rest; median of %d\n", b.blocks, t.blocks, b.rounds)
	return interleave(b.rounds, x.steps())
}

func (b *backups) at(name string) string { return filepath.Join(b.dir, name) }

// fill puts the tree into a node, which is then stopped, and into a Kubo
// repository.
func (b *backups) fill() error {
	p, err := start(b.ctx, b.node, b.at("ours"), nil)
	if err != nil {
		return err
	}
	f, err := os.Open(b.tree.path)
	if err == nil {
		_, err = p.api.DagImport(b.ctx, struct{ io.Reader }{f}) // a client closes what it can
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		_, err = p.api.DagPin(b.ctx, b.tree.root, 0)
	}
	if err = errors.Join(err, p.stop()); err != nil || b.ipfs == "" {
		return err
	}
	if err := b.repo("kubo"); err != nil {
		return err
	}
	_, err = b.kubo("kubo", "dag", "import", b.tree.path)
	return err
}

func (b *backups) steps() []step {
	out := []step{
		{row: &row{what: "backup to a tar.gz file (peer: ipfs dag export)"}, ours: b.full},
		{row: &row{what: "restore with verification (peer: ipfs dag import, pebbleds)"}, ours: b.restore},
		{row: &row{what: "verify --deep (peer: ipfs repo verify)"}, ours: b.verify},
		{row: &row{what: "verify a backup file"}, ours: func() (spent, error) {
			return b.icn("dag", "verify", "--input", b.at("backup.tar.gz"))
		}},
	}
	if b.ipfs == "" {
		fmt.Fprintln(os.Stderr, "bench: warning: no -ipfs given, so backups are not compared")
		return out
	}
	out[0].peer, out[1].peer = b.export, b.imported
	out[2].peer = func() (spent, error) { return b.kubo("kubo", "repo", "verify") }
	return out
}

func (b *backups) icn(args ...string) (spent, error) {
	return program{bin: b.cli, args: append([]string{"-q"}, args...)}.run(b.ctx)
}

func (b *backups) kubo(repo string, args ...string) (spent, error) {
	return program{bin: b.ipfs, args: args, env: []string{"IPFS_PATH=" + b.at(repo)}}.run(b.ctx)
}

// repo makes a new repository, in place of the one before.
func (b *backups) repo(name string) error {
	if err := os.RemoveAll(b.at(name)); err != nil {
		return err
	}
	_, err := b.kubo(name, "init", "--profile=test,pebbleds")
	return err
}

func (b *backups) full() (spent, error) {
	return b.icn("dag", "backup", "--stopped", "--storage-path", b.at("ours/store"), "--output", b.at("backup.tar.gz"))
}

func (b *backups) export() (s spent, err error) {
	f, err := os.Create(b.at("export.car"))
	if err != nil {
		return s, err
	}
	s, err = program{bin: b.ipfs, args: []string{"dag", "export", "--progress=false", b.tree.root.String()},
		env: []string{"IPFS_PATH=" + b.at("kubo")}, out: f}.run(b.ctx)
	return s, errors.Join(err, f.Close())
}

func (b *backups) restore() (spent, error) {
	back := b.at("back/store")
	if err := os.RemoveAll(filepath.Dir(back)); err != nil {
		return spent{}, err
	}
	settle()
	return b.icn("dag", "restore", "--stopped", "--storage-path", back, "--input", b.at("backup.tar.gz"))
}

func (b *backups) imported() (spent, error) {
	if err := b.repo("import"); err != nil {
		return spent{}, err
	}
	settle()
	return b.kubo("import", "dag", "import", b.tree.path)
}

func (b *backups) verify() (spent, error) {
	return b.icn("dag", "verify", "--deep", "--stopped", "--storage-path", b.at("ours/store"))
}
