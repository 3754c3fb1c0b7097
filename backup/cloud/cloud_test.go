package cloud_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/backup/cloud"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// bucket is an S3 server of its own with one bucket; the address to reach it.
func bucket(t *testing.T) (*s3mem.Backend, string) {
	t.Helper()
	mem := s3mem.New()
	require.NoError(t, mem.CreateBucket("coop"))
	server := httptest.NewServer(gofakes3.New(mem).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return mem, "s3://coop/node-a?region=eu-central-1&use_path_style=true&disable_https=true&endpoint=" + server.URL
}

func write(t *testing.T, to backup.Target, members map[string][]byte, order ...string) {
	t.Helper()
	for _, name := range order {
		b, err := to.Encode(name, members[name])
		require.NoError(t, err)
		require.NoError(t, to.Write(name, b))
	}
}

func read(t *testing.T, s backup.Source) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	require.NoError(t, s.Each(func(name string, data []byte) error { out[name] = bytes.Clone(data); return nil }))
	return out
}

func TestBackupsComeBackFromABucketOldestFirst(t *testing.T) {
	_, address := bucket(t)
	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	members := map[string][]byte{"head.json": []byte("{}"), "blocks/000001.car": large, "manifest.json": []byte("{}")}
	order := []string{"head.json", "blocks/000001.car", "manifest.json"}
	start := time.Now()
	for i := range 3 {
		members["head.json"] = []byte{'0' + byte(i)}
		to, err := cloud.NewTarget(t.Context(), address, start.Add(time.Duration(i)*time.Minute))
		require.NoError(t, err)
		write(t, to, members, order...)
		require.NoError(t, to.Done())
	}
	all, err := cloud.Sources(t.Context(), address)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for i, s := range all {
		got := read(t, s)
		require.Equal(t, []byte{'0' + byte(i)}, got["head.json"])
		require.Equal(t, large, got["blocks/000001.car"])
		require.Len(t, got, 3)
	}
	one := strings.Replace(address, "node-a?", "node-a/"+strings.TrimPrefix(strings.Fields(all[1].String())[1], "node-a/")+"?", 1)
	same, err := cloud.Sources(t.Context(), one)
	require.NoError(t, err)
	require.Len(t, same, 1)
	require.Equal(t, []byte("1"), read(t, same[0])["head.json"])
}

func TestAbandonedUploadLeavesNothing(t *testing.T) {
	_, address := bucket(t)
	to, err := cloud.NewTarget(t.Context(), address, time.Now())
	require.NoError(t, err)
	large := make([]byte, 20<<20)
	_, _ = rand.Read(large)
	write(t, to, map[string][]byte{"blocks/000001.car": large}, "blocks/000001.car")
	require.NoError(t, to.Abandon())
	_, err = cloud.Sources(t.Context(), address)
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	_, address := bucket(t)
	missing := strings.Replace(address, "coop", "no-such-bucket", 1)
	_, err := cloud.Sources(t.Context(), missing)
	require.ErrorIs(t, err, icn.ErrNotFound)
	_, err = cloud.NewTarget(t.Context(), "s3://", time.Now())
	require.ErrorIs(t, err, icn.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = cloud.Sources(ctx, address)
	require.True(t, errors.Is(err, icn.ErrUnavailable) || errors.Is(err, context.Canceled), "%v", err)
	require.True(t, cloud.IsURL("gs://x"))
	require.False(t, cloud.IsURL("/srv/backups"))
}
