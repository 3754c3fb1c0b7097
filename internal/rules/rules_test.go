// Package rules holds the tests that keep the house's cut: which package may
// import which, and what the pure ones must not do.
package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/InterCooperative-Network/icn-core"

type pkg struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// list asks the go command about the module's packages and, with export data,
// about all that they depend on.
func list(t *testing.T, args ...string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles,Imports"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// own is a package's name in the house: "store/pebble".
func own(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, module+"/")
	return name, ok
}

var (
	folds  = []string{"identity", "mana", "mesh", "reputation", "governance"}
	pure   = slices.Concat([]string{"icn", "state", "tally", "core"}, folds)
	shells = []string{"order", "p2p", "wasm", "dag", "key", "store"}
	// drivers of the store, which only the wiring knows
	drivers = []string{"store/memory", "store/pebble", "store/sqlite", "store/postgres", "store/rocksdb", "dag/redis"}
)

// engines are libraries that one package alone knows.
var engines = map[string]string{
	"go.etcd.io/raft/v3":                   "order",
	"github.com/cockroachdb/pebble/v2":     "store/pebble",
	"github.com/tetratelabs/wazero":        "wasm",
	"github.com/coreos/go-systemd":         "cmd/icn-node",
	"github.com/danielgtaylor/huma/v2":     "api",
	"github.com/ipfs/boxo":                 "dag",
	"github.com/knadh/koanf":               "config",
	"github.com/oasisprotocol":             "key",
	"github.com/prometheus":                "api",
	"github.com/coder/websocket":           "api",
	"github.com/jedib0t/go-pretty":         "cli",
	"rsc.io/qr":                            "cli",
	"github.com/multiformats/go-multiaddr": "p2p",
	"modernc.org/sqlite":                   "store/sqlite",
	"github.com/jackc/pgx/v5":              "store/postgres",
	"github.com/redis/go-redis/v9":         "dag/redis",
	"filippo.io/age":                       "key",
	"github.com/linxGnu/grocksdb":          "store/rocksdb",
	"github.com/quic-go/quic-go":           "p2p",
	"go.opentelemetry.io":                  "trace",
}

// TestImportsPointDownwards keeps the layers: the picture stands in README.md.
func TestImportsPointDownwards(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, ok := own(p.ImportPath)
		if !ok {
			continue
		}
		for _, imp := range p.Imports {
			if reason := forbidden(name, imp); reason != "" {
				t.Errorf("%s imports %s: %s", name, imp, reason)
			}
		}
	}
}

// forbidden says why a package must not import another, or nothing.
func forbidden(name, imp string) string {
	to, ours := own(imp)
	std := !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
	switch {
	case name == "icn":
		if !std && !strings.HasPrefix(imp, "github.com/ipfs/go-cid") && !strings.HasPrefix(imp, "github.com/multiformats/go-multi") {
			return "the vocabulary stands on the standard library, CIDs and their codecs alone"
		}
	case name == "state":
		if !std && to != "icn" {
			return "the folds' tables stand on the vocabulary alone"
		}
	case name == "tally":
		if !std && to != "icn" {
			return "votes are counted with the vocabulary alone, so that whoever recounts needs little"
		}
	case name == "cmd/icn-verify":
		if !std && to != "icn" && to != "proof" {
			return "what strangers check with needs little"
		}
	case name == "proof":
		if !std && !slices.Contains([]string{"icn", "state", "tally", "identity", "governance", "key/signature", "internal/shown"}, to) && imp != "golang.org/x/mod/sumdb/tlog" {
			return "what strangers check with needs little: the vocabulary, the rows that are proven, the count, signatures"
		}
	case slices.Contains(folds, name):
		if !std && to != "icn" && to != "state" && to != "tally" {
			return "a fold imports the vocabulary and its tables; core passes effects between folds"
		}
	case name == "core":
		if !std && !slices.Contains(pure, to) && imp != "golang.org/x/mod/sumdb/tlog" {
			return "core composes the folds, and nothing else"
		}
	case slices.Contains(shells, name):
		if ours && to != "icn" && !(name == "key" && to == "key/signature") && !(to == "store" && name != "p2p" && name != "wasm" && name != "key") {
			return "a driver knows its own interface and its engine only"
		}
	case slices.Contains(drivers, name):
		if ours && !slices.Contains([]string{"icn", "store", "store/door", "store/group"}, to) {
			return "a driver knows its own interface and its engine only"
		}
	case name == "trace":
		if ours && to != "icn" {
			return "it observes: what it is told is in the vocabulary's words"
		}
	case name == "node":
		if slices.Contains([]string{"p2p", "wasm", "config", "api", "key", "trace"}, to) {
			return "node is handed its network, store, runner and key"
		}
	}
	if slices.Contains(pure, name) && std && slices.Contains([]string{"net", "os", "sync", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "time", "sync/atomic", "context", "io/fs"}, imp) {
		return "the pure packages know no clock, chance, file, network or lock"
	}
	if ours && slices.Contains([]string{"sim", "e2e", "store/storetest", "internal/otlptest", "internal/pgtest", "internal/redistest", "internal/netns"}, to) && name != "bench" && !(to == "sim" && name == "sim/scenario") {
		return "it is for tests and measurements"
	}
	wiring := slices.Contains([]string{"launch", "bench"}, name) || strings.HasPrefix(name, "cmd/")
	if ours && !wiring && (slices.Contains(drivers, to) || to == "p2p" || to == "wasm") {
		return "only the wiring (launch, cmd) knows drivers"
	}
	for engine, home := range engines { // order: each is looked at
		if (imp == engine || strings.HasPrefix(imp, engine+"/")) && name != home && !strings.HasPrefix(name, home+"/") && name != "e2e" && !strings.HasPrefix(name, "internal/") {
			return "only " + home + " knows that engine"
		}
	}
	return ""
}

