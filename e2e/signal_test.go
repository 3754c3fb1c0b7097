package e2e

import (
	"os"
	"regexp"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSignal sends a node a signal that does not end it: signal NAME HUP|USR1.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	s, ok := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1}[args[1]]
	if !ok {
		ts.Fatalf("no signal %s", args[1])
	}
	ts.Check(of(ts).running[args[0]].cmd.Process.Signal(s))
}

// cmdSays waits until a file has a line that matches: says FILE REGEXP.
func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	for {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && re.Match(b) {
			return
		}
		time.Sleep(10 * time.Millisecond) // the test as a whole is bounded
	}
}
