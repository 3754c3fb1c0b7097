package cli

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (a *app) pingCommand() *cobra.Command {
	var p pinging
	c := command("ping PEER", "Measure the way to a peer, named by its DID or peer id", 1, 1, func(c *cobra.Command, args []string) error {
		return a.networkPing(c, args[0], p)
	})
	c.Flags().IntVarP(&p.count, "count", "c", 4, "how often")
	c.Flags().DurationVarP(&p.every, "interval", "i", time.Second, "time from one to the next")
	return c
}

// pinging is how often a peer is asked.
type pinging struct {
	count int
	every time.Duration
}

// pings is what came of it. Times are in microseconds.
type pings struct {
	DID      icn.DID `json:"did"`
	Sent     int     `json:"sent"`
	Answered int     `json:"answered"`
	Min      int64   `json:"min_us"`
	Mean     int64   `json:"mean_us"`
	Max      int64   `json:"max_us"`
	Spread   int64   `json:"spread_us"` // standard deviation
	RTTs     []int64 `json:"rtt_us"`
}

// add takes in a round trip.
func (r *pings) add(micros int64) {
	r.RTTs = append(r.RTTs, micros)
	r.Answered = len(r.RTTs)
	r.Min, r.Max = slices.Min(r.RTTs), slices.Max(r.RTTs)
	sum := 0.0
	for _, x := range r.RTTs {
		sum += float64(x)
	}
	mean, square := sum/float64(r.Answered), 0.0
	for _, x := range r.RTTs {
		square += (float64(x) - mean) * (float64(x) - mean)
	}
	r.Mean, r.Spread = int64(mean), int64(math.Sqrt(square/float64(r.Answered)))
}

// networkPing asks a peer again and again, and tells each round trip as it comes.
// It fails when no answer came at all.
func (a *app) networkPing(c *cobra.Command, peer string, how pinging) error {
	if how.count < 1 || how.every < 0 {
		return usageError{"--count is at least 1, and --interval is not negative", c.CommandPath()}
	}
	return a.with(func(cl *client.Client) error {
		p, out := a.printer(), pings{RTTs: []int64{}}
		var last error
		for out.Sent < how.count {
			if out.Sent > 0 && !rest(c.Context(), how.every) {
				break
			}
			out.Sent++
			r, err := cl.NetworkPing(c.Context(), peer)
			switch {
			case err == nil:
				out.DID = r.DID
				out.add(r.RTTMicros)
				a.note("%s  %s", r.DID, span(time.Duration(r.RTTMicros)*time.Microsecond))
			case !errors.Is(err, icn.ErrUnavailable) || c.Context().Err() != nil:
				return err
			default:
				if last = err; how.count == 1 {
					continue
				}
				a.note("no answer: %s", oneLine(err.Error()))
			}
		}
		if out.Answered == 0 {
			return last
		}
		us := func(n int64) string { return span(time.Duration(n) * time.Microsecond) }
		return p.show(out, func() {
			p.line("%s  %d of %d answered; round trip %s at least, %s on average, %s at most, ± %s",
				out.DID, out.Answered, out.Sent, us(out.Min), us(out.Mean), us(out.Max), us(out.Spread))
		})
	})
}

// rest waits; false when ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
