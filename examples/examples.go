// Package examples carries sample programs and a text for them, so that they are
// at hand where the source tree is not.
//
// The Go programs are compiled for WASI where they are needed; [Tiny] is made
// here, instruction by instruction, and shows how small a program can be.
package examples

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed wordcount/main.go
var sources embed.FS

// Text is the Universal Declaration of Human Rights (in part), for programs that
// read something.
//
//go:embed text/udhr.txt
var Text []byte

// Program is a Go program of this folder, unpacked into a folder of its own.
type Program struct{ dir string }

// Unpack writes a program's source into dir.
func Unpack(name, dir string) (Program, error) {
	src, err := sources.ReadFile(name + "/main.go")
	if err != nil {
		return Program{}, fmt.Errorf("example %s: %w", name, err)
	}
	mod := "module example/" + name + "\n\ngo 1.26\n"
	for file, data := range map[string][]byte{"main.go": src, "go.mod": []byte(mod)} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			return Program{}, fmt.Errorf("example %s: %w", name, err)
		}
	}
	return Program{dir}, nil
}

// Build compiles the program: for WASI, or for this machine.
func (p Program) Build(ctx context.Context, wasi bool) (path string, err error) {
	path = filepath.Join(p.dir, "native")
	env := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if wasi {
		path = filepath.Join(p.dir, "program.wasm")
		env = append(env, "GOOS=wasip1", "GOARCH=wasm")
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, ".")
	cmd.Dir, cmd.Env = p.dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s (Go 1.24 or newer must be installed)", err, out)
	}
	return path, nil
}
