package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/coder/websocket"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Socket follows events over a WebSocket, from the query's cursor on, until ctx ends
// or the caller has enough. [Client.Events] does the same over plain HTTP.
func (c *Client) Socket(ctx context.Context, q wire.EventQuery) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		header := http.Header{}
		if c.o.APIKey != "" {
			header.Set("X-Api-Key", c.o.APIKey)
		}
		if c.o.Token != "" {
			header.Set("Authorization", "Bearer "+c.o.Token)
		}
		q.Follow = false // that is what a socket does
		conn, _, err := websocket.Dial(ctx, c.base+"/ws?"+eventValues(q).Encode(), &websocket.DialOptions{HTTPClient: c.o.HTTP, HTTPHeader: header})
		if err != nil {
			yield(wire.Event{}, fmt.Errorf("socket: %w: %w", icn.ErrUnavailable, err))
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(maxEvent)
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				yield(wire.Event{}, fmt.Errorf("socket: %w: %w", icn.ErrUnavailable, err))
				return
			}
			if ev, err := readEvent(b); !yield(ev, err) || err != nil {
				return
			}
		}
	}
}
