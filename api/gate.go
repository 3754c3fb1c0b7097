package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Access says who may use the API. It can be replaced while the server runs.
type Access struct {
	APIKey      string      // sent by callers as x-api-key; it opens everything
	Keys        access.Keys // further ones, each with its scope and expiry
	BearerToken string      // sent by callers as Authorization: Bearer …
	RequireAuth bool        // refuse callers who do not send what is set of these
	Origins     []string    // web pages that browsers may let call; * for all

	// OpenRateLimit is how many requests a minute are answered to each caller
	// from elsewhere who shows no credential, where none is required; 0: any
	// number, below 0: none.
	OpenRateLimit int
}

// singleKey is what logs call the key that has no name.
const singleKey = "api-key"

// gate compares credentials by their hashes, so that it takes the same time
// whatever was sent, and tells nothing of their length.
type gate struct {
	keys     access.Keys
	token    [32]byte
	hasToken bool
	required bool
	open     *strangers
	cors     *cors.Cors // nil: no other page may call
	pages    []string   // hosts of the pages that may
}

func newGate(a Access) (*gate, error) {
	g := &gate{keys: slices.Clone(a.Keys), token: sha256.Sum256([]byte(a.BearerToken)), hasToken: a.BearerToken != "",
		required: a.RequireAuth, open: &strangers{perMinute: a.OpenRateLimit}}
	if a.APIKey != "" {
		g.keys = append(g.keys, access.Of(singleKey, a.APIKey))
	}
	if g.required && len(g.keys) == 0 && !g.hasToken {
		return nil, fmt.Errorf("api: %w: authentication is required and there is neither an API key nor a bearer token; set one", icn.ErrInvalid)
	}
	for _, o := range a.Origins {
		if _, host, ok := strings.Cut(o, "://"); ok {
			o = host
		}
		g.pages = append(g.pages, o)
	}
	if len(a.Origins) > 0 {
		g.cors = cors.New(cors.Options{AllowedOrigins: a.Origins, AllowedMethods: []string{http.MethodGet, http.MethodPost},
			AllowedHeaders: []string{"x-api-key", "authorization", "content-type", correlation, "last-event-id"},
			ExposedHeaders: []string{correlation, "etag"}, MaxAge: 600})
	}
	return g, nil
}

// caller is who asks, as far as it is known.
type caller struct {
	name  string
	scope access.Scope
}

// check says who asks, or why the request may not pass. A wrong credential never
// passes, not even where none is needed: whoever sends one should learn that it is
// wrong.
func (g *gate) check(r *http.Request, rt route) (who caller, p *wire.Problem) {
	if who, p = g.identify(r); p != nil || rt.open {
		return who, p
	}
	key, token := g.shown(r)
	switch {
	case !g.required && who.name == "":
		who.scope = access.Admin
		p = g.open.check(r)
	case g.required && len(g.keys) > 0 && key == "":
		p = denied("this node wants an API key: send it as x-api-key")
	case g.required && g.hasToken && token == "":
		p = denied("this node wants a bearer token: send it as Authorization: Bearer …")
	}
	if p == nil && who.scope < rt.scope {
		p = wire.NewProblem(http.StatusForbidden, fmt.Sprintf("the API key %q is good for %q; this needs one for %q", who.name, who.scope, rt.scope))
	}
	return who, p
}

// identify looks at what was sent.
func (g *gate) identify(r *http.Request) (caller, *wire.Problem) {
	key, token := g.shown(r)
	who := caller{}
	if g.hasToken && token != "" {
		if h := sha256.Sum256([]byte(token)); subtle.ConstantTimeCompare(h[:], g.token[:]) != 1 {
			return who, denied("wrong bearer token in Authorization")
		}
		who = caller{"auth-token", access.Admin}
	}
	if key == "" || len(g.keys) == 0 {
		return who, nil
	}
	k, err := g.keys.Find(key, time.Now())
	switch {
	case err != nil && k.Name != "":
		p := denied(fmt.Sprintf("the API key %q was good until %s; ask for a new one", k.Name, k.Expires.Format(time.RFC3339)))
		return caller{name: k.Name}, p
	case errors.Is(err, icn.ErrDenied):
		return who, denied("wrong API key in x-api-key")
	}
	return caller{k.Name, k.Scope}, nil
}

// shown is what the caller sent. Without a token to compare with, a bearer is
// taken as an API key: many tools can send nothing else.
func (g *gate) shown(r *http.Request) (key, token string) {
	key = r.Header.Get("X-Api-Key")
	auth := r.Header.Get("Authorization")
	bearer, is := bearerOf(auth)
	switch {
	case g.hasToken && auth != "" && !is:
		token = "of another scheme " + auth // which is wrong
	case g.hasToken:
		token = bearer
	case is && len(g.keys) > 0 && key != bearer:
		key = strings.TrimPrefix(key+" "+bearer, " ") // two different ones are none
	}
	return key, token
}

func bearerOf(auth string) (string, bool) {
	scheme, token, ok := strings.Cut(auth, " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

func denied(detail string) *wire.Problem { return wire.NewProblem(http.StatusUnauthorized, detail) }

// challenge names the ways to authenticate.
func (g *gate) challenge(h http.Header) {
	if len(g.keys) > 0 {
		h.Add("WWW-Authenticate", `ApiKey realm="icn", header="x-api-key"`)
	}
	if g.hasToken || len(g.keys) > 0 {
		h.Add("WWW-Authenticate", `Bearer realm="icn"`)
	}
}
