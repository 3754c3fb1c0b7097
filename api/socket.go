package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func socketDoc(s *Server, op *huma.Operation) {
	op.Description = "A WebSocket on which each event is a text message, as of GET /events, first what is stored after the cursor, then what happens. What the client sends is not read."
	for _, name := range []string{"type", "author", "job", "account", "after"} {
		inQuery(op, name, huma.TypeString, "as for GET /events")
	}
	inQuery(op, "tail", huma.TypeInteger, "begin with the last so many")
	op.Responses["101"] = &huma.Response{Description: "The socket."}
}

// socket tells events over a WebSocket until either side ends it.
func (s *Server) socket(w *writer, r *http.Request) error {
	want, err := readWanted(r)
	if err != nil {
		return err
	}
	if r.Header.Get("Upgrade") == "" {
		return fmt.Errorf("socket: %w: this is a WebSocket; for a plain stream use /events with Accept: text/event-stream", icn.ErrInvalid)
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: s.gate.Load().pages})
	if err != nil {
		return nil // it has answered
	}
	defer c.CloseNow()
	ctx := c.CloseRead(r.Context())
	bus := s.n.Subscribe()
	defer func() { bus.Close() }()
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	in := reader{n: s.n, filter: want.filter, cursor: want.after}
	for tail := want.tail; ; tail = 0 {
		if err := sendEvents(ctx, c, &in, tail); err != nil {
			_ = c.Close(websocket.StatusTryAgainLater, icn.Fit(err.Error(), 100)) // nobody may be there to read it
			return nil
		}
		if in.more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing.Done():
			_ = c.Close(websocket.StatusGoingAway, "the node stops")
			return nil
		case <-beat.C:
			if c.Ping(ctx) != nil {
				return nil
			}
		case _, ok := <-bus.C:
			if !ok { // fell behind: the store has it all
				bus = s.n.Subscribe()
			}
		}
	}
}

// sendEvents sends a page of what is stored after the cursor.
func sendEvents(ctx context.Context, c *websocket.Conn, in *reader, tail int) error {
	list, err := in.page(tail, 1000)
	if err != nil {
		return err
	}
	for _, e := range list {
		ctx, cancel := context.WithTimeout(ctx, socketPatience)
		err := c.Write(ctx, websocket.MessageText, e.text)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// socketPatience is how long a client may take to read one event.
const socketPatience = 30 * time.Second
