package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// gate knows the credentials by their hashes, so that comparing them takes the
// same time whatever was sent, and tells nothing of their length.
type gate struct {
	key, token       [32]byte
	hasKey, hasToken bool
	required         bool
	open             *strangers
}

func newGate(c Config) gate {
	return gate{key: sha256.Sum256([]byte(c.APIKey)), token: sha256.Sum256([]byte(c.BearerToken)),
		hasKey: c.APIKey != "", hasToken: c.BearerToken != "", required: c.RequireAuth, open: &strangers{perMinute: c.OpenRateLimit}}
}

// check says why a request may not pass. A wrong credential never passes, not
// even where none is needed: whoever sends one should learn that it is wrong.
func (g *gate) check(r *http.Request, open bool) *wire.Problem {
	key, auth := r.Header.Get("X-Api-Key"), r.Header.Get("Authorization")
	if g.hasKey && key != "" && !same(key, g.key) {
		return denied("wrong API key in x-api-key")
	}
	if g.hasToken && auth != "" {
		token, ok := bearer(auth)
		if !ok || !same(token, g.token) {
			return denied("wrong bearer token in Authorization")
		}
	}
	shown := g.hasKey && key != "" || g.hasToken && auth != ""
	switch {
	case open:
		return nil
	case !g.required && shown:
		return nil
	case !g.required:
		return g.open.check(r)
	case g.hasKey && key == "":
		return denied("this node wants an API key: send it as x-api-key")
	case g.hasToken && auth == "":
		return denied("this node wants a bearer token: send it as Authorization: Bearer …")
	}
	return nil
}

func bearer(auth string) (string, bool) {
	scheme, token, ok := strings.Cut(auth, " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

func same(sent string, want [32]byte) bool {
	h := sha256.Sum256([]byte(sent))
	return subtle.ConstantTimeCompare(h[:], want[:]) == 1
}

func denied(detail string) *wire.Problem { return wire.NewProblem(http.StatusUnauthorized, detail) }

// challenge names the ways to authenticate.
func (g *gate) challenge(h http.Header) {
	if g.hasKey {
		h.Add("WWW-Authenticate", `ApiKey realm="icn", header="x-api-key"`)
	}
	if g.hasToken {
		h.Add("WWW-Authenticate", `Bearer realm="icn"`)
	}
}
