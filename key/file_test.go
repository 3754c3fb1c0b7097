package key_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func TestKeyIsMadeOnceAndReadAfterwards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "node.key")
	_, err := key.Load(path)
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, path)

	p, created, err := key.LoadOrCreate(path, "")
	require.NoError(t, err)
	require.True(t, created)
	again, created, err := key.LoadOrCreate(path, "")
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, p.Seed(), again.Seed())
	loaded, err := key.Load(path)
	require.NoError(t, err)
	require.Equal(t, p.Seed(), loaded.Seed())

	seed := p.Seed()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "icn-key-v1 "+p.DID().String()+" "+base64.StdEncoding.EncodeToString(seed[:])+"\n", string(text))
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left beside it")
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
			st, err := os.Stat(name)
			require.NoError(t, err)
			require.Equal(t, mode, st.Mode().Perm(), name)
		}
	}
}

func TestExistingKeyIsNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	p := generate(t)
	require.NoError(t, key.Save(path, p))
	err := key.Save(path, generate(t))
	require.ErrorIs(t, err, icn.ErrConflict)
	loaded, err := key.Load(path)
	require.NoError(t, err)
	require.Equal(t, p.Seed(), loaded.Seed())
}

func TestKeyThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes say nothing there")
	}
	path := filepath.Join(t.TempDir(), "node.key")
	require.NoError(t, key.Save(path, generate(t)))
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o644: false, 0o660: false, 0o666: false, 0o601: false} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := key.Load(path)
		if ok {
			require.NoError(t, err, "%o", mode)
			continue
		}
		require.ErrorIs(t, err, icn.ErrDenied, "%o", mode)
		require.ErrorContains(t, err, "chmod 600 "+path)
		_, created, err := key.LoadOrCreate(path, "")
		require.ErrorIs(t, err, icn.ErrDenied)
		require.False(t, created)
	}
}

func TestDamagedKeyIsCorruptAndStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	p := generate(t)
	require.NoError(t, key.Save(path, p))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	whole := string(text)
	damaged := []string{"", "\n", "x", whole + whole, " " + whole, strings.Replace(whole, " ", "  ", 1), strings.Replace(whole, "v1", "v2", 1),
		strings.Replace(whole, p.DID().String(), generate(t).DID().String(), 1), whole[:len(whole)-4], strings.Repeat("a", 5000)}
	for i := range len(whole) - 1 { // the newline may go
		damaged = append(damaged, whole[:i]+string(whole[i]^1)+whole[i+1:], whole[:i])
	}
	for _, text := range damaged {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := key.Load(path)
		require.ErrorIs(t, err, icn.ErrCorrupt, "%q", text)
		require.ErrorContains(t, err, path)
		_, created, err := key.LoadOrCreate(path, "")
		require.ErrorIs(t, err, icn.ErrCorrupt)
		require.False(t, created)
		stays, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(stays))
	}
	for _, text := range []string{whole[:len(whole)-1], whole[:len(whole)-1] + "\r\n"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		loaded, err := key.Load(path)
		require.NoError(t, err)
		require.Equal(t, p.Seed(), loaded.Seed())
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := key.Load(dir)
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, _, err = key.LoadOrCreate(dir, "")
	require.ErrorIs(t, err, icn.ErrInvalid)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err = key.LoadOrCreate(filepath.Join(file, "below"), "")
	require.Error(t, err)
	require.ErrorContains(t, err, file)
}

// keyPath is set for a process that a test starts.
const keyPath = "ICN_KEY_TEST_PATH"

func TestProcessesAtOnceEndWithOneKey(t *testing.T) {
	if path := os.Getenv(keyPath); path != "" {
		p, created, err := key.LoadOrCreate(path, "")
		fmt.Println("did", p, created, err)
		return
	}
	for range 5 {
		path := filepath.Join(t.TempDir(), "keys", "node.key")
		said := make([]string, 6)
		var processes sync.WaitGroup
		for i := range said {
			processes.Go(func() {
				c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
				c.Env = append(os.Environ(), keyPath+"="+path)
				out, err := c.CombinedOutput()
				if err != nil {
					t.Errorf("%v: %s", err, out)
				}
				said[i] = string(out)
			})
		}
		processes.Wait()
		p, err := key.Load(path)
		require.NoError(t, err)
		makers := 0
		for _, s := range said {
			require.Contains(t, s, "did "+p.DID().String())
			require.Contains(t, s, "<nil>")
			makers += strings.Count(s, " true <nil>")
		}
		require.Equal(t, 1, makers)
	}
}

func TestGoroutinesAtOnceEndWithOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	pairs := make([]key.Pair, 20)
	var crowd sync.WaitGroup
	for i := range pairs {
		crowd.Go(func() {
			p, _, err := key.LoadOrCreate(path, "")
			if err != nil {
				t.Error(err)
			}
			pairs[i] = p
		})
	}
	crowd.Wait()
	for _, p := range pairs {
		require.Equal(t, pairs[0].Seed(), p.Seed())
	}
}

func FuzzKeyFile(f *testing.F) {
	f.Add("icn-key-v1 did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	path := filepath.Join(f.TempDir(), "good.key")
	require.NoError(f, key.Save(path, key.FromSeed([32]byte{7})))
	good, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(string(good))
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "node.key")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		p, err := key.Load(path)
		if key.IsSealed([]byte(text)) {
			require.ErrorIs(t, err, icn.ErrDenied)
			return
		}
		if err != nil {
			require.ErrorIs(t, err, icn.ErrCorrupt)
			return
		}
		again := filepath.Join(t.TempDir(), "again.key")
		require.NoError(t, key.Save(again, p))
		want, err := os.ReadFile(again)
		require.NoError(t, err)
		require.Equal(t, string(want), strings.TrimRight(text, "\r\n")+"\n", "one form only")
	})
}
