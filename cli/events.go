package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// eventFlags are what can be said about wanted events.
type eventFlags struct {
	typ, author, job, account, after string
	tail                             int
	follow                           bool
}

func (a *app) eventsCommand() *cobra.Command {
	var f eventFlags
	c := command("events", "What happened in the federation, from its log", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.events(c.Context(), f)
	})
	c.Flags().StringVar(&f.typ, "type", "", "only this type: settled, rollback, posted, assigned, failed, node, member, …")
	c.Flags().StringVar(&f.author, "author", "", "only what this DID caused")
	c.Flags().StringVar(&f.job, "job", "", "only about this job")
	c.Flags().StringVar(&f.account, "account", "", "only about this account")
	c.Flags().StringVar(&f.after, "after", "", "only after this place, e.g. 120 (an entry) or 120.1 (an event of it)")
	c.Flags().IntVar(&f.tail, "tail", 0, "only the last so many")
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with new ones as they happen, until Ctrl-C")
	return c
}

func (f eventFlags) query() (wire.EventQuery, error) {
	q := wire.EventQuery{Type: f.typ, After: f.after, Tail: f.tail, Follow: f.follow}
	var err error
	if q.Author, err = optionalDID(f.author); err != nil {
		return q, err
	}
	if q.Account, err = optionalDID(f.account); err != nil {
		return q, err
	}
	if f.job != "" {
		c, err := icn.ParseCID(f.job)
		if err != nil {
			return q, err
		}
		q.Job = &c
	}
	return q, nil
}

func optionalDID(s string) (*icn.DID, error) {
	if s == "" {
		return nil, nil
	}
	d, err := icn.ParseDID(s)
	return &d, err
}

func (a *app) events(ctx context.Context, f eventFlags) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	return a.with(func(c *client.Client) error {
		p := a.printer()
		for {
			cut := a.stream(ctx, c, p, &q)
			if cut == nil || !q.Follow || !errors.Is(cut, icn.ErrUnavailable) || q.After == "" {
				return cut
			}
			a.note("The node went away; waiting for it.")
			if err := until(ctx, time.Minute, func(ctx context.Context) error { _, err := c.Livez(ctx); return err }); err != nil {
				return err
			}
		}
	})
}

// stream prints events until the stream ends; q then says where to go on.
func (a *app) stream(ctx context.Context, c *client.Client, p printer, q *wire.EventQuery) error {
	for ev, err := range c.Events(ctx, *q) {
		if err != nil {
			if q.Follow && ctx.Err() != nil {
				return nil // Ctrl-C is how following ends
			}
			return err
		}
		q.After, q.Tail = ev.Cursor().String(), 0
		if err := a.showEvent(p, ev); err != nil {
			return err
		}
	}
	return nil
}

// showEvent prints one line: JSON, or place, time, type and body.
func (a *app) showEvent(p printer, ev wire.Event) error {
	if p.json {
		b, err := wire.Marshal(ev)
		if err != nil {
			return err
		}
		p.line("%s", b)
		return nil
	}
	p.line("%-8s  %s  %-14s  %s", ev.Cursor(), clock(ev.Time), ev.Type, eventText(ev.Body))
	return nil
}

// eventText is an event's body in one line, in the order of its fields.
func eventText(body json.RawMessage) string {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return string(body)
	}
	var parts []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return string(body)
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return string(body)
		}
		var s string
		switch {
		case json.Unmarshal(v, &s) != nil:
			s = string(v)
		case strings.HasPrefix(s, "did:key:"):
			s = "…" + s[len(s)-8:]
		}
		if len(s) > 100 {
			s = strings.ToValidUTF8(s[:100], "") + "…"
		}
		parts = append(parts, fmt.Sprintf("%v=%s", name, s))
	}
	return strings.Join(parts, " ")
}
