package p2p

import (
	"context"
	"log/slog"
	"sync"

	"github.com/libp2p/go-libp2p/gologshim"
)

// libp2p has one log per process and writes to stderr by default, where it
// reports as errors what is everyday here (a listener closed, a peer gone). What
// matters of it comes back to us as errors and is logged by us; the rest goes,
// as debug, to the log of the first Host.
var takeLibp2pLog sync.Once

type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }

func quietLibp2p(log *slog.Logger) {
	takeLibp2pLog.Do(func() { gologshim.SetDefaultHandler(quiet{log.Handler()}) })
}
