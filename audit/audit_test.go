package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func write(t *testing.T, path string, records ...Record) (uint64, [32]byte) {
	t.Helper()
	l, err := Open(path)
	require.NoError(t, err)
	for _, r := range records {
		l.Add(r)
	}
	require.NoError(t, l.Close())
	n, head, err := l.Head()
	require.NoError(t, err)
	return n, head
}

func verify(t *testing.T, heads []Head, paths ...string) (Report, error) {
	t.Helper()
	var files []File
	for _, p := range paths {
		b, err := os.ReadFile(p)
		require.NoError(t, err)
		files = append(files, File{filepath.Base(p), bytes.NewReader(b)})
	}
	return Verify(files, heads)
}

func TestALogGoesOnAfterAStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	n, head := write(t, path, Record{Event: Admin, Who: "ann", Path: "/admin/backup"})
	require.Equal(t, uint64(3), n)
	n2, head2 := write(t, path)
	require.Equal(t, uint64(5), n2)
	r, err := verify(t, []Head{{Lines: n, Hash: head}, {Lines: n2, Hash: head2}}, path)
	require.NoError(t, err)
	require.Equal(t, uint64(5), r.Lines)
	require.Equal(t, uint64(5), r.Anchored)
	require.Equal(t, 2, r.Checked)
	require.Equal(t, map[Event]int{Started: 2, Stopped: 2, Admin: 1}, r.Events)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
}

func TestEveryForgeryIsNamed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	n, head := write(t, path, Record{Event: Refused, From: "10.0.0.7"}, Record{Event: Admin, Who: "ann"}, Record{Event: Denied, Who: "bob"})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	require.Len(t, lines, 5)
	again := rechain(t, lines[:4])
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"a changed line":               {strings.Replace(string(b), `"ann"`, `"eve"`, 1), "audit.log:4: "},
		"a line less":                  {lines[0] + lines[1] + lines[3] + lines[4], "audit.log:3: "},
		"two lines swapped":            {lines[0] + lines[2] + lines[1] + lines[3] + lines[4], "audit.log:2: "},
		"a line twice":                 {lines[0] + lines[1] + lines[1] + lines[2] + lines[3] + lines[4], "audit.log:3: "},
		"a line of something else":     {lines[0] + "hello\n" + lines[1], "audit.log:2: "},
		"the end cut off":              {lines[0] + lines[1], "the end is missing"},
		"nothing left":                 {"", "the end is missing"},
		"written anew with its hashes": {again + strings.Replace(lines[4], "x", "x", 1), "hashes do not meet"},
		"written anew to its end":      {rechain(t, []string{lines[0], lines[1], strings.Replace(lines[2], "ann", "eve", 1), lines[3], lines[4]}), "written anew"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify([]File{{"audit.log", strings.NewReader(c.text)}}, []Head{{Lines: n, Hash: head, Entry: 7}})
			require.ErrorIs(t, err, icn.ErrCorrupt)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = Verify([]File{{"audit.log", strings.NewReader(string(b))}}, []Head{{Lines: n, Hash: head, Entry: 7}})
	require.NoError(t, err)
}

// rechain writes lines anew as a forger would who knows the format; the last line
// but one of what it is given is forged.
func rechain(t *testing.T, lines []string) string {
	t.Helper()
	l := &Log{path: filepath.Join(t.TempDir(), "forged"), now: func() time.Time { return time.Unix(1, 0) }}
	_, err := l.openFile()
	require.NoError(t, err)
	for _, s := range lines {
		var x line
		require.NoError(t, json.Unmarshal([]byte(s), &x))
		l.write(x.Record, l.now())
	}
	require.NoError(t, l.f.Close())
	b, err := os.ReadFile(l.path)
	require.NoError(t, err)
	return string(b)
}

func TestTheChainGoesOnOverFiles(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.log.1")
	l, err := Open(path)
	require.NoError(t, err)
	l.Add(Record{Event: Admin})
	require.NoError(t, os.Rename(path, moved))
	require.NoError(t, l.Reopen())
	l.Add(Record{Event: Admin})
	require.NoError(t, l.Close())
	n, head, err := l.Head()
	require.NoError(t, err)
	heads := []Head{{Lines: n, Hash: head}}

	r, err := verify(t, heads, moved, path)
	require.NoError(t, err)
	require.Equal(t, uint64(4), r.Last)
	r, err = verify(t, heads, path)
	require.NoError(t, err)
	require.Equal(t, uint64(3), r.First, "it tells that older lines were not shown")
	_, err = verify(t, heads, path, moved)
	require.ErrorIs(t, err, icn.ErrCorrupt)

	write(t, path) // and goes on after a restart
	_, err = verify(t, heads, moved, path)
	require.NoError(t, err)
}

func TestHalfALineIsTakenAwayAndToldOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	n, head := write(t, path)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"n":3,"ti`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	write(t, path)
	r, err := verify(t, []Head{{Lines: n, Hash: head}}, path)
	require.NoError(t, err)
	require.Equal(t, 1, r.Events[Torn])
}

func TestAFileOfSomethingElseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	require.NoError(t, os.WriteFile(path, []byte("my diary\n"), 0o600))
	_, err := Open(path)
	require.ErrorIs(t, err, icn.ErrCorrupt)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "my diary\n", string(b))
}

func TestAFloodOfRefusalsIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	c := &clock{time.Unix(1000, 0)}
	l := &Log{path: path, now: c.read}
	_, err := l.openFile()
	require.NoError(t, err)
	for i := range 10_000 {
		l.Add(Record{Event: Refused, From: "10.0.0.7", Detail: fmt.Sprint(i)})
		l.Add(Record{Event: Refused, From: fmt.Sprint("10.1.", i)})
	}
	l.Add(Record{Event: Admin, From: "10.0.0.7"})
	before := l.n
	require.Less(t, before, uint64(2*crowdLines+crowdMost))
	c.now = c.now.Add(crowdTime)
	l.disperse(c.now)
	require.NoError(t, l.f.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	times := 0
	require.NoError(t, scan(bytes.NewReader(b), func(_ int, text []byte) error {
		var x line
		require.NoError(t, json.Unmarshal(text, &x))
		if x.Event == Refused {
			times += max(1, x.Times)
		}
		return nil
	}))
	require.Equal(t, 20_000, times, "none is lost")
}
