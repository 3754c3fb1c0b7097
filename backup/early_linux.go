package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeEarly asks the system to begin writing a part of a file to the disk, so that
// little is left to wait for at the end. It promises nothing.
func writeEarly(f *os.File, from, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE) // the sync at the end counts
}
