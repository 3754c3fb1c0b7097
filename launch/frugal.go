package launch

import (
	"context"
	"os"
	"runtime/debug"
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
