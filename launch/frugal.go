package launch

import (
	"bufio"
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// gcPercent is how much garbage there may be before it is collected, in hundredths
// of what is in use. Go's own 100 makes a node a third larger, and saves it three
// hundredths of its processor time.
const gcPercent = 50

// startOver is when what only a start needs is not needed any more, and restAfter how
// often it is looked again what was needed since.
const (
	startOver = 2 * time.Second
	restAfter = time.Minute
)

// Frugal makes this process, which is a node and nothing else, take less memory.
// How garbage is collected is left alone where GOGC says it. The pages of the program
// are given back after the start and every minute; those that are needed again, a
// third of them, come back from the system's cache of the file, without being read
// from the disk.
func Frugal(ctx context.Context) {
	if _, said := os.LookupEnv("GOGC"); !said {
		debug.SetGCPercent(gcPercent)
	}
	go func() {
		for wait := startOver; ; wait = restAfter {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				debug.FreeOSMemory() // what a burst of work took
				forgetProgram()
			}
		}
	}()
}

// forgetProgram unmaps the pages of the program's file, until they are needed. Where
// the system has no such list of what is mapped, they stay.
func forgetProgram() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for s := bufio.NewScanner(maps); s.Scan(); {
		f := strings.Fields(s.Text()) // from-to, rights, offset, device, inode, path
		if len(f) != 6 || f[5] != self || f[1][1] == 'w' {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			// Refused, they stay: it is only advice.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(a), uintptr(b-a), syscall.MADV_DONTNEED)
		}
	}
}
