package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTracesAreOffUntilACollectorIsNamed(t *testing.T) {
	c, w := load(t, nil)
	require.Empty(t, w)
	require.Empty(t, c.Tracing.Endpoint)
	require.InDelta(t, 1, c.Tracing.Sample, 0)

	c, w = load(t, []string{"ICN_TRACING_ENDPOINT=http://127.0.0.1:4318", "ICN_TRACING_SAMPLE=0.25"})
	require.Empty(t, w)
	require.Equal(t, "http://127.0.0.1:4318", c.Tracing.Endpoint)
	require.InDelta(t, .25, c.Tracing.Sample, 0)
	c, _ = load(t, []string{"ICN_TRACING_ENDPOINT=http://127.0.0.1:4318"}, "--tracing-endpoint", "https://traces.coop.example")
	require.Equal(t, "https://traces.coop.example", c.Tracing.Endpoint)
}

func TestTracesGoToThePathOfTheProtocol(t *testing.T) {
	for given, want := range map[string]string{
		"http://127.0.0.1:4318":                 "http://127.0.0.1:4318/v1/traces",
		"http://[::1]:4318/":                    "http://[::1]:4318/v1/traces",
		"https://coop.example/otlp":             "https://coop.example/otlp/v1/traces",
		"https://coop.example/otlp/v1/traces":   "https://coop.example/otlp/v1/traces",
		"https://coop.example:4318/v1/traces//": "https://coop.example:4318/v1/traces",
	} {
		u, err := Tracing{Endpoint: given}.URL()
		require.NoError(t, err, given)
		require.Equal(t, want, u.String())
	}
}

func TestAnEndpointThatIsNoneIsRefused(t *testing.T) {
	for _, given := range []string{"127.0.0.1:4318", "localhost:4318", "collector", "grpc://127.0.0.1:4317", "http://", "http://:4318", "http://a b", "http://x?y=1", "https://x/#f", "http://x:99y"} {
		require.Contains(t, problems(t, nil, "--tracing-endpoint", given), "tracing.endpoint: ", given)
	}
	got := problems(t, nil, "--tracing-endpoint", "https://ann:hunter2@coop.example")
	require.Contains(t, got, "put that into tracing.headers")
	require.NotContains(t, got, "hunter2")
	require.Contains(t, problems(t, []string{"ICN_TRACING_SAMPLE=1.5"}), "tracing.sample: a share from 0 to 1, not 1.5")
	file := write(t, "c.toml", "[tracing]\nendpoint = \"http://127.0.0.1:4318\"\nca_path = \"ca.pem\"\n")
	require.Contains(t, problems(t, nil, "--config", file), "tracing.ca_path is for an https endpoint")
}

func TestHeadersOfTracesAreASecret(t *testing.T) {
	const at = "ICN_TRACING_ENDPOINT=https://coop.example"
	c, w := load(t, []string{at, "ICN_TRACING_HEADERS_FILE=" + write(t, "headers", "Authorization: Bearer hush\nX-Scope-OrgID:coop\n\n")})
	require.Empty(t, w)
	h, err := c.Tracing.HeaderLines()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Authorization": "Bearer hush", "X-Scope-OrgID": "coop"}, h)
	require.Equal(t, "********", Masked(c)["tracing.headers"])

	for _, bad := range []string{"hush", "A header: hush", ": hush", "Name:", "X: a\x01b"} {
		got := problems(t, []string{at, "ICN_TRACING_HEADERS=" + bad})
		require.Contains(t, got, "tracing.headers: line 1 is not")
		require.NotContains(t, got, "hush")
	}
	_, w = load(t, []string{"ICN_TRACING_ENDPOINT=http://coop.example:4318", "ICN_TRACING_HEADERS=A: b"})
	require.Len(t, w, 1)
	require.Contains(t, w[0], "in the clear")
	_, w = load(t, []string{"ICN_TRACING_HEADERS=A: b"})
	require.Len(t, w, 1)
	require.Contains(t, w[0], "there are no traces")
}
