package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Target is where a backup goes. Encode may be called from many goroutines, and
// what it returns is written by one, in the order of the members.
type Target interface {
	Encode(name string, data []byte) ([]byte, error)
	Write(name string, encoded []byte) error
	Done() error    // it is whole
	Abandon() error // it is not, and nothing shall be left of it
}

// Source is where a backup is read from: members in the order in which they were
// written. The data is only valid during the call.
type Source interface {
	Each(f func(name string, data []byte) error) error
	String() string
}

// maxMember bounds what is read into memory: a segment, and what can stand in the
// way of ending it.
const maxMember = segmentBytes + 4<<20

// tarBlock is what everything in a tar is a multiple of.
const tarBlock = 512

// stream writes a tar.gz.
type stream struct {
	w    io.Writer
	made time.Time
}

// NewStream is a target that writes a tar.gz as it comes.
func NewStream(w io.Writer) Target { return &stream{w: w, made: time.Now()} }

func (s *stream) Encode(name string, data []byte) ([]byte, error) {
	var head bytes.Buffer
	h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: s.made, Format: tar.FormatPAX, Typeflag: tar.TypeReg}
	if err := tar.NewWriter(&head).WriteHeader(h); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	padding := make([]byte, (tarBlock-len(data)%tarBlock)%tarBlock) // and no end mark: members follow
	return squeeze(head.Bytes(), data, padding)
}

func (s *stream) Write(_ string, encoded []byte) error {
	_, err := s.w.Write(encoded)
	return err
}

func (s *stream) Done() error {
	end, err := squeeze(make([]byte, 1024)) // what tar ends with
	if err == nil {
		_, err = s.w.Write(end)
	}
	return err
}

func (s *stream) Abandon() error { return nil }

// file is a stream into a file, which appears under its name when it is whole.
type file struct {
	stream
	f    *os.File
	path string

	written, begun int64 // bytes, of which the system was asked to begin
}

// earlyBytes is how much is handed to the disk at a time.
const earlyBytes = 8 << 20

func (t *file) Write(name string, encoded []byte) error {
	err := t.stream.Write(name, encoded)
	t.written += int64(len(encoded))
	if err == nil && t.written-t.begun >= earlyBytes {
		writeEarly(t.f, t.begun, t.written-t.begun)
		t.begun = t.written
	}
	return err
}

// NewFile is a target that becomes a tar.gz file.
func NewFile(path string) (Target, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".unfinished-*")
	if err != nil {
		return nil, fmt.Errorf("backup: %w; choose another --output", err)
	}
	return &file{stream: stream{f, time.Now()}, f: f, path: path}, nil
}

func (t *file) Done() error {
	err := t.stream.Done()
	if err == nil {
		err = t.f.Sync()
	}
	if err = errors.Join(err, t.f.Close()); err != nil {
		return errors.Join(err, os.Remove(t.f.Name()))
	}
	if err := os.Rename(t.f.Name(), t.path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(t.path))
}

func (t *file) Abandon() error { return errors.Join(t.f.Close(), os.Remove(t.f.Name())) }

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// folder holds the members of one backup as files.
type folder struct{ path, name string }

// NewFolder is a target that becomes a folder in dir, with a name of its own: all
// backups in a folder are told apart by their time.
func NewFolder(dir string, made time.Time) (Target, error) {
	name := "backup-" + made.UTC().Format("20060102T150405.000000000Z")
	t := &folder{filepath.Join(dir, "."+name+".unfinished"), filepath.Join(dir, name)}
	for _, sub := range []string{"blocks", "log", "keys"} {
		if err := os.MkdirAll(filepath.Join(t.path, sub), 0o700); err != nil {
			return nil, fmt.Errorf("backup: %w; choose another --path", err)
		}
	}
	return t, nil
}

func (t *folder) Encode(_ string, data []byte) ([]byte, error) { return squeeze(data) }

func (t *folder) Write(name string, encoded []byte) error {
	f, err := os.OpenFile(filepath.Join(t.path, name+".gz"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(encoded)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (t *folder) Done() error {
	for _, sub := range []string{"blocks", "log", "keys", "."} {
		if err := syncFolder(filepath.Join(t.path, sub)); err != nil {
			return err
		}
	}
	if err := os.Rename(t.path, t.name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(t.name))
}

func (t *folder) Abandon() error { return os.RemoveAll(t.path) }

// tarFile reads a tar.gz file.
type tarFile struct{ path string }

func (t tarFile) String() string { return t.path }

func (t tarFile) Each(f func(string, []byte) error) error {
	r, err := os.Open(t.path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer r.Close()
	return ReadStream(r, f)
}

// ReadStream reads a tar.gz as it comes.
func ReadStream(r io.Reader, f func(name string, data []byte) error) error {
	broken := func(err error) error {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%w: the tar.gz is damaged or cut off: %v", icn.ErrCorrupt, err)
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return broken(err)
	}
	in := tar.NewReader(z)
	var data []byte
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			if _, err := io.Copy(io.Discard, z); err != nil { // the checksum of the last part
				return broken(err)
			}
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if h.Typeflag != tar.TypeReg || h.Size > maxMember {
			return fmt.Errorf("%s: %w: it is no member of a backup", h.Name, icn.ErrCorrupt)
		}
		data = slices.Grow(data[:0], int(h.Size))[:h.Size]
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("%s: %w", h.Name, broken(err))
		}
		if err := f(h.Name, data); err != nil {
			return err
		}
	}
}

// folderOf reads what NewFolder made.
type folderOf struct{ path string }

func (t folderOf) String() string { return t.path }

func (t folderOf) Each(f func(string, []byte) error) error {
	names := []string{headName}
	for _, sub := range []string{"blocks", "log", "keys"} {
		list, err := os.ReadDir(filepath.Join(t.path, sub))
		if err != nil {
			return fmt.Errorf("%w: %v", icn.ErrCorrupt, err)
		}
		for _, e := range list {
			names = append(names, sub+"/"+strings.TrimSuffix(e.Name(), ".gz"))
		}
	}
	for _, name := range append(names, pinsName, manifestName) {
		data, err := readGzip(filepath.Join(t.path, name+".gz"))
		if err != nil {
			return fmt.Errorf("%s: %w: %v", name, icn.ErrCorrupt, err)
		}
		if err := f(name, data); err != nil {
			return err
		}
	}
	return nil
}

func readGzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(z, maxMember+1))
	if err == nil && len(data) > maxMember {
		err = errors.New("it is larger than any member of a backup")
	}
	return data, err
}

// Sources finds the backups at a path, oldest first: a tar.gz file is one, a folder
// holds many, of which those from the last full one on belong together.
func Sources(path string) ([]Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w: %v", path, icn.ErrNotFound, err)
	}
	if !st.IsDir() {
		return []Source{tarFile{path}}, nil
	}
	if _, err := os.Stat(filepath.Join(path, manifestName+".gz")); err == nil {
		return []Source{folderOf{path}}, nil
	}
	list, err := filepath.Glob(filepath.Join(path, "backup-*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(list)
	var out []Source
	for _, p := range list {
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			out = append(out, folderOf{p})
		} else if strings.HasSuffix(p, ".tar.gz") {
			out = append(out, tarFile{p})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("backup %s: %w: the folder holds no backup", path, icn.ErrNotFound)
	}
	return out, nil
}
