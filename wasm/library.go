package wasm

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// library keeps compiled programs ready, within a number and a size. A program is
// compiled once, however many ask for it at the same time; the one not used for
// the longest goes first, those in use stay.
type library struct {
	mu        sync.Mutex
	most      int
	mostBytes uint64
	bytes     uint64
	books     map[icn.CID]*book
	order     *list.List // of *book, the latest used in front
}

// book is a compiled program. What stands before mu is written once, before ready
// is closed.
type book struct {
	ready   chan struct{}
	module  wazero.CompiledModule
	needs   needs
	err     error
	loading bool // err came from Load: somebody else's may do better

	lib   *library
	cid   icn.CID
	bytes uint64 // what it counts for
	uses  int
	gone  bool
	place *list.Element
}

func (l *library) init(most int, mostBytes uint64) {
	l.most, l.mostBytes, l.books, l.order = most, mostBytes, map[icn.CID]*book{}, list.New()
}

// claim returns the book of a program, in use. The first who asks has to make it.
func (l *library) claim(c icn.CID) (b *book, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.books[c]; ok {
		b.uses++
		l.order.MoveToFront(b.place)
		return b, false
	}
	b = &book{ready: make(chan struct{}), lib: l, cid: c, uses: 1}
	b.place = l.order.PushFront(b)
	l.books[c] = b
	return b, true
}

// done publishes what became of a new book. A failure is not kept: it may have
// had a passing reason.
func (b *book) done(size uint64) {
	l := b.lib
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.err != nil {
		b.drop()
	} else {
		b.bytes = size
		l.bytes += size
		l.trim()
	}
	close(b.ready)
}

// trim lets programs go that are over the bounds.
func (l *library) trim() {
	for e := l.order.Back(); e != nil && (l.order.Len() > l.most || l.bytes > l.mostBytes); {
		b, before := e.Value.(*book), e.Prev()
		if b.uses == 0 {
			b.drop()
			b.free()
		}
		e = before
	}
}

// drop takes a book off the shelf; whoever holds it may read on.
func (b *book) drop() {
	if !b.gone {
		b.gone = true
		b.lib.bytes -= b.bytes
		b.lib.order.Remove(b.place)
		delete(b.lib.books, b.cid)
	}
}

func (b *book) free() {
	if b.module != nil {
		_ = b.module.Close(context.Background()) // frees memory, cannot fail
		b.module = nil
	}
}

func (b *book) release() {
	l := b.lib
	l.mu.Lock()
	defer l.mu.Unlock()
	b.uses--
	switch {
	case b.uses > 0:
	case b.gone:
		b.free()
	default:
		l.trim()
	}
}

// compiled returns a program ready to run; release it afterwards.
func (r *Runner) compiled(ctx context.Context, p Program) (*book, error) {
	for {
		b, first := r.library.claim(p.CID)
		if first {
			r.fill(ctx, b, p)
		}
		select {
		case <-b.ready:
		case <-ctx.Done():
			r.releaseLater(b)
			return nil, fmt.Errorf("compile: %w: %w", icn.ErrUnavailable, context.Cause(ctx))
		}
		if b.err == nil {
			return b, nil
		}
		err, again := b.err, b.loading && !first
		b.release()
		if !again {
			return nil, err
		}
	}
}

// releaseLater gives a book back that is still being made.
func (r *Runner) releaseLater(b *book) {
	r.work.Go(func() {
		<-b.ready
		b.release()
	})
}

// fill loads a program and has it compiled. Compiling goes on when ctx ends: the
// next to ask will be glad of it.
func (r *Runner) fill(ctx context.Context, b *book, p Program) {
	program, err := load(ctx, p)
	if err != nil {
		b.err, b.loading = err, true
		b.done(0)
		return
	}
	r.work.Go(func() {
		r.slots <- struct{}{}
		defer func() { <-r.slots }()
		var size int
		b.module, b.needs, size, b.err = r.compile(program)
		b.done(uint64(size))
	})
}

func load(ctx context.Context, p Program) (program []byte, err error) {
	defer func() {
		if x := recover(); x != nil { // or all who wait for this book would wait for ever
			err = fmt.Errorf("load module %s: panic: %v", p.CID, x)
		}
	}()
	return p.Load(ctx)
}

// compile makes machine code of a program. The size is that of the code that is
// compiled; machine code is a few times larger.
func (r *Runner) compile(program []byte) (m wazero.CompiledModule, n needs, size int, err error) {
	metered, n, err := prepare(program)
	if err != nil {
		return nil, n, 0, err
	}
	m, err = r.engine(metered)
	if err != nil && r.cfg.CacheDir != "" { // as when a disk has spoilt the cache
		if err = r.clearCache(); err == nil {
			m, err = r.engine(metered)
		}
	}
	if err == nil {
		err = r.trimCache()
	}
	if err != nil { // not the program's fault: it is valid
		return nil, n, 0, fmt.Errorf("compile: %w: %s", icn.ErrUnavailable, firstLine(err.Error()))
	}
	return m, n, len(metered), nil
}

// engine compiles on one goroutine, so that a panic of the compiler stays here.
func (r *Runner) engine(metered []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler gave up: %v", p)
		}
	}()
	return r.rt.CompileModule(context.Background(), metered)
}
