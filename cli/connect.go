package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// with runs f with the way to the node, and explains what a person can do about
// an error of it.
func (a *app) with(f func(*client.Client) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return a.explain(c, f(c))
}

// explain adds the next step to errors that nearly everybody meets.
func (a *app) explain(c *client.Client, err error) error {
	var p *wire.Problem
	var op *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &op) && op.Op == "dial":
		return advised{fmt.Errorf("no node answers at %s (%w: %v)", c.URL(), icn.ErrUnavailable, op.Err),
			"Start one with 'icn-node --test-mode', or give --api-url."}
	case errors.As(err, &p) && p.Status == http.StatusUnauthorized:
		if strings.Contains(p.Detail, "token") {
			return advised{fmt.Errorf("%w: the node at %s: %s", icn.ErrDenied, c.URL(), p.Detail), "Give it with --auth-token or ICN_AUTH_TOKEN."}
		}
		return advised{fmt.Errorf("%w: the node at %s wants its API key", icn.ErrDenied, c.URL()),
			"Give it with --api-key or ICN_API_KEY."}
	}
	return err
}

// pause is how long a waiting command rests between two questions.
const pause = 100 * time.Millisecond

// errNotYet says why a condition does not hold yet.
type errNotYet struct{ why string }

func (e errNotYet) Error() string { return e.why }

// until asks again and again until ask is content or the time is over. Errors of
// unavailability and errNotYet are met with patience.
func until(ctx context.Context, wait time.Duration, ask func(context.Context) error) error {
	end := time.Now().Add(wait)
	for {
		err := ask(ctx)
		var notYet errNotYet
		patient := errors.As(err, &notYet) || errors.Is(err, icn.ErrUnavailable)
		if err == nil || !patient {
			return err
		}
		if !time.Now().Add(pause).Before(end) {
			if errors.As(err, &notYet) {
				return fmt.Errorf("%w: %s", icn.ErrUnavailable, notYet.why)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
