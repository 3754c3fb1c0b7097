package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestWhoMayDoWhat(t *testing.T) {
	key := func(k string) map[string]string { return map[string]string{"X-Api-Key": k} }
	token := func(v string) map[string]string { return map[string]string{"Authorization": v} }
	both := func(k, v string) map[string]string { return map[string]string{"X-Api-Key": k, "Authorization": v} }
	none := map[string]string{}
	type try struct {
		send         map[string]string
		closed, open bool // whether it passes at a closed and at an open route
	}
	for name, c := range map[string]struct {
		config api.Config
		tries  []try
	}{
		"nothing is set": {api.Config{}, []try{{none, true, true}, {key("any"), true, true}, {token("Bearer any"), true, true}}},
		"a key": {api.Config{Access: api.Access{APIKey: "right", RequireAuth: true}}, []try{
			{none, false, true}, {key("right"), true, true}, {key("wrong"), false, false}, {key("righ"), false, false}, {key("right "), true, true},
			{token("Bearer right"), true, true}, {token("Bearer wrong"), false, false}, {token("Basic cmlnaHQ="), false, true},
			{both("right", "Bearer right"), true, true}, {both("right", "Bearer any"), false, false}, {both("wrong", "Bearer right"), false, false}}},
		"a token": {api.Config{Access: api.Access{BearerToken: "right", RequireAuth: true}}, []try{
			{none, false, true}, {token("Bearer right"), true, true}, {token("bearer  right"), true, true}, {token("Bearer wrong"), false, false},
			{token("right"), false, false}, {token("Basic cmlnaHQ="), false, false}, {key("right"), false, true}}},
		"key and token": {api.Config{Access: api.Access{APIKey: "k", BearerToken: "t", RequireAuth: true}}, []try{
			{none, false, true}, {key("k"), false, true}, {token("Bearer t"), false, true}, {both("k", "Bearer t"), true, true},
			{both("k", "Bearer x"), false, false}, {both("x", "Bearer t"), false, false}}},
		"a key that is not required": {api.Config{Access: api.Access{APIKey: "right"}}, []try{{none, true, true}, {key("right"), true, true}, {key("wrong"), false, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.config)
			for _, x := range c.tries {
				for _, prefix := range []string{"", api.Prefix} {
					for _, r := range w.api.Routes() {
						if r.Long || r.Path == "/federation/leave" {
							continue
						}
						path := strings.NewReplacer("{cid}", helloCID, "{id}", helloCID, "{index}", "1", "{did}", "x").Replace(r.Path)
						got := w.do(call{method: r.Method, path: prefix + path, header: x.send})
						want := x.closed
						if r.Open {
							want = x.open
						}
						require.Equal(t, want, got.status != http.StatusUnauthorized, "%s %v: %d", path, x.send, got.status)
						if !want {
							p := got.problem(t)
							require.Equal(t, "denied", p.Code)
							require.NotEmpty(t, got.header.Get("WWW-Authenticate"))
						}
					}
				}
			}
		})
	}
}

func TestNobodyIsLetInWithoutAKeyToCompare(t *testing.T) {
	_, err := api.New(nil, api.Config{Access: api.Access{RequireAuth: true}})
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestMetricsAlonePassWithoutAKey(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "k", RequireAuth: true}})
	rec := record(w.api.Metrics(), newRequest("/anything"))
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), "icn_node_uptime_seconds")
}

func newRequest(path string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		panic(err)
	}
	return r
}
