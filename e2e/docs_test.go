package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is one of shell in a page: fenced as bash or sh.
type block struct {
	line   int
	text   string
	reason string // why it is not run here; empty: it is
}

// notRun is written in the line before a block that is not run, with the reason.
var notRun = regexp.MustCompile(`^<!-- not run: (.+) -->$`)

// shellBlocks finds them.
func shellBlocks(page string) (out []block) {
	var b *block
	reason := ""
	for i, line := range strings.Split(page, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case b == nil && (trimmed == "```bash" || trimmed == "```sh"):
			b = &block{line: i + 1, reason: reason}
		case b != nil && trimmed == "```":
			out = append(out, *b)
			b, reason = nil, ""
		case b != nil:
			b.text += line + "\n"
		case trimmed != "":
			reason = ""
			if m := notRun.FindStringSubmatch(trimmed); m != nil {
				reason = m[1]
			}
		}
	}
	return out
}

// pages are those with shell in them.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../examples/*.md", "../icn-devnet/*.md", "../deploy/*/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		out = append(out, found...)
	}
	require.Greater(t, len(out), 10)
	return out
}

// TestShellBlocksOfTheDocsRun runs what a reader would copy: all blocks of a page, one
// after the other, in a folder with what testdata/docs/PAGE.sh puts there. icn-node
// there ends the node before it, starts in the background, and returns when it is ready.
// A block that is not run says why.
func TestShellBlocksOfTheDocsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the guide's ports")
	}
	ran := 0
	for _, page := range pages(t) {
		b, err := os.ReadFile(page)
		require.NoError(t, err)
		blocks := shellBlocks(string(b))
		var script strings.Builder
		n := 0
		for _, x := range blocks {
			if x.reason != "" {
				t.Logf("%s:%d is not run: %s", page, x.line, x.reason)
				continue
			}
			fmt.Fprintf(&script, "echo '%s:%d' >>places\n%s\n", filepath.Base(page), x.line, x.text)
			n++
		}
		if n == 0 {
			continue
		}
		ran += n
		t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, page, script.String()) })
	}
	require.GreaterOrEqual(t, ran, 6)
}

func runPage(t *testing.T, page, script string) {
	dir := t.TempDir()
	for _, name := range []string{"icn-node", "icn-cli", "icn-verify"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o700))
		text := fmt.Sprintf("#!/bin/sh\nexec %s/%s \"$@\"\n", built, name)
		if name == "icn-node" {
			text = fmt.Sprintf("#!/bin/bash\nREAL=%s/icn-node; CLI=%s/icn-cli; FOLDER=%s\n%s", built, built, dir, backgroundNode)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", name), []byte(text), 0o700))
	}
	prepareGuide(t, dir)
	require.NoError(t, os.CopyFS(filepath.Join(dir, "configs"), os.DirFS("../configs")))
	tiny, err := os.ReadFile(filepath.Join(built, "tiny.wasm"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program.wasm"), tiny, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text.txt"), []byte("what we decided"), 0o600))
	source, err := filepath.Abs("..")
	require.NoError(t, err)
	setup, err := os.ReadFile("testdata/docs/" + strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(page, "../"), ".md"), "/", "-") + ".sh")
	if err != nil {
		setup = nil // it needs nothing
	}
	c := exec.Command("bash", "-c", "set -euo pipefail\ntrap 'kill -9 $(cat node.pid 2>/dev/null) 2>/dev/null || true' EXIT\n"+string(setup)+"\n"+script)
	c.Dir = dir
	c.Env = []string{"PATH=" + filepath.Join(dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "SOURCE=" + source, "CGO_ENABLED=0"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY"} { // what was built and fetched before
		v, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		c.Env = append(c.Env, name+"="+strings.TrimSpace(string(v)))
	}
	out, err := c.CombinedOutput()
	if err != nil {
		places, _ := os.ReadFile(filepath.Join(dir, "places")) // it may not have come so far
		log, _ := os.ReadFile(filepath.Join(dir, "node.log"))
		at := strings.Split(strings.TrimSpace(string(places)), "\n")
		t.Fatalf("%s: %v\n%s\nnode.log:\n%s", at[len(at)-1], err, out, log)
	}
}

// backgroundNode is icn-node for readers who have two terminals.
const backgroundNode = `
case "${1:-}" in init|config|version|--help|--version) exec "$REAL" "$@" ;; esac
if [ -f "$FOLDER/node.pid" ]; then
  kill -TERM "$(cat "$FOLDER/node.pid")" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 "$(cat "$FOLDER/node.pid")" 2>/dev/null || break; sleep 0.1; done
fi
rm -f "$FOLDER/node.addr"
"$REAL" "$@" --addr-file "$FOLDER/node.addr" >> "$FOLDER/node.log" 2>&1 &
echo $! > "$FOLDER/node.pid"
exec "$CLI" -q --api-url "@$FOLDER/node.addr" ${ICN_CA_CERT:+--ca-cert "$ICN_CA_CERT"} health --wait 60s > /dev/null
`
