// Package audit writes down who used a node's API for what, in a file of which no
// line can be changed or taken out without a trace.
//
// The invariant: every line carries the SHA-256 of the line before it, so that the
// hash of the last line (the head) stands for all of them. Heads are put into the
// federation's log from time to time, where nobody can change them.
//
// It decides nothing about access, and it keeps no secret: keys appear by name.
//
//	l, err := audit.Open("/var/log/icn/audit.log")
//	l.Add(audit.Record{Event: audit.Refused, From: "10.0.0.7", Path: "/status"})
//	lines, head := l.Head()
//	report, err := audit.Verify(files, heads)
package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Event is what a line is about.
type Event string

// The events.
const (
	Started  Event = "started"  // the node began to write here
	Stopped  Event = "stopped"  // it ended in order
	Refused  Event = "refused"  // a credential was missing, wrong, or too weak
	KeyUsed  Event = "key-used" // a key was used from an address, the first time within an hour
	Admin    Event = "admin"    // an administrative call
	Denied   Event = "denied"   // what was asked for is not allowed to the one who asked
	Reloaded Event = "reloaded" // the configuration was read again
	Torn     Event = "torn"     // the file ended in half a line, which was taken away
)

// Record is what happened.
type Record struct {
	Event       Event  `json:"event"`
	Who         string `json:"who,omitempty"`  // the key's name
	From        string `json:"from,omitempty"` // the caller's address
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"`
	Status      int    `json:"status,omitempty"`
	Correlation string `json:"correlation_id,omitempty"`
	Detail      string `json:"detail,omitempty"`
	Times       int    `json:"times,omitempty"` // how often, when lines were drawn together
}

// line is a record in its place.
type line struct {
	N    uint64 `json:"n"`
	Time string `json:"time"`
	Prev string `json:"prev"`
	Record
}

// maxLine bounds a line: paths and details are cut before.
const maxLine = 8 << 10

// Log is an open audit log.
type Log struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	f       *os.File
	n       uint64
	head    [32]byte
	dirty   bool
	crowd   crowd
	broken  error // of the last write
	closing chan struct{}
	work    sync.WaitGroup
}

// Open goes on with the log at path, or begins one.
func Open(path string) (*Log, error) { return open(path, time.Now) }

func open(path string, now func() time.Time) (*Log, error) {
	l := &Log{path: path, now: now, closing: make(chan struct{})}
	torn, err := l.openFile()
	if err != nil {
		return nil, err
	}
	if torn > 0 {
		l.Add(Record{Event: Torn, Detail: fmt.Sprintf("%d bytes of an unfinished line were taken away", torn)})
	}
	l.Add(Record{Event: Started})
	l.work.Go(l.flush)
	return l, nil
}

// openFile opens the file at its end; torn is what had to be cut off.
func (l *Log) openFile() (torn int, err error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, fmt.Errorf("audit log: %w: %v; check [audit] log_path", icn.ErrUnavailable, err)
	}
	last, whole, size, err := tail(f)
	if err == nil && whole < size {
		torn = int(size - whole)
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err == nil && len(last) > 0 {
		var x line
		if err = json.Unmarshal(last, &x); err == nil {
			l.n, l.head = x.N, sha256.Sum256(last)
		}
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("audit log %s: %w: its last line cannot be read: %v; move it away, and keep it", l.path, icn.ErrCorrupt, err), f.Close())
	}
	l.f = f
	return torn, nil
}

// tail reads the last whole line, where it ends, and the size of the file.
func tail(f *os.File) (last []byte, whole, size int64, err error) {
	st, err := f.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	size = st.Size()
	from := max(0, size-2*maxLine)
	b := make([]byte, size-from)
	if _, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, 0, err
	}
	end := bytes.LastIndexByte(b, '\n')
	if end < 0 {
		if from > 0 {
			return nil, 0, 0, errors.New("a line without an end")
		}
		return nil, 0, size, nil
	}
	begin := bytes.LastIndexByte(b[:end], '\n') + 1
	return b[begin:end], from + int64(end) + 1, size, nil
}

// Add writes a record down. Refusals from one address that come in crowds are
// counted, and written as one line a minute.
func (l *Log) Add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if r.Event == Refused && !l.crowd.alone(r, now) {
		return
	}
	l.write(r, now)
}

// write appends a line; l.mu is held.
func (l *Log) write(r Record, now time.Time) {
	r.Path, r.Detail, r.From, r.Who = cut(r.Path, 512), cut(r.Detail, 512), cut(r.From, 64), cut(r.Who, 64)
	b, err := json.Marshal(line{l.n + 1, now.UTC().Format(time.RFC3339Nano), hex.EncodeToString(l.head[:]), r})
	if err != nil {
		l.broken = err
		return
	}
	if _, err := l.f.Write(append(b, '\n')); err != nil {
		l.broken = err
		return
	}
	l.n++
	l.head, l.dirty, l.broken = sha256.Sum256(b), true, nil
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// Head is the number of lines and the hash of the last one, which are on the disk
// when it returns: what a head stands for must outlive a power failure.
func (l *Log) Head() (lines uint64, head [32]byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n, l.head, l.sync()
}

// sync brings written lines to the disk; l.mu is held.
func (l *Log) sync() error {
	if !l.dirty {
		return nil
	}
	if err := l.f.Sync(); err != nil {
		l.broken = err
		return fmt.Errorf("audit log: %w", err)
	}
	l.dirty = false
	return nil
}

// Broken is why the last record could not be written; nil when it was.
func (l *Log) Broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// flush syncs the file each second, and writes down what crowds did.
func (l *Log) flush() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-l.closing:
			return
		case <-t.C:
			l.mu.Lock()
			l.disperse(l.now())
			_ = l.sync() // Broken tells
			l.mu.Unlock()
		}
	}
}

func (l *Log) disperse(now time.Time) {
	for _, r := range l.crowd.over(now) {
		l.write(r, now)
	}
}

// Reopen goes on in a new file at the same path, when the old one was moved away.
// The chain goes on: the first line there has the hash of the last one here.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	old := l.f
	l.f = f
	return errors.Join(old.Sync(), old.Close())
}

// Close writes down that the node stopped.
func (l *Log) Close() error {
	close(l.closing)
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disperse(l.now().Add(time.Hour))
	l.write(Record{Event: Stopped}, l.now())
	return errors.Join(l.broken, l.sync(), l.f.Close())
}

// scan calls f with each line of a file, with its number there.
func scan(r io.Reader, f func(at int, text []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxLine), 2*maxLine)
	for at := 1; s.Scan(); at++ {
		if err := f(at, s.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%w: a line is longer than any that is written", icn.ErrCorrupt)
	}
	return s.Err()
}
