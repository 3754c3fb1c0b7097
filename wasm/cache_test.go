package wasm_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/wasm"
)

func TestTheCacheOnDiskIsBounded(t *testing.T) {
	dir := t.TempDir()
	module := func(n byte) []byte { return handmade{body: []byte{0x42, n}, result: i64}.bytes() }
	files := func() (out []string, size int64) {
		out, _ = filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
		for _, f := range out {
			if st, err := os.Stat(f); err == nil {
				size += st.Size()
			}
		}
		return out, size
	}
	run := func(bound int64, n byte) {
		r, err := wasm.NewRunner(wasm.Config{CacheDir: dir, CacheBytes: bound})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if res, err := r.Run(t.Context(), program(module(n)), wasm.Input{Args: []string{"m"}}, wasm.DefaultLimits()); err != nil || res.Fault != "" {
			t.Fatal(err, res.Fault)
		}
	}
	for n := range byte(8) {
		run(0, n)
	}
	all, size := files()
	if len(all) < 8 {
		t.Fatalf("%d files", len(all))
	}
	run(size/2, 8)
	if left, now := files(); now > size/2 || len(left) == 0 {
		t.Errorf("%d files of %d bytes, the bound is %d", len(left), now, size/2)
	}
	run(size/2, 0) // what went is compiled again
}

// sharing is a runner on a cache that others use too, with room for little.
func sharing(t *testing.T, dir string) *wasm.Runner {
	t.Helper()
	r, err := wasm.NewRunner(wasm.Config{CacheDir: dir, CacheBytes: 6000, Programs: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func runNumber(t *testing.T, r *wasm.Runner, n byte) {
	t.Helper()
	code := handmade{body: []byte{0x42, n}, result: i64}.bytes()
	if res, err := r.Run(t.Context(), program(code), wasm.Input{}, wasm.DefaultLimits()); err != nil || res.Fault != "" || res.Stdout[0] != n {
		t.Errorf("program %d: %v %q %x", n, err, res.Fault, res.Stdout)
	}
}

// TestTrimmingLeavesAloneWhatOthersWrite: a file that is being written belongs to
// its writer, until that is surely gone.
func TestTrimmingLeavesAloneWhatOthersWrite(t *testing.T) {
	dir := t.TempDir()
	r := sharing(t, dir)
	runNumber(t, r, 1)
	made, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	theirs, dead := made[0]+".1.tmp", made[0]+".2.tmp"
	for _, f := range []string{theirs, dead} {
		if err := os.WriteFile(f, make([]byte, 100_000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(dead, old, old); err != nil {
		t.Fatal(err)
	}
	for n := range byte(10) {
		runNumber(t, r, n)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Errorf("another's file is gone: %v", err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("what a dead process left stays for ever")
	}
	// A spoilt file empties the cache, and still leaves that alone.
	whole, _ := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	for _, f := range whole {
		if f != theirs {
			if err := os.WriteFile(f, []byte("spoilt"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := sharing(t, dir)
	for n := range byte(10) {
		runNumber(t, again, n)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Errorf("another's file is gone: %v", err)
	}
}

func TestSeveralShareACacheThatIsTooSmallForThem(t *testing.T) {
	dir := t.TempDir()
	var wait sync.WaitGroup
	for k := range 4 {
		r := sharing(t, dir)
		wait.Go(func() {
			for n := range 60 {
				runNumber(t, r, byte((n*(k+1))%20))
			}
		})
	}
	wait.Wait()
}