// TestWhatStrangersCheckWithOpensNoConnection: it is not in the binary.
func TestWhatStrangersCheckWithOpensNoConnection(t *testing.T) {
	all := list(t, "-deps", "./cmd/icn-verify")
	if _, ok := all[module+"/proof"]; !ok {
		t.Fatal("nothing was listed")
	}
	for path := range all { // order: each is looked at
		if path == "net" || strings.HasPrefix(path, "net/") || path == "os/exec" || path == "plugin" {
			t.Errorf("icn-verify comes with %s", path)
		}
	}
}

// TestForbiddenImportsAreFound: the rules above can fail.
func TestForbiddenImportsAreFound(t *testing.T) {
	for _, c := range [][2]string{
		{"icn", "github.com/cockroachdb/pebble/v2"}, {"icn", module + "/state"}, {"mana", module + "/mesh"}, {"tally", module + "/state"}, {"proof", module + "/key"}, {"proof", module + "/core"}, {"cmd/icn-verify", module + "/key"}, {"core", module + "/store"},
		{"core", "time"}, {"mesh", "os"}, {"order", module + "/dag"}, {"store/pebble", module + "/node"}, {"node", module + "/p2p"},
		{"node", "go.etcd.io/raft/v3/raftpb"}, {"api", module + "/store/pebble"}, {"cli", module + "/sim"}, {"p2p", "github.com/tetratelabs/wazero/sys"},
		{"trace", module + "/node"}, {"node", module + "/trace"}, {"launch", "go.opentelemetry.io/otel/trace"},
	} {
		if forbidden(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
}

// TestPureCodeIsDeterministic: no goroutine, channel or select, and no iteration
// over a map without a comment that says why its order reaches no output.
func TestPureCodeIsDeterministic(t *testing.T) {
	all := list(t, "-export", "-deps", "./...")
	for _, name := range pure {
		for _, f := range impure(t, all[module+"/"+name], exportsOf(all)) {
			t.Error(f)
		}
	}
}

// TestImpureCodeIsFound: the check above can fail.
func TestImpureCodeIsFound(t *testing.T) {
	dir := t.TempDir()
	src := `package bad

func f(m map[int]int, c chan int, done func()) (n int) {
	for k := range m {
		n = k
	}
	for range m { // order: counted
		n++
	}
	go done()
	select {
	case c <- 1:
	default:
	}
	return n
}
`
	if err := os.WriteFile(filepath.Join(dir, "bad.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	found := impure(t, pkg{ImportPath: "bad", Dir: dir, GoFiles: []string{"bad.go"}}, nil)
	if len(found) != 5 { // the map, go, select, send, and the channel type
		t.Fatalf("found %q", found)
	}
}

func exportsOf(all map[string]pkg) importer.Lookup {
	return func(path string) (io.ReadCloser, error) {
		if all[path].Export == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(all[path].Export)
	}
}

func impure(t *testing.T, p pkg, exports importer.Lookup) (found []string) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no files", p.ImportPath)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	check := types.Config{Importer: importer.ForCompiler(fset, "gc", exports)}
	if _, err := check.Check(p.ImportPath, fset, files, info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		reasons := ordered(fset, f)
		ast.Inspect(f, func(n ast.Node) bool {
			what := ""
			switch n := n.(type) {
			case *ast.GoStmt:
				what = "starts a goroutine"
			case *ast.SelectStmt:
				what = "selects"
			case *ast.SendStmt, *ast.ChanType:
				what = "uses a channel"
			case *ast.RangeStmt:
				_, isMap := info.TypeOf(n.X).Underlying().(*types.Map)
				if line := fset.Position(n.Pos()).Line; isMap && !reasons[line] && !reasons[line-1] {
					what = "ranges over a map; sort its keys, or say in a comment `// order: …` why it cannot matter"
				}
			}
			if what != "" {
				found = append(found, fmt.Sprintf("%s: pure code %s", fset.Position(n.Pos()), what))
			}
			return true
		})
	}
	return found
}

// ordered lists the lines that carry a reason for an unsorted iteration.
func ordered(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, g := range f.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "// order: ") {
				lines[fset.Position(c.Pos()).Line] = true
			}
		}
	}
	return lines
}

// TestProductionCodeHasNoTestMode: words that promise or pretend.
func TestProductionCodeHasNoTestMode(t *testing.T) {
	all := list(t, "./...")
	for _, path := range slices.Sorted(maps.Keys(all)) {
		name, _ := own(path)
		if slices.Contains([]string{"sim", "e2e", "store/storetest"}, name) {
			continue
		}
		for _, file := range all[path].GoFiles {
			src, err := os.ReadFile(filepath.Join(all[path].Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			low := strings.ToLower(string(src))
			for _, word := range []string{"stub", "mock", "todo", "fixme", "testing.testing", "not implemented"} {
				if strings.Contains(low, word) {
					t.Errorf("%s/%s contains %q", name, file, word)
				}
			}
			if strings.Contains(low, "test-mode") && !slices.Contains([]string{"config", "cmd/icn-node", "cli", "api", "launch", "bench"}, name) {
				t.Errorf("%s/%s: --test-mode is a preset of config and read nowhere else", name, file)
			}
		}
	}
}
