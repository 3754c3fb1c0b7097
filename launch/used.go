package launch

import (
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// used is how much a store's files take, looked at now and then: a large store has
// many.
type used struct {
	mu    sync.Mutex
	at    time.Time
	bytes uint64
}

// measureAgain is how long a look is good for.
const measureAgain = 15 * time.Second

// of adds up the files of a store: those in its folder, or the database and its journal.
// One that goes away meanwhile counts as nothing.
func (u *used) of(path string) uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Since(u.at) < measureAgain {
		return u.bytes
	}
	u.at, u.bytes = time.Now(), 0
	name := filepath.Clean(path)
	for _, root := range []string{name, name + "-wal", name + "-shm"} { // a database has its journal beside it
		_ = filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error { // what cannot be read is not counted
			if err != nil || e.IsDir() {
				return nil
			}
			if info, err := e.Info(); err == nil {
				u.bytes += uint64(info.Size())
			}
			return nil
		})
	}
	return u.bytes
}
