package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/launch"
)

func TestVersionAsksNoNode(t *testing.T) {
	for output, want := range map[string]string{"table": "icn-cli   " + launch.Release, "json": `"version": "` + launch.Release + `"`} {
		var out, errs bytes.Buffer
		code := Main(t.Context(), []string{"version", "--output", output, "--api-url", "http://127.0.0.1:1"}, Streams{Out: &out, Err: &errs, Getenv: func(string) string { return "" }})
		require.Zero(t, code, errs.String())
		require.Contains(t, out.String(), want)
	}
}
