package api

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// queue bounds the connections on which no request is being answered: those that
// say nothing, those that say it slowly, and those that rest between two requests.
// When there are too many, the one that has waited longest is closed, so that
// whoever opens thousands of them shuts out nobody but themselves.
type queue struct {
	most int

	mu    sync.Mutex
	order *list.List // of net.Conn, the longest waiting first
	at    map[net.Conn]*list.Element
}

func newQueue(most int) *queue {
	return &queue{most: most, order: list.New(), at: map[net.Conn]*list.Element{}}
}

// silentHere is how many connections may wait: no more than a quarter of the files
// that the process may have open, because the store wants some, too.
func silentHere() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxSilent / 4
	}
	return int(min(maxSilent, max(files.Cur/4, 64)))
}

type queueKey struct{}

type queued struct {
	q *queue
	c net.Conn
}

// tie is an http.Server's ConnContext.
func (q *queue) tie(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, queueKey{}, queued{q, c})
}

// begin notes that a request of this connection is being answered.
func begin(ctx context.Context) {
	if x, ok := ctx.Value(queueKey{}).(queued); ok {
		x.q.leave(x.c)
	}
}

// watch is an http.Server's ConnState.
func (q *queue) watch(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew, http.StateIdle:
		q.enter(c)
	case http.StateHijacked, http.StateClosed:
		q.leave(c)
	}
}

func (q *queue) enter(c net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, ok := q.at[c]; ok {
		q.order.Remove(e)
	}
	q.at[c] = q.order.PushBack(c)
	if q.order.Len() <= q.most {
		return
	}
	oldest := q.order.Remove(q.order.Front()).(net.Conn)
	delete(q.at, oldest)
	_ = oldest.Close() // it had its time
}

func (q *queue) leave(c net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, ok := q.at[c]; ok {
		q.order.Remove(e)
		delete(q.at, c)
	}
}

// clear closes all connections on which nothing is being answered: those on which
// nothing was ever asked would hold up a server that ends, and who takes its place.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := q.order.Front(); e != nil; e = e.Next() {
		go func() { _ = e.Value.(net.Conn).Close() }() // a connection of TLS may take a while to say goodbye
	}
}
