package dag_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kubo records the vectors anew:
//
//	go test ./dag -run Kubo -kubo path/to/ipfs   (Kubo v0.43.0)
var kubo = flag.String("kubo", "", "a Kubo binary; records testdata/kubo-v0.43.0.json with it")

const vectors = "testdata/kubo-v0.43.0.json"

// tree writes a file or folder by name, so that anybody can make it again.
func tree(dir, name string) (string, error) {
	path := filepath.Join(dir, "x")
	var size int
	switch {
	case name == "folder":
		return path, errors.Join(
			file(path, "a.txt", []byte("first")), file(path, "sub/deep/b.txt", []byte("second")), file(path, "sub/big", pattern(600<<10)),
			file(path, ".hidden", []byte("left out")), os.MkdirAll(filepath.Join(path, "empty"), 0o755), os.Symlink("a.txt", filepath.Join(path, "link")))
	case name == "300 files":
		var errs []error
		for i := range 300 {
			errs = append(errs, file(path, fmt.Sprintf("file %03d", i), pattern(i)))
		}
		return path, errors.Join(errs...)
	case name == "8000 files":
		var errs []error
		for i := range 8000 {
			errs = append(errs, file(path, fmt.Sprintf("a file with a rather long name, number %05d", i), nil))
		}
		return path, errors.Join(errs...)
	}
	if _, err := fmt.Sscanf(name, "%d bytes", &size); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, pattern(size), 0o644)
}

func file(dir, name string, data []byte) error {
	p := filepath.Join(dir, name)
	return errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, data, 0o644))
}

var trees = []string{"0 bytes", "1 bytes", "262144 bytes", "262145 bytes", "1048576 bytes", "52428800 bytes", "folder", "300 files", "8000 files"}

func TestCIDsAreThoseOfKubo(t *testing.T) {
	if *kubo != "" {
		record(t)
	}
	b, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range trees {
		path, err := tree(t.TempDir(), name)
		if err != nil {
			t.Fatal(err)
		}
		a, err := open(t).AddPath(t.Context(), path, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want[name] == "" || a.CID.String() != want[name] {
			t.Errorf("%s: %s, Kubo says %s", name, a.CID, want[name])
		}
	}
}

func record(t *testing.T) {
	got := map[string]string{}
	repo := append(os.Environ(), "IPFS_PATH="+t.TempDir())
	ipfs := func(args ...string) string {
		c := exec.Command(*kubo, args...)
		c.Env = repo
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil {
			t.Fatalf("ipfs %v: %v %s", args, err, errs.String())
		}
		return strings.TrimSpace(string(out))
	}
	ipfs("init", "--profile=test")
	for _, name := range trees {
		path, err := tree(t.TempDir(), name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = ipfs("add", "--cid-version", "1", "--only-hash", "-Q", "-r", path)
	}
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(vectors, append(b, '\n'), 0o644)); err != nil {
		t.Fatal(err)
	}
}
