package wasm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The compile cache is a folder of files that the engine writes beside their place,
// and renames when they are whole. Several processes may share it: a whole file can
// go at any time (whoever has it open reads on, whoever comes later compiles
// again), but what is being written is its writer's.

// cached is a file of the compile cache.
type cached struct {
	path string
	size int64
	made time.Time
}

const (
	unfinished = ".tmp"    // the end of the name of a file that is being written
	abandoned  = time.Hour // after which its writer is gone
)

// cacheFiles lists the files that may be removed.
func (r *Runner) cacheFiles() ([]cached, error) {
	names, err := filepath.Glob(filepath.Join(r.cfg.CacheDir, "wazero-*", "*"))
	if err != nil {
		return nil, err
	}
	var all []cached
	for _, n := range names {
		st, err := os.Stat(n)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another process was faster
		case err != nil:
			return nil, err
		case st.IsDir() || strings.HasSuffix(n, unfinished) && time.Since(st.ModTime()) < abandoned:
		default:
			all = append(all, cached{n, st.Size(), st.ModTime()})
		}
	}
	return all, nil
}

func (f cached) remove() error {
	if err := os.Remove(f.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// trimCache keeps the compile cache on disk within its bound: what was compiled
// first goes first, and is compiled again when it is asked for.
func (r *Runner) trimCache() error {
	if r.cfg.CacheDir == "" {
		return nil
	}
	all, err := r.cacheFiles()
	if err != nil {
		return err
	}
	var sum int64
	for _, f := range all {
		sum += f.size
	}
	slices.SortFunc(all, func(a, b cached) int { return a.made.Compare(b.made) })
	for _, f := range all {
		if sum <= r.cfg.CacheBytes && !strings.HasSuffix(f.path, unfinished) {
			continue
		}
		if err := f.remove(); err != nil {
			return err
		}
		sum -= f.size
	}
	return nil
}

// clearCache empties the compile cache.
func (r *Runner) clearCache() error {
	all, err := r.cacheFiles()
	for _, f := range all {
		err = errors.Join(err, f.remove())
	}
	return err
}
