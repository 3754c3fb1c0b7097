package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

var ctx = context.Background()

const helloCID = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"

func TestBlockPutInAnyFormHasOneName(t *testing.T) {
	w := start(t, api.Config{})
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	numbers := strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]byte("hello world"))), ","), "[]")
	for name, c := range map[string]call{
		"raw":        {body: "hello world", header: octets},
		"no type":    {body: "hello world", header: map[string]string{"Content-Type": ""}},
		"base64":     {body: `{"data":"` + base64.StdEncoding.EncodeToString([]byte("hello world")) + `"}`},
		"numbers":    {body: `{"data":[` + numbers + `]}`},
		"with codec": {body: `{"data": [ ` + strings.ReplaceAll(numbers, ",", " , ") + ` ], "codec":"raw", "pin": true}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.method, c.path = http.MethodPost, "/api/v1/dag/put"
			got := w.do(c)
			require.Equal(t, http.StatusCreated, got.status, got.body)
			require.Equal(t, `"`+helloCID+`"`, got.body)
		})
	}
	pins, err := w.c.DagPins(ctx)
	require.NoError(t, err)
	require.Len(t, pins, 1)
	require.Equal(t, helloCID, pins[0].CID.String())
}

func TestBlockComesBackInTheFormAskedFor(t *testing.T) {
	w := start(t, api.Config{})
	id, err := w.c.DagPut(ctx, []byte("hello world"), client.Put{})
	require.NoError(t, err)
	require.Equal(t, helloCID, id.String())
	var parts []string
	for _, b := range id.Hash()[2:] {
		parts = append(parts, fmt.Sprint(b))
	}
	object := fmt.Sprintf(`{"version":1,"codec":85,"hash_alg":18,"hash_bytes":[%s]}`, strings.Join(parts, ","))
	for _, cid := range []string{`"` + helloCID + `"`, `{"/":"` + helloCID + `"}`, object} {
		for _, body := range []string{`{"cid":` + cid + `}`, "{ \"cid\" : " + cid + " }\n"} {
			got := w.do(call{method: http.MethodPost, path: "/dag/get", body: body})
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.Equal(t, "hello world", got.body)
			require.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
		}
	}
	got := w.do(call{method: http.MethodPost, path: "/dag/get", body: `{"cid":"` + helloCID + `"}`, header: map[string]string{"Accept": "application/json"}})
	var list []int
	require.NoError(t, json.Unmarshal([]byte(got.body), &list))
	require.Equal(t, []int{104, 101, 108, 108, 111, 32, 119, 111, 114, 108, 100}, list)

	got = w.do(call{method: http.MethodGet, path: "/dag/" + helloCID})
	require.Equal(t, "hello world", got.body)
	again := w.do(call{method: http.MethodGet, path: "/dag/" + helloCID, header: map[string]string{"If-None-Match": got.header.Get("ETag")}})
	require.Equal(t, http.StatusNotModified, again.status)
}

func TestFileGoesInAndComesOut(t *testing.T) {
	w, other := start(t, api.Config{}), start(t, api.Config{})
	var want []byte
	for i := range 200_000 {
		want = fmt.Appendf(want, "%d ", i)
	}
	added, err := w.c.DagAdd(ctx, bytes.NewReader(want))
	require.NoError(t, err)
	require.EqualValues(t, len(want), added.Size)
	read := func(r io.ReadCloser, err error) []byte {
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		return b
	}
	require.Equal(t, want, read(w.c.DagCat(ctx, added.CID)))

	car := read(w.c.DagExport(ctx, added.CID))
	in, err := other.c.DagImport(ctx, bytes.NewReader(car))
	require.NoError(t, err)
	require.Equal(t, []icn.CID{added.CID}, in.Roots)
	require.Equal(t, added.Blocks, in.Blocks)
	require.Equal(t, want, read(other.c.DagCat(ctx, added.CID)))

	_, err = other.c.DagImport(ctx, bytes.NewReader(car[:len(car)-7]))
	require.ErrorIs(t, err, icn.ErrInvalid)
	car[len(car)-1] ^= 1
	_, err = other.c.DagImport(ctx, bytes.NewReader(car))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestBatchIsOneCommit(t *testing.T) {
	w := start(t, api.Config{})
	var blocks []icn.Block
	for i := range 300 {
		blocks = append(blocks, icn.NewBlock(icn.Raw, fmt.Append(nil, "block ", i)))
	}
	out, err := w.c.DagPutBatch(ctx, blocks)
	require.NoError(t, err)
	require.Len(t, out.CIDs, 300)
	require.Equal(t, blocks[299].CID, out.CIDs[299])

	bad := []icn.Block{icn.NewBlock(icn.Raw, []byte("good")), icn.NewBlock(icn.Raw, []byte("right"))}
	bad[1].Data = []byte("wrong")
	_, err = w.c.DagPutBatch(ctx, bad)
	require.ErrorIs(t, err, icn.ErrCorrupt)
	var p *wire.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusBadRequest, p.Status)
	has, err := w.c.DagHas(ctx, bad[0].CID)
	require.NoError(t, err)
	require.False(t, has, "half of a batch was stored")
}

func TestPinsEndAndPruneKeepsThem(t *testing.T) {
	w := start(t, api.Config{})
	keep, err := w.c.DagPut(ctx, []byte("keep"), client.Put{})
	require.NoError(t, err)
	loose, err := w.c.DagPut(ctx, []byte("loose"), client.Put{})
	require.NoError(t, err)
	for _, ttl := range []string{`"36h"`, "129600"} {
		got := w.do(call{method: http.MethodPost, path: "/dag/pin", body: `{"cid":"` + keep.String() + `","ttl":` + ttl + `}`})
		require.Equal(t, http.StatusOK, got.status, got.body)
		m, err := w.c.DagMeta(ctx, keep)
		require.NoError(t, err)
		require.True(t, m.Pinned)
		require.WithinDuration(t, time.Now().Add(36*time.Hour), *m.PinExpires, time.Hour)
	}
	dry, err := w.c.DagPrune(ctx, wire.Prune{DryRun: true})
	require.NoError(t, err)
	require.Contains(t, dry.Removed, loose)
	young, err := w.c.DagPrune(ctx, wire.Prune{Grace: wire.Duration(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, young.Removed)
	require.Equal(t, http.StatusOK, w.do(call{method: http.MethodPost, path: "/dag/prune"}).status, "prune without a body")
	_, err = w.c.DagGet(ctx, loose)
	require.ErrorIs(t, err, icn.ErrNotFound)
	_, err = w.c.DagBlock(ctx, keep)
	require.NoError(t, err)
	require.NoError(t, w.c.DagUnpin(ctx, keep))
	require.ErrorIs(t, w.c.DagUnpin(ctx, keep), icn.ErrNotFound)
}

func TestPruneKeepsWhatOpenJobsNeed(t *testing.T) {
	w := start(t, api.Config{})
	module, err := w.c.DagPut(ctx, []byte("wait"), client.Put{})
	require.NoError(t, err)
	_, err = w.c.MeshSubmit(ctx, wire.Submit{Module: module})
	require.NoError(t, err)
	p, err := w.c.DagPrune(ctx, wire.Prune{})
	require.NoError(t, err)
	require.NotContains(t, p.Removed, module)
}
