package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

const (
	ndjson = "application/x-ndjson"
	sse    = "text/event-stream"
	maxOne = 1 << 30 // a limit that is none
)

func eventsDoc(s *Server, op *huma.Operation) {
	op.Description = "Answers JSON; or, by Accept, application/x-ndjson (one event a line, all of them) or text/event-stream (then it follows, " +
		"from Last-Event-ID on if that is sent). An empty line or a comment is a heartbeat."
	inQuery(op, "type", huma.TypeString, "a type, or its everyday name: rollback, settled, …")
	inQuery(op, "author", huma.TypeString, "DID of who said the statement")
	inQuery(op, "job", huma.TypeString, "CID of the job")
	inQuery(op, "proposal", huma.TypeString, "CID of the proposal")
	inQuery(op, "account", huma.TypeString, "DID of an account it changed")
	inQuery(op, "after", huma.TypeString, "a cursor: 12.0, or 12 for all after entry 12")
	inQuery(op, "tail", huma.TypeInteger, "the last so many, instead of the first")
	inQuery(op, "limit", huma.TypeInteger, "at most so many")
	inQuery(op, "follow", huma.TypeBoolean, "go on with new ones as they happen (NDJSON)")
	answersJSON(op, http.StatusOK, "The events, in the order of the log.", s.schemaFor(reflect.TypeFor[wire.Events]()))
	op.Responses["200"].Content[ndjson] = &huma.MediaType{Schema: s.schemaFor(reflect.TypeFor[wire.Event]())}
	op.Responses["200"].Content[sse] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
}

// wanted is what a caller asked for.
type wanted struct {
	filter node.EventFilter
	after  wire.Cursor
	tail   int
	limit  int
	follow bool
	format string
}

func readWanted(r *http.Request) (wanted, error) {
	q := readQuery(r, "type", "author", "job", "proposal", "account", "after", "tail", "limit", "follow")
	w := wanted{limit: maxOne, follow: q.flag("follow"), tail: q.number("tail", node.MaxEvents), format: jsonType}
	if n := q.number("limit", maxOne); n > 0 {
		w.limit = n
	}
	typ, err := node.EventType(q.text("type"))
	if err != nil {
		q.fail("type", err)
	}
	w.filter = node.EventFilter{Type: typ, Author: q.did("author"), Job: q.cid("job"), Acct: q.did("account")}
	if id := q.cid("proposal"); id != nil {
		if w.filter.Job != nil {
			q.fail("proposal", errors.New("it is of a job or of a proposal, not both"))
		}
		w.filter.Job = id // events are found by what they are about
	}
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, sse):
		w.format, w.follow = sse, true
	case strings.Contains(accept, ndjson), w.follow:
		w.format = ndjson
	}
	after := q.text("after")
	if id := r.Header.Get("Last-Event-ID"); id != "" && w.format == sse {
		after = id // it is further on than the address that the stream was first asked for with
	}
	if w.after, err = wire.ParseCursor(after); err != nil {
		q.fail("after", err)
	}
	return w, q.err
}

func (s *Server) events(w *writer, r *http.Request) error {
	want, err := readWanted(r)
	if err != nil {
		return err
	}
	if want.format == jsonType {
		return s.eventPage(w, want)
	}
	f := &follower{s: s, w: w, want: want, cursor: want.after}
	return f.run(r.Context())
}

// eventPage answers with one page of JSON.
func (s *Server) eventPage(w *writer, want wanted) error {
	limit := min(want.limit, node.MaxEvents)
	r := reader{n: s.n, filter: want.filter, cursor: want.after}
	list, err := r.page(want.tail, limit)
	if err != nil {
		return err
	}
	out := wire.Events{Events: make([]wire.Event, len(list))}
	for i, p := range list {
		if err := json.Unmarshal(p.text, &out.Events[i]); err != nil {
			return fmt.Errorf("event: %w: %v", icn.ErrCorrupt, err)
		}
	}
	if want.tail == 0 && len(list) == limit {
		out.Next = list[limit-1].at.String()
	}
	return writeJSON(w, http.StatusOK, out)
}

// placedEvent is an event as JSON, and its place.
type placedEvent struct {
	at   wire.Cursor
	typ  string
	text []byte
}

// reader reads a node's stored events from a cursor on.
type reader struct {
	n      *node.Node
	filter node.EventFilter
	cursor wire.Cursor
	more   bool // the last page was full: there may be more
}

// page reads the events after the cursor, at most limit, and moves it; with tail
// the last so many instead.
func (r *reader) page(tail, limit int) ([]placedEvent, error) {
	f := r.filter
	f.Tail, f.Limit, f.After = tail, node.MaxEvents, r.cursor.Index
	if r.cursor.Number != wire.WholeEntry && f.After > 0 {
		f.After-- // the rest of this entry is still wanted
	}
	list, err := r.n.Events(f)
	if err != nil {
		return nil, err
	}
	var out []placedEvent
	for _, text := range list {
		var head struct {
			Index  uint64 `json:"index"`
			Number uint32 `json:"number"`
			Type   string `json:"type"`
		}
		if err := json.Unmarshal(text, &head); err != nil {
			return nil, fmt.Errorf("event: %w: %v", icn.ErrCorrupt, err)
		}
		at := wire.Cursor{Index: head.Index, Number: head.Number}
		if r.cursor.Before(at) && len(out) < limit {
			out = append(out, placedEvent{at, head.Type, wire.Plain(text)})
		}
	}
	r.more = tail == 0 && len(list) == node.MaxEvents
	switch {
	case len(out) > 0:
		r.cursor = out[len(out)-1].at
	case r.more && limit > 0:
		i := r.cursor.Index
		return nil, fmt.Errorf("events: %w: entry %d has more than the %d that can be read at once; see /log/%d, and go on with after=%d", icn.ErrUnavailable, i, node.MaxEvents, i, i)
	}
	return out, nil
}

