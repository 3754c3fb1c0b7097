package launch

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/InterCooperative-Network/icn-core/config"
)

// Logs are where the node tells its operator what happens.
type Logs struct {
	*slog.Logger
	level slog.LevelVar
	file  *lumberjack.Logger // nil: it goes to a stream
	last  lastLines
}

// lastLines keeps the end of what was logged, for whoever helps.
type lastLines struct {
	mu    sync.Mutex
	lines []string
	next  int
}

// keptLines is how many lines are kept.
const keptLines = 2000

// Write takes one line, as slog's handlers give them.
func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < keptLines {
		l.lines = append(l.lines, string(p))
	} else {
		l.lines[l.next] = string(p)
		l.next = (l.next + 1) % keptLines
	}
	return len(p), nil
}

// Last is the end of what was logged.
func (l *Logs) Last() []string {
	l.last.mu.Lock()
	defer l.last.mu.Unlock()
	return append(slices.Clone(l.last.lines[l.last.next:]), l.last.lines[:l.last.next]...)
}

// endless is a size in megabytes that no log reaches.
const endless = 1 << 30

// OpenLogs makes a logger as the configuration wants it; w is taken when it names
// no file.
func OpenLogs(c config.Logging, w io.Writer) *Logs {
	l := &Logs{}
	l.SetLevel(c.Level)
	if c.Output != "" {
		l.file = &lumberjack.Logger{Filename: c.Output, MaxSize: c.MaxSizeMB, MaxBackups: c.MaxFiles}
		if c.MaxSizeMB == 0 {
			l.file.MaxSize = endless
		}
		w = l.file
	}
	w = io.MultiWriter(w, &l.last)
	o := &slog.HandlerOptions{Level: &l.level}
	if c.Format == "json" {
		l.Logger = slog.New(slog.NewJSONHandler(w, o))
	} else {
		l.Logger = slog.New(slog.NewTextHandler(w, o))
	}
	return l
}

// SetLevel changes what is told.
func (l *Logs) SetLevel(name string) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l.level.Set(levels[strings.ToLower(name)])
}

// Reopen goes on in a new file of the same name, when the old one was moved away.
func (l *Logs) Reopen() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close() // the next line opens it
}

// Close closes the file.
func (l *Logs) Close() error { return l.Reopen() }
