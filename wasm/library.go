package wasm

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// library keeps compiled programs ready. A program is compiled once, however
// many ask for it at the same time; the one not used for the longest goes first.
type library struct {
	mu    sync.Mutex
	most  int
	books map[bookKey]*book
	order *list.List // of *book, the latest used in front
}

// bookKey: what the rewriting depends on.
type bookKey struct {
	cid          icn.CID
	pages, table uint64
	depth        uint32
}

type book struct {
	key    bookKey
	ready  chan struct{}
	module wazero.CompiledModule
	err    error
	uses   int
	gone   bool
	place  *list.Element
	lib    *library
}

func (l *library) init(most int) {
	if most <= 0 {
		most = 64
	}
	l.most, l.books, l.order = most, map[bookKey]*book{}, list.New()
}

// compiled returns a program ready to run; release it afterwards.
func (r *Runner) compiled(ctx context.Context, p Program, lim Limits) (*book, error) {
	key := bookKey{p.CID, min(lim.MemoryBytes/65536, 65536), lim.TableElements, lim.CallDepth}
	l := &r.library
	l.mu.Lock()
	b, ok := l.books[key]
	if ok {
		b.uses++
		l.order.MoveToFront(b.place)
		l.mu.Unlock()
		select {
		case <-b.ready:
		case <-ctx.Done():
			b.release()
			return nil, fmt.Errorf("compile: %w: %w", icn.ErrUnavailable, context.Cause(ctx))
		}
		if b.err != nil {
			err := b.err
			b.release()
			return nil, err
		}
		return b, nil
	}
	b = &book{key: key, ready: make(chan struct{}), uses: 1, lib: l}
	b.place = l.order.PushFront(b)
	l.books[key] = b
	l.trim()
	l.mu.Unlock()
	b.module, b.err = r.compile(ctx, p, lim)
	close(b.ready)
	if b.err != nil {
		err := b.err
		l.mu.Lock()
		b.drop() // it may have failed for a passing reason
		l.mu.Unlock()
		b.release()
		return nil, err
	}
	return b, nil
}

func (r *Runner) compile(ctx context.Context, p Program, lim Limits) (wazero.CompiledModule, error) {
	code, err := p.Load(ctx)
	if err != nil {
		return nil, err
	}
	metered, err := r.prepare(code, lim)
	if err != nil {
		return nil, err
	}
	m, err := r.rt.CompileModule(context.WithoutCancel(ctx), metered)
	if err != nil {
		return nil, fmt.Errorf("module: %w: %s", icn.ErrInvalid, firstLine(err.Error()))
	}
	return m, nil
}

// trim lets programs go that are over the number kept.
func (l *library) trim() {
	for e := l.order.Back(); e != nil && l.order.Len() > l.most; {
		b, before := e.Value.(*book), e.Prev()
		if b.uses == 0 {
			b.drop()
			b.free()
		}
		e = before
	}
}

// drop takes a program off the shelf.
func (b *book) drop() {
	if !b.gone {
		b.gone = true
		b.lib.order.Remove(b.place)
		delete(b.lib.books, b.key)
	}
}

func (b *book) free() {
	if b.module != nil {
		_ = b.module.Close(context.Background())
		b.module = nil
	}
}

func (b *book) release() {
	b.lib.mu.Lock()
	defer b.lib.mu.Unlock()
	b.uses--
	if b.uses == 0 && b.gone {
		b.free()
	}
}

// IsTooBig says whether a module was refused because it needs more from the
// start than the job's limits allow.
func IsTooBig(err error) bool { return errors.Is(err, errTooBig) }
