package api_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

func TestRunningNodeIsBackedUpAndChecked(t *testing.T) {
	w := start(t, api.Config{})
	_, err := w.c.DagPut(context.Background(), []byte("hello world"), client.Put{})
	require.NoError(t, err)
	for _, deep := range []bool{false, true} {
		v, err := w.c.AdminVerify(context.Background(), deep)
		require.NoError(t, err)
		require.True(t, v.OK, "%v", v.Problems)
		require.EqualValues(t, 1, v.Blocks)
		require.Equal(t, deep, v.Deep)
	}
	r, err := w.c.AdminBackup(context.Background(), client.BackupAfter{})
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	path := filepath.Join(t.TempDir(), "b.tar.gz")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	from, err := backup.Sources(path)
	require.NoError(t, err)
	s := memory.New()
	res, err := backup.Restore(context.Background(), from, backup.Into{Blocks: s, Checker: checker()})
	require.NoError(t, err)
	require.EqualValues(t, 1, res.Blocks)

	_, err = w.c.AdminBackup(context.Background(), client.BackupAfter{Point: backup.Point{Entries: 1 << 40}})
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = w.c.AdminBackup(context.Background(), client.BackupAfter{Since: "yesterday"})
	require.Error(t, err)
	r, err = w.c.AdminBackup(context.Background(), client.BackupAfter{Since: "2100-01-01"})
	require.NoError(t, err)
	small, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.False(t, bytes.Contains(small, []byte("hello world")))
}

func checker() node.Checker {
	return node.Checker{Verify: key.Verify, VerifyBatch: func(items []node.SigItem) []bool {
		ok := make([]bool, len(items))
		for i, x := range items {
			ok[i] = key.Verify(x.Key, x.Msg, x.Sig)
		}
		return ok
	}}
}
