package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// failure is the first trouble after which nothing may be written any more.
//
// Pebble's answer to such trouble is to end the process: through its logger, or
// by a panic, while other goroutines wait for what will not come. So calls that
// write run in goroutines of their own (guard), which end or wait where Pebble
// would have ended the process, and the callers hear of the failure instead.
type failure struct {
	path     string
	log      *slog.Logger
	once     sync.Once
	happened chan struct{}
	err      error // set before happened is closed
}

func newFailure(path string, log *slog.Logger) *failure {
	return &failure{path: path, log: log, happened: make(chan struct{})}
}

func (f *failure) set(doing string, err error) {
	f.once.Do(func() {
		f.err = explain(f.path, doing, err)
		f.log.Error("the store has failed", "path", f.path, "err", err)
		close(f.happened)
	})
}

func (f *failure) get() error {
	select {
	case <-f.happened:
		return f.err
	default:
		return nil
	}
}

// guard does something that may write, and returns what came of it or, when
// that comes first, the failure.
func (f *failure) guard(doing string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				f.set(doing, asError(p))
			}
		}()
		done <- do()
	}()
	select {
	case err := <-done:
		if err != nil {
			return explain(f.path, doing, err)
		}
		return nil
	case <-f.happened:
		return f.err
	}
}

func asError(p any) error {
	if err, ok := p.(error); ok {
		return err
	}
	return fmt.Errorf("%v", p)
}

// diskFull is called where a write has met a full disk. It does not return:
// what Pebble does next would end the process.
func (f *failure) diskFull() {
	f.set("write", syscall.ENOSPC)
	select {}
}

// background hears of trouble that Pebble will try to get over by itself.
func (f *failure) background(err error) {
	f.log.Warn("trouble in the store", "path", f.path, "err", err)
}

// logger is Pebble's; it keeps the chatter out.
type logger struct{ f *failure }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.f.log.Warn("trouble in the store", "path", l.f.path, "err", fmt.Sprintf(format, args...))
}

// Fatalf must not return.
func (l logger) Fatalf(format string, args ...any) {
	err := errors.New(fmt.Sprintf(format, args...))
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = cause
		}
	}
	l.f.set("commit", err)
	runtime.Goexit()
}

// explain says what was wrong, where, and what to do next.
func explain(path, doing string, err error) error {
	is := func(errnos ...error) bool {
		for _, e := range errnos {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	wrap := func(kind error, advice string) error {
		return &explained{fmt.Sprintf("store %s: %s: %v: %s; %s", path, doing, kind, firstLine(err), advice), kind, err}
	}
	switch {
	case pebble.IsCorruptionError(err):
		return wrap(icn.ErrCorrupt, "restore it from a backup, or let the node join again with an empty folder")
	case is(syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		return wrap(icn.ErrUnavailable, "the disk, quota or file size limit is used up: make room, then start again")
	case is(syscall.EROFS):
		return wrap(icn.ErrUnavailable, "the disk is read-only: mount it writable, then start again")
	case is(fs.ErrPermission):
		return wrap(icn.ErrDenied, "give this user the folder (chown), or choose another --storage-path")
	case is(syscall.ENOTDIR, fs.ErrExist):
		return wrap(icn.ErrInvalid, "choose a folder as --storage-path")
	}
	return wrap(icn.ErrUnavailable, "check the disk, then start again")
}

// explained says a thing once where Pebble's error says it in several lines.
type explained struct {
	text        string
	kind, cause error
}

func (e *explained) Error() string   { return e.text }
func (e *explained) Unwrap() []error { return []error{e.kind, e.cause} }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
