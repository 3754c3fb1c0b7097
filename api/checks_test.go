package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// surrounded is a host that has looked around.
type surrounded struct {
	api.Host
	checks []wire.Check
}

func (s surrounded) Surroundings() wire.Surroundings { return wire.Surroundings{Checks: s.checks} }

// TestOneListOfChecksFeedsEverything: what is found is told by /checks, /ready, /health
// and the metrics alike; advice is no fault, an alarm degrades, a failure makes unready.
func TestOneListOfChecksFeedsEverything(t *testing.T) {
	for _, x := range []struct {
		state    wire.CheckState
		ready    bool
		health   string
		named    string // in /ready
		wellness string
	}{
		{wire.CheckOK, true, "OK", "disk", "1"},
		{wire.CheckAdvice, true, "OK", "disk", "1"},
		{wire.CheckAlarm, true, "DEGRADED", "alarm disk", "0"},
		{wire.CheckFailed, false, "DEGRADED", "disk", "0"},
	} {
		t.Run(string(x.state), func(t *testing.T) {
			w := start(t, api.Config{Host: surrounded{checks: []wire.Check{{Name: "disk", State: x.state, Says: "little is left", Do: "free some"}}}})
			all, err := w.c.Checks(ctx)
			require.NoError(t, err)
			require.Contains(t, all.Checks, wire.Check{Name: "disk", State: x.state, Says: "little is left", Do: "free some"})
			require.Contains(t, all.Checks, wire.Check{Name: "node", State: wire.CheckOK, Says: "it runs"})
			names := map[string]bool{}
			for _, c := range all.Checks {
				require.False(t, names[c.Name], "%s is there twice", c.Name)
				names[c.Name] = true
			}

			r, err := w.c.Ready(ctx)
			if x.ready {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, icn.ErrUnavailable)
			}
			require.Equal(t, x.ready, r.Ready)
			want := "ok"
			if x.state.Bad() {
				want = "little is left; free some"
			}
			require.Equal(t, want, r.Checks[x.named], r.Checks)
			h, err := w.c.Health(ctx)
			require.NoError(t, err)
			require.Equal(t, x.health, h.Status)
			text, err := w.c.Metrics(ctx)
			require.NoError(t, err)
			require.Contains(t, text, `icn_check_ok{check="disk"} `+x.wellness)
			require.Contains(t, text, `icn_check_ok{check="clock"} 1`)
			require.NotContains(t, text, "little is left")
		})
	}
}

func TestNobodyKnowsTheInsidesOfANodeWithoutAHost(t *testing.T) {
	w := start(t, api.Config{})
	_, err := w.c.AdminDebug(context.Background())
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.True(t, strings.Contains(err.Error(), "debug"), err)
}
