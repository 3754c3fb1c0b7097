package wasm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// cached is a file of the compile cache.
type cached struct {
	path string
	size int64
	made time.Time
}

// trimCache keeps the compile cache on disk within its bound: what was compiled
// first goes first, and is compiled again when it is asked for. Other processes may
// share the folder, and may have been faster.
func (r *Runner) trimCache() error {
	if r.cfg.CacheDir == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(r.cfg.CacheDir, "wazero-*", "*"))
	if err != nil {
		return err
	}
	var all []cached
	var sum int64
	for _, n := range names {
		st, err := os.Stat(n)
		if errors.Is(err, fs.ErrNotExist) || err == nil && st.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		all = append(all, cached{n, st.Size(), st.ModTime()})
		sum += st.Size()
	}
	slices.SortFunc(all, func(a, b cached) int { return a.made.Compare(b.made) })
	for _, f := range all {
		if sum <= r.cfg.CacheBytes {
			return nil
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		sum -= f.size
	}
	return nil
}
