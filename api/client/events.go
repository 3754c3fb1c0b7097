package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// maxEvent bounds a line of the stream of events.
const maxEvent = 8 << 20

// Events yields events in the order of the log. With Follow set it goes on until
// ctx ends, the loop is left or the node goes away; the last event's Cursor as
// After goes on there without a gap.
func (c *Client) Events(ctx context.Context, q wire.EventQuery) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		a, err := c.send(ctx, call{method: http.MethodGet, path: "/events", query: eventValues(q), accept: "application/x-ndjson", stream: true})
		if err != nil {
			yield(wire.Event{}, err)
			return
		}
		defer a.Close()
		lines := bufio.NewScanner(a)
		lines.Buffer(make([]byte, 64<<10), maxEvent)
		got := 0
		for lines.Scan() {
			if len(lines.Bytes()) == 0 {
				continue // a heartbeat
			}
			ev, err := readEvent(lines.Bytes())
			if !yield(ev, err) || err != nil {
				return
			}
			got++
		}
		if err := lines.Err(); err != nil {
			yield(wire.Event{}, fmt.Errorf("events: %w", err))
		} else if q.Follow && (q.Limit == 0 || got < q.Limit) {
			yield(wire.Event{}, fmt.Errorf("events: %w: the node ended the stream: %w", icn.ErrUnavailable, io.EOF))
		}
	}
}

// readEvent reads a line: an event, or the problem that ended the stream.
func readEvent(line []byte) (wire.Event, error) {
	var both struct {
		wire.Event
		Problem *wire.Problem `json:"problem"`
	}
	if err := wire.Unmarshal(line, &both); err != nil {
		return wire.Event{}, fmt.Errorf("events: line of the node: %w", errors.Join(icn.ErrCorrupt, err))
	}
	if both.Problem != nil {
		return wire.Event{}, both.Problem
	}
	return both.Event, nil
}

func eventValues(q wire.EventQuery) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("type", q.Type)
	set("after", q.After)
	if q.Author != nil {
		v.Set("author", q.Author.String())
	}
	if q.Account != nil {
		v.Set("account", q.Account.String())
	}
	if q.Job != nil {
		v.Set("job", q.Job.String())
	}
	if q.Proposal != nil {
		v.Set("proposal", q.Proposal.String())
	}
	if q.Tail > 0 {
		v.Set("tail", strconv.Itoa(q.Tail))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	return v
}
