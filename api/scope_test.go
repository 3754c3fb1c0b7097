package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/audit"
)

// keyring has a key of each scope, and one that is over.
func keyring(t *testing.T) (access.Keys, map[string]string) {
	var keys access.Keys
	secrets := map[string]string{}
	for _, s := range []access.Scope{access.Read, access.Operate, access.Admin} {
		k, secret, err := access.New(s.String()+"-key", s, time.Time{})
		require.NoError(t, err)
		keys, secrets[s.String()] = append(keys, k), secret
	}
	k, secret, err := access.New("old", access.Admin, time.Now().Add(-time.Second))
	require.NoError(t, err)
	secrets["old"] = secret
	return append(keys, k), secrets
}

// adminRoutes are those that look after the node or its federation: the promise,
// beside the table that keeps it.
var adminRoutes = []string{"AdminBackup", "AdminVerify", "ConfigReload", "DagPrune", "NetworkConnect", "AdminRotateKey", "AdminRestore", "AdminDebug",
	"FederationAdmit", "FederationInvite", "FederationJoin", "FederationMembers", "FederationMembersBatch", "FederationLeave", "FederationExpel", "MeshBlacklistRemove"}

var readPosts = []string{"DagGet", "DagMeta", "DagHas", "NetworkPing"}

// Scenario 26, of who may write: each route, with a key of each scope, and one that is
// over. What a receipt is worth, the log says, whatever key it came with (package mesh).
func TestAKeyDoesWhatItsScopeSays(t *testing.T) {
	keys, secrets := keyring(t)
	w := start(t, api.Config{Access: api.Access{Keys: keys, RequireAuth: true}})
	rank := map[string]int{"read": 1, "operate": 2, "admin": 3}
	for _, r := range w.api.Routes() {
		want := "read"
		switch {
		case contains(adminRoutes, r.Name):
			want = "admin"
		case r.Method == http.MethodPost && !contains(readPosts, r.Name):
			want = "operate"
		}
		require.Equal(t, want, r.Scope, r.Name)
		if r.Long || r.Open || r.Name == "FederationLeave" {
			continue
		}
		path := strings.NewReplacer("{cid}", helloCID, "{id}", helloCID, "{index}", "1", "{did}", "x").Replace(r.Path)
		for scope, secret := range secrets {
			for _, header := range []map[string]string{{"X-Api-Key": secret}, {"Authorization": "Bearer " + secret}} {
				got := w.do(call{method: r.Method, path: path, header: header})
				switch {
				case scope == "old":
					require.Equal(t, http.StatusUnauthorized, got.status, path)
					require.Contains(t, got.problem(t).Detail, `"old" was good until`)
				case rank[scope] < rank[want]:
					require.Equal(t, http.StatusForbidden, got.status, "%s with a key for %s", path, scope)
					require.Contains(t, got.problem(t).Detail, want)
				default:
					require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, "%s with a key for %s", path, scope)
				}
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestANamedKeyAndATokenAreBothWanted(t *testing.T) {
	keys, secrets := keyring(t)
	w := start(t, api.Config{Access: api.Access{Keys: keys, BearerToken: "token", RequireAuth: true}})
	ask := func(path string, h map[string]string) int {
		return w.do(call{method: "GET", path: path, header: h}).status
	}
	require.Equal(t, 401, ask("/info", map[string]string{"X-Api-Key": secrets["read"]}))
	require.Equal(t, 401, ask("/info", map[string]string{"Authorization": "Bearer " + secrets["read"]}))
	require.Equal(t, 401, ask("/info", map[string]string{"Authorization": "Bearer token"}))
	require.Equal(t, 200, ask("/info", map[string]string{"X-Api-Key": secrets["read"], "Authorization": "Bearer token"}))
	require.Equal(t, 403, ask("/admin/verify", map[string]string{"X-Api-Key": secrets["read"], "Authorization": "Bearer token"}), "the token makes the key no greater")
}

func TestAReadKeyIsNoMoreWhereNoKeyIsNeeded(t *testing.T) {
	keys, secrets := keyring(t)
	w := start(t, api.Config{Access: api.Access{Keys: keys}})
	require.Equal(t, 200, w.do(call{method: "GET", path: "/admin/verify"}).status)
	require.Equal(t, 403, w.do(call{method: "GET", path: "/admin/verify", header: map[string]string{"X-Api-Key": secrets["read"]}}).status)
}

func TestAccessIsReplacedWhileTheServerRuns(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "one", RequireAuth: true}})
	ask := func(key string) int {
		return w.do(call{method: "GET", path: "/info", header: map[string]string{"X-Api-Key": key}}).status
	}
	require.Equal(t, 200, ask("one"))
	require.Error(t, w.api.SetAccess(api.Access{RequireAuth: true}), "nobody could get in")
	require.Equal(t, 200, ask("one"), "what is wrong changes nothing")
	require.NoError(t, w.api.SetAccess(api.Access{APIKey: "two", RequireAuth: true}))
	require.Equal(t, 401, ask("one"))
	require.Equal(t, 200, ask("two"))
}

func TestOnlyNamedPagesMayCall(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "k", RequireAuth: true, Origins: []string{"https://tools.coop.example"}}})
	preflight := func(origin string) answered {
		return w.do(call{method: http.MethodOptions, path: "/mesh/submit", header: map[string]string{"Origin": origin,
			"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key"}})
	}
	good := preflight("https://tools.coop.example")
	require.Equal(t, "https://tools.coop.example", good.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, preflight("https://evil.example").header.Get("Access-Control-Allow-Origin"))
	got := w.do(call{method: "GET", path: "/info", header: map[string]string{"Origin": "https://tools.coop.example", "X-Api-Key": "k"}})
	require.Equal(t, 200, got.status)
	require.Equal(t, "https://tools.coop.example", got.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, 401, w.do(call{method: "GET", path: "/info", header: map[string]string{"Origin": "https://tools.coop.example"}}).status)

	closed := start(t, api.Config{})
	got = closed.do(call{method: "GET", path: "/info", header: map[string]string{"Origin": "https://tools.coop.example"}})
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), "by default no page may")
}

func TestWhoDidWhatIsWrittenDown(t *testing.T) {
	keys, secrets := keyring(t)
	var mu sync.Mutex
	var lines []audit.Record
	w := start(t, api.Config{Access: api.Access{Keys: keys, RequireAuth: true}, Audit: func(r audit.Record) {
		mu.Lock()
		defer mu.Unlock()
		r.Correlation = ""
		lines = append(lines, r)
	}})
	ask := func(method, path, key string) {
		w.do(call{method: method, path: path, header: map[string]string{"X-Api-Key": key}})
	}
	ask("GET", "/health", "")
	ask("GET", "/info", "")
	ask("GET", "/info", "guess")
	ask("GET", "/info", secrets["old"])
	ask("GET", "/info", secrets["read"])
	ask("GET", "/status", secrets["read"])
	ask("POST", "/dag/prune", secrets["read"])
	ask("GET", "/admin/verify", secrets["admin"])
	mu.Lock()
	defer mu.Unlock()
	var told []string
	for _, r := range lines {
		require.Equal(t, "127.0.0.1", r.From)
		told = append(told, string(r.Event)+" "+r.Who+" "+r.Path)
		for _, s := range secrets {
			require.NotContains(t, r.Detail, s)
		}
		require.NotContains(t, r.Detail, "guess")
	}
	require.Equal(t, []string{"refused  /info", "refused  /info", "refused old /info", "key-used read-key /info", "denied read-key /dag/prune",
		"admin admin-key /admin/verify"}, told)
}
