package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func dial(t *testing.T, url string, header http.Header) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http"), &websocket.DialOptions{HTTPHeader: header})
}

// nextPosted is the job of the next event, which says that it was posted.
func nextPosted(t *testing.T, c *websocket.Conn) icn.CID {
	t.Helper()
	_, b, err := c.Read(t.Context())
	require.NoError(t, err)
	var e wire.Event
	require.NoError(t, wire.Unmarshal(b, &e))
	require.Equal(t, "JobPosted", e.Type)
	var p icn.JobPosted
	require.NoError(t, wire.Unmarshal(e.Body, &p))
	return p.Job
}

func TestASocketTellsWhatWasAndWhatHappens(t *testing.T) {
	w := start(t, api.Config{})
	first := w.echo()
	c, _, err := dial(t, w.url+"/ws?type=posted", nil)
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, first, nextPosted(t, c))
	second := w.echo()
	require.Equal(t, second, nextPosted(t, c))
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
}

func TestTheClientFollowsASocket(t *testing.T) {
	w := start(t, api.Config{})
	want := []icn.CID{w.echo(), w.echo()}
	var got []icn.CID
	for ev, err := range w.c.Socket(t.Context(), wire.EventQuery{Type: "posted"}) {
		require.NoError(t, err)
		var p icn.JobPosted
		require.NoError(t, wire.Unmarshal(ev.Body, &p))
		if got = append(got, p.Job); len(got) == len(want) {
			break
		}
	}
	require.Equal(t, want, got)
}

func TestASocketNeedsAKeyAndAPageThatMay(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "k", RequireAuth: true, Origins: []string{"https://tools.coop.example"}}})
	_, r, err := dial(t, w.url+"/ws", nil)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	_, r, err = dial(t, w.url+"/ws", http.Header{"X-Api-Key": {"k"}, "Origin": {"https://elsewhere.example"}})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, r.StatusCode)
	c, _, err := dial(t, w.url+"/ws", http.Header{"X-Api-Key": {"k"}, "Origin": {"https://tools.coop.example"}})
	require.NoError(t, err)
	require.NoError(t, c.CloseNow())
}

// echo posts a job, and returns its name.
func (w *world) echo() icn.CID {
	w.t.Helper()
	words := "hello"
	sub, err := w.c.MeshSubmit(w.t.Context(), wire.Submit{Echo: &words})
	require.NoError(w.t, err)
	return sub.JobID
}
