package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// admit makes n members, which is 2n events: an account and a member each.
func (w *world) admit(n int) {
	w.t.Helper()
	for i := range n {
		pair, err := key.Generate()
		require.NoError(w.t, err)
		_, err = w.c.FederationMembers(ctx, wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: fmt.Sprint("member ", i)})
		require.NoError(w.t, err)
	}
}

func (w *world) list(q wire.EventQuery) []wire.Event {
	w.t.Helper()
	var out []wire.Event
	for e, err := range w.c.Events(ctx, q) {
		require.NoError(w.t, err)
		out = append(out, e)
	}
	return out
}

func TestEventsAreFilteredAndPaged(t *testing.T) {
	w := start(t, api.Config{})
	w.admit(5)
	all := w.list(wire.EventQuery{})
	require.GreaterOrEqual(t, len(all), 10)
	require.Len(t, w.list(wire.EventQuery{Type: "member"}), 5)
	require.Len(t, w.list(wire.EventQuery{Type: "MemberAdmitted", Tail: 2}), 2)
	require.Len(t, w.list(wire.EventQuery{Limit: 3}), 3)
	me := w.pair.DID()
	require.NotEmpty(t, w.list(wire.EventQuery{Author: &me}))
	var opened icn.AccountOpened
	require.NoError(t, wire.Unmarshal(w.list(wire.EventQuery{Type: "account", Tail: 1})[0].Body, &opened))
	require.Len(t, w.list(wire.EventQuery{Account: &opened.Account}), 1)
	require.Equal(t, all[len(all)-1], w.list(wire.EventQuery{Tail: 1})[0])

	// Pages of each size, cut within an entry too, give every event once.
	for size := 1; size < 5; size++ {
		var got []wire.Event
		for after := ""; ; {
			a := w.do(call{method: http.MethodGet, path: fmt.Sprintf("/events?limit=%d&after=%s", size, after)})
			var page wire.Events
			require.NoError(t, wire.Unmarshal([]byte(a.body), &page))
			got = append(got, page.Events...)
			if after = page.Next; after == "" {
				break
			}
		}
		require.Equal(t, all, got[:len(all)], "pages of %d", size)
	}
	none := w.do(call{method: http.MethodGet, path: "/events?type=rollback"})
	require.JSONEq(t, `{"events":[]}`, none.body)
}

// sse is a stream of server-sent events.
type sse struct {
	resp  *http.Response
	lines *bufio.Scanner
	end   context.CancelFunc
}

func (w *world) sse(path, last string) *sse {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	require.Equal(w.t, "text/event-stream", resp.Header.Get("Content-Type"))
	return &sse{resp, bufio.NewScanner(resp.Body), cancel}
}

// next reads one event; "" at the end.
func (s *sse) next() (id, typ string) {
	for s.lines.Scan() {
		switch k, v, _ := strings.Cut(s.lines.Text(), ": "); k {
		case "id":
			id = v
		case "event":
			typ = v
		case "":
			if id != "" {
				return id, typ
			}
		}
	}
	return "", ""
}

func (s *sse) close() { s.end(); _ = s.resp.Body.Close() }

func TestStreamResumesWithoutLossOrDoubles(t *testing.T) {
	w := start(t, api.Config{})
	w.admit(3)
	const path = "/events?type=member"
	s := w.sse(path, "")
	var seen []string
	read := func(n int) {
		for range n {
			id, typ := s.next()
			require.Equal(t, "MemberAdmitted", typ)
			seen = append(seen, id)
		}
	}
	read(3)
	w.admit(2) // live
	read(2)
	for range 4 { // broken off and taken up again, with things happening meanwhile and at once
		s.close()
		w.admit(2)
		done := make(chan struct{})
		s = w.sse(path, seen[len(seen)-1])
		go func() { defer close(done); w.admit(3) }()
		read(5)
		<-done
	}
	s.close()
	var want []string
	for _, e := range w.list(wire.EventQuery{Type: "member"}) {
		want = append(want, e.Cursor().String())
	}
	require.Equal(t, want, seen)
}

func TestStreamOfAllEventsIsTheStoredOnes(t *testing.T) {
	w := start(t, api.Config{})
	s := w.sse("/events", "")
	defer s.close()
	go w.admit(40)
	var seen []string
	for members := 0; members < 40; {
		id, typ := s.next()
		require.NotEmpty(t, id)
		seen = append(seen, id)
		if typ == "MemberAdmitted" {
			members++
		}
	}
	var want []string
	for _, e := range w.list(wire.EventQuery{Limit: len(seen)}) {
		want = append(want, e.Cursor().String())
	}
	require.Equal(t, want, seen)
}

func TestFollowedEventsComeAsTheyHappen(t *testing.T) {
	w := start(t, api.Config{})
	w.admit(2)
	n := 0
	for e, err := range w.c.Events(ctx, wire.EventQuery{Type: "member", Tail: 1, Follow: true, Limit: 4}) {
		require.NoError(t, err)
		require.Equal(t, "MemberAdmitted", e.Type)
		if n++; n < 4 {
			w.admit(1)
		}
	}
	require.Equal(t, 4, n)
}

func TestQuietStreamBeats(t *testing.T) {
	w := start(t, api.Config{Heartbeat: time.Millisecond})
	s := w.sse("/events?type=rollback", "")
	defer s.close()
	for range 3 {
		require.True(t, s.lines.Scan())
		require.Equal(t, ":", s.lines.Text())
		require.True(t, s.lines.Scan())
		require.Empty(t, s.lines.Text())
	}
}

func TestStreamsEndAtOnceAtShutdown(t *testing.T) {
	w := start(t, api.Config{})
	other := &world{t: t, node: w.node, pair: w.pair}
	stop := other.serveUntil(api.Config{})
	s := other.sse("/events?type=rollback", "")
	defer s.close()
	begin := time.Now()
	stop()
	id, _ := s.next()
	require.Empty(t, id)
	require.NoError(t, s.lines.Err(), "the stream was ended, not broken off")
	t.Log("ended after", time.Since(begin))
}
