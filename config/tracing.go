package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// tracesPath is where a collector takes traces (OpenTelemetry protocol, OTLP/HTTP).
const tracesPath = "/v1/traces"

func (l *loading) checkTracing() {
	t := &l.cfg.Tracing
	if !(t.Sample >= 0 && t.Sample <= 1) {
		l.problem("tracing.sample: a share from 0 to 1, not %g", t.Sample)
	}
	if t.Endpoint == "" {
		if t.Headers != "" || t.CAPath != "" {
			l.warn("tracing.endpoint is empty, so there are no traces, and the rest of [tracing] is not used")
		}
		return
	}
	u, err := t.URL()
	if err != nil {
		l.problem("tracing.endpoint: %v", err)
		return
	}
	headers, err := t.HeaderLines()
	if err != nil {
		l.problem("tracing.headers: %v", err)
	}
	if t.CAPath != "" && u.Scheme != "https" {
		l.problem("tracing.ca_path is for an https endpoint, and tracing.endpoint is %s", t.Endpoint)
	}
	if len(headers) > 0 && u.Scheme == "http" && !onThisMachine(u.Hostname()) {
		l.warn("tracing.headers go to %s in the clear; an https endpoint would hide them", u.Host)
	}
}

// URL is where traces are sent: the endpoint with the path of the protocol behind
// it, unless that is there.
func (t Tracing) URL() (*url.URL, error) {
	const like = "it looks like http://127.0.0.1:4318"
	u, err := url.Parse(t.Endpoint)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is no address of a collector; %s", t.Endpoint, like)
	case u.User != nil:
		return nil, errors.New("there is a name or password in it; put that into tracing.headers, as in Authorization: Basic …")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("%q does not begin with http:// or https:// and a host; %s", t.Endpoint, like)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has something behind its path; %s", t.Endpoint, like)
	}
	if u.Path = strings.TrimRight(u.Path, "/"); !strings.HasSuffix(u.Path, tracesPath) {
		u.Path += tracesPath
	}
	return u, nil
}

// HeaderLines are the headers by name. An error does not tell their values.
func (t Tracing) HeaderLines() (map[string]string, error) {
	out := map[string]string{}
	n := 0
	for line := range strings.Lines(t.Headers) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || value == "" || !isToken(name) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, fmt.Errorf("line %d is not a name, a colon and a value, as in X-Scope-OrgID: coop", n)
		}
		out[name] = value
	}
	return out, nil
}

// isToken says whether a text can be a header's name (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
