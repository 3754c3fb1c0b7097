package launch

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABuildSaysWhatItIs(t *testing.T) {
	b, err := BuildOf("icn-node")
	require.NoError(t, err)
	require.Equal(t, Release, b.Version)
	require.Equal(t, runtime.GOARCH, b.Arch)
	require.Equal(t, Protocols{PeersMin: 1, Peers: 1, Rules: 1, API: "v1"}, b.Protocols)
	b.Commit, b.CommitDate = "", ""
	b.note([]debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"}})
	var text, js bytes.Buffer
	require.NoError(t, b.Write(&text, false))
	require.Contains(t, text.String(), "abc, with changes")
	require.NoError(t, b.Write(&js, true))
	var again Build
	require.NoError(t, json.Unmarshal(js.Bytes(), &again))
	require.Equal(t, b, again)
}

// TestWhatAReleaseBuildSetsCounts: the folder that it is built in does not.
func TestWhatAReleaseBuildSetsCounts(t *testing.T) {
	was, date := Commit, CommitDate
	t.Cleanup(func() { Commit, CommitDate = was, date })
	Commit, CommitDate = "f00", "2026-01-02T03:04:05Z"
	b, err := BuildOf("icn-cli")
	require.NoError(t, err)
	require.Equal(t, "f00", b.Commit)
	require.False(t, b.Changed)
}