// follower streams events: first what is stored, then what happens. The bus only
// says that something happened; what it was is always read from the store, so
// that nothing is told twice, left out, or filtered in another way.
type follower struct {
	s      *Server
	w      *writer
	want   wanted
	cursor wire.Cursor
	sent   int
	began  bool
	buf    []byte
}

func (f *follower) run(ctx context.Context) error {
	network, err := f.network()
	if err != nil {
		return err
	}
	bus := f.s.n.Subscribe()
	defer func() { bus.Close() }()
	beat := time.NewTicker(f.s.cfg.Heartbeat)
	defer beat.Stop()
	for {
		if now, err := f.network(); err != nil || now != network {
			return f.end(fmt.Errorf("events: %w: the node went over to another federation", icn.ErrUnavailable))
		}
		if err := f.catchUp(); err != nil {
			return f.end(err)
		}
		if !f.want.follow || f.sent >= f.want.limit {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.s.closing.Done():
			return nil
		case <-beat.C:
			if f.beat() != nil {
				return nil
			}
		case evs, ok := <-bus.C:
			if !ok { // fell behind: the store has it all
				bus = f.s.n.Subscribe()
				continue
			}
			f.skip(evs, bus)
		}
	}
}

// skip drains the bus. Nothing before the first event on it has to be searched
// again, if all that is stored was read.
func (f *follower) skip(evs []icn.Event, bus *node.Subscription) {
	if first := evs[0].Index; first > 0 && f.cursor.Index < first-1 {
		f.cursor = wire.Cursor{Index: first - 1, Number: wire.WholeEntry}
	}
	for {
		select {
		case _, ok := <-bus.C:
			if ok {
				continue
			}
		default:
		}
		return
	}
}

func (f *follower) network() (c icn.CID, err error) {
	err = f.s.n.View(func(m *core.Machine) { c = m.Network() })
	return c, err
}

// catchUp sends what is stored after the cursor.
func (f *follower) catchUp() error {
	tail := f.want.tail
	f.want.tail = 0
	for {
		r := reader{n: f.s.n, filter: f.want.filter, cursor: f.cursor}
		list, err := r.page(tail, min(f.want.limit-f.sent, node.MaxEvents))
		if err != nil {
			return err
		}
		f.begin()
		for _, e := range list {
			if err := f.send(e); err != nil {
				return err
			}
		}
		f.cursor = r.cursor
		f.sent += len(list)
		if !r.more || f.sent >= f.want.limit {
			return f.flush()
		}
		tail = 0
	}
}

func (f *follower) begin() {
	if f.began {
		return
	}
	f.began = true
	h := f.w.Header()
	h.Set("Content-Type", f.want.format)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	f.w.WriteHeader(http.StatusOK)
}

func (f *follower) send(e placedEvent) error {
	if f.want.format == sse {
		f.buf = fmt.Appendf(f.buf, "id: %s\nevent: %s\ndata: %s\n\n", e.at, e.typ, e.text)
	} else {
		f.buf = append(append(f.buf, e.text...), '\n')
	}
	if len(f.buf) < held {
		return nil
	}
	return f.write()
}

func (f *follower) write() error {
	f.w.pace()
	_, err := f.w.Write(f.buf)
	f.buf = f.buf[:0]
	if err != nil {
		return errGone
	}
	return nil
}

func (f *follower) flush() error {
	if err := f.write(); err != nil {
		return err
	}
	f.w.Flush()
	return nil
}

// beat shows both sides that the other is still there.
func (f *follower) beat() error {
	if f.want.format == sse {
		f.buf = append(f.buf, ":\n\n"...)
	} else {
		f.buf = append(f.buf, '\n')
	}
	return f.flush()
}

// errGone ends a stream that nobody reads.
var errGone = fmt.Errorf("events: the reader is gone: %w", io.ErrClosedPipe)

// end tells why a stream ends, in the stream if it has begun.
func (f *follower) end(err error) error {
	if !f.began {
		return err
	}
	if err == errGone {
		return nil
	}
	p := f.s.problem(err, f.w.Header().Get(correlation))
	text, jsonErr := wire.Marshal(p)
	if jsonErr != nil {
		return jsonErr
	}
	if f.want.format == sse {
		f.buf = fmt.Appendf(f.buf, "event: problem\ndata: %s\n\n", text)
	} else {
		f.buf = fmt.Appendf(f.buf, "{\"problem\":%s}\n", text)
	}
	_ = f.flush() // nobody reads it: the stream ends all the same
	return nil
}
