package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
)

// database is the PostgreSQL server of all scripts, started by the first that
// wants it.
var database struct {
	once   sync.Once
	server *pgtest.Server
	err    error
	count  atomic.Int64
}

func startDatabase() error {
	database.once.Do(func() { database.server, database.err = pgtest.Start() })
	return database.err
}

// condition says what is here: [postgres], which CI cannot do without.
func condition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	return os.Getenv("CI") != "" || !errors.Is(startDatabase(), pgtest.Missing), nil
}

func cmdPostgres(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Check(startDatabase())
	url, err := database.server.Database(context.Background(), fmt.Sprintf("script%d", database.count.Add(1)))
	ts.Check(err)
	ts.Setenv(args[0], url)
}

func cmdPause(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Check(of(ts).running[args[0]].cmd.Process.Signal(syscall.SIGSTOP))
}

func cmdResume(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Check(of(ts).running[args[0]].cmd.Process.Signal(syscall.SIGCONT))
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	p := of(ts)
	x := p.running[args[0]]
	delete(p.running, args[0])
	_ = x.cmd.Wait() // its exit code is looked at
	ts.Check(x.log.Close())
	if code := x.cmd.ProcessState.ExitCode(); code != 1 {
		ts.Fatalf("%s ended with exit code %d, want 1", args[0], code)
	}
}

func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	largest, size := "", int64(-1)
	for _, name := range args {
		path := ts.MkAbs(name)
		st, err := os.Stat(path)
		ts.Check(err)
		if st.Size() > size {
			largest, size = path, st.Size()
		}
	}
	b, err := os.ReadFile(largest)
	ts.Check(err)
	b[len(b)/2] ^= 0x40
	ts.Check(os.WriteFile(largest, b, 0o600))
}
