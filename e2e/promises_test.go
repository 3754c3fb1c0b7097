package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var updatePromises = flag.Bool("update", false, "write testdata/promises.txt anew")

// runs are the scripts and files that tests run, and the test that runs them: what the
// guide promises must stand in one of them.
var runs = []struct{ pattern, by string }{
	{"testdata/guide.sh", "TestTheGuidesCommands"},
	{"testdata/recovery.sh", "TestDisasterRecovery"},
	{"testdata/script/*.txtar", "TestScripts"},
	{"guide_test.go", "TestTheGuidesCommands"},
	{"../configs/*.toml", "TestTheGuidesCommands"}, // and TestConfigs of package config
	{"../scripts/backup.sh", "TestDisasterRecovery"},
	{"../scripts/recover.sh", "TestDisasterRecovery"},
	{"../Dockerfile", "deploy/test/devnet.sh"},
	{"../docker-compose.yml", "deploy/test/compose.sh"},
	{"../scripts/make-secrets.sh", "deploy/test/compose.sh"},
	{"../deploy/test/compose.sh", "deploy/test/compose.sh"},
	{"../deploy/test/devnet.sh", "deploy/test/devnet.sh"},
	{"../deploy/test/docker.sh", "deploy/test/devnet.sh"},
	{"../deploy/test/common.sh", "deploy/test/devnet.sh"},
	{"../deploy/test/images.sh", "deploy/test/devnet.sh"},
	{"../icn-devnet/launch_federation.sh", "deploy/test/devnet.sh"},
	{"../deploy/test/monitoring-alone.sh", "deploy/test/monitoring-alone.sh"},
	{"../scripts/devnet.sh", "deploy/test/devnet.sh"},
	{"../icn-devnet/docker-compose.yml", "deploy/test/devnet.sh"},
	{"../deploy/test/ten-nodes.sh", "deploy/test/ten-nodes.sh"},
	{"../scripts/run_10node_devnet.sh", "deploy/test/ten-nodes.sh"},
	{"../deploy/test/large-federation.sh", "deploy/test/large-federation.sh"},
	{"../scripts/deploy_large_federation.sh", "deploy/test/large-federation.sh"},
	{"../deploy/kubernetes/deployment/*.yaml", "deploy/test/kubernetes.sh"},
	{"../deploy/test/kubernetes.sh", "deploy/test/kubernetes.sh"},
	{"../deploy/test/monitoring.sh", "deploy/test/monitoring.sh"},
	{"../deploy/test/packages.sh", "deploy/test/packages.sh"},
	{"../config/templates/example_test.go", "Example"},
	{"../config/templates/templates.go", "Example"},
}

// instead says what stands for a promise that is not kept to the letter, and why.
var instead = map[string]string{}

// TestEveryPromiseOfTheGuideIsRun: each command, flag, setting, variable, path, port and
// metric of the deployment guide is in something that a test runs, or stands in the list
// with what there is instead. testdata/promises.txt keeps the list.
func TestEveryPromiseOfTheGuideIsRun(t *testing.T) {
	guide, err := os.ReadFile("testdata/deployment-guide.md")
	require.NoError(t, err)
	read(t, "testdata/instead.txt")
	type file struct{ name, by, text string }
	var files []file
	for _, r := range runs {
		names, err := filepath.Glob(r.pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names, r.pattern)
		for _, name := range names {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			files = append(files, file{strings.TrimPrefix(name, "../"), r.by, squeeze(string(b))})
		}
		if strings.HasPrefix(r.by, "deploy/test/") { // CI runs it
			_, err := os.Stat("../" + r.by)
			require.NoError(t, err)
			all, err := os.ReadFile("../scripts/deploy.sh")
			require.NoError(t, err)
			name := strings.TrimSuffix(filepath.Base(r.by), ".sh")
			require.Regexp(t, `parts=\([^)]*\b`+regexp.QuoteMeta(name)+`\b`, string(all))
		}
	}
	used := map[string]bool{}
	var out strings.Builder
	for _, p := range promises(string(guide)) {
		where := ""
		for _, f := range files {
			if p.in(f.text) {
				where = fmt.Sprintf("%s, by %s", f.name, f.by)
				break
			}
		}
		key := p.kind + " " + p.text
		if where == "" {
			why, ok := instead[key]
			if !ok {
				t.Errorf("%s: nothing that a test runs has it, and testdata/instead.txt does not say what there is instead", key)
				continue
			}
			used[key], where = true, "instead: "+why
		}
		fmt.Fprintf(&out, "%-9s %-70s %s\n", p.kind, p.text, where)
	}
	for key := range instead { // order: each by itself
		if !used[key] {
			t.Errorf("testdata/instead.txt has %q, which is kept to the letter, or is not in the guide", key)
		}
	}
	if *updatePromises {
		require.NoError(t, os.WriteFile("testdata/promises.txt", []byte(out.String()), 0o644))
	}
	old, err := os.ReadFile("testdata/promises.txt")
	require.NoError(t, err)
	require.Equal(t, string(old), out.String(), "write it anew: go test ./e2e -run Promise -update")
}

func read(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, why, ok := strings.Cut(line, " => ")
		require.True(t, ok && len(why) > 5, line)
		instead[key] = why
	}
}

// squeeze takes away what does not count: how much space there is, and broken lines.
func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\\\n", " ")), " ")
}

// promise is one thing that the guide says there is.
type promise struct{ kind, text string }

// in looks for it as a word of its own.
func (p promise) in(text string) bool {
	words := strings.Fields(p.text)
	if p.kind == "command" { // its words, in this order, each next to the other
		return regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(strings.Join(words, " ")) + `([^\w-]|$)`).MatchString(text)
	}
	if p.kind == "path" || p.kind == "route" { // they go on, with a date or a question
		return strings.Contains(text, p.text)
	}
	needle := p.text
	if p.kind == "yaml" { // quotes do not matter there
		needle, text = strings.ReplaceAll(needle, `"`, ""), strings.ReplaceAll(text, `"`, "")
	}
	if p.kind == "key" {
		_, needle, _ = strings.Cut(p.text, "]")
	}
	return regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(needle) + `([^\w-]|$)`).MatchString(text)
}

var (
	fence    = regexp.MustCompile("(?s)```(\\w*)\n(.*?)```")
	flags    = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z0-9-]+)`)
	variable = regexp.MustCompile(`\b((?:ICN|DB|POSTGRES|NUM|BACKUP)_[A-Z0-9_]+)\b(?:[^.]|$)`)
	metric   = regexp.MustCompile(`\b((?:icn|wasm)_[a-z_]+_(?:seconds|total|connected))\b`)
	port     = regexp.MustCompile(`[:/](\d{4})\b`)
	path     = regexp.MustCompile(`(?:^|[\s"'=:])((?:/secrets|/etc/icn|/var/l\w+/icn|/run/secrets|/usr/local/bin|\./icn_data|\./backups|/backups)/?[\w./-]*[\w])`)
	route    = regexp.MustCompile("(?:your-node\\.domain\\.com|path: |`)(/(?:health|ready|status|events\\?type=rollback|metrics))\\b")
	script   = regexp.MustCompile(`(?:\./)?((?:scripts|icn-devnet)/[\w.-]+\.sh|launch_federation\.sh|docker-compose-monitoring\.yml)`)
	section  = regexp.MustCompile(`^\[([a-z.]+)\]`)
	setting  = regexp.MustCompile(`^([a-z][a-z0-9_]+)\s*=`)
	program  = regexp.MustCompile(`^(icn-cli|icn-node|just|cargo|git|docker-compose|docker|kubectl|pg_dump|createdb|psql|gunzip|gzip|tar|find|chmod|mkdir|curl|openssl)$`)
)

// promises extracts everything.
func promises(guide string) []promise {
	var out []promise
	seen := map[promise]bool{}
	add := func(kind, text string) {
		if p := (promise{kind, text}); !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	for _, m := range fence.FindAllStringSubmatch(guide, -1) {
		text := strings.ReplaceAll(m[2], "\\\n", " ")
		switch m[1] {
		case "bash":
			for line := range strings.Lines(text) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
				for _, part := range regexp.MustCompile(`&&|\||\$\(`).Split(line, -1) {
					if c := command(part); c != "" {
						add("command", c)
					}
				}
				for _, f := range flags.FindAllStringSubmatch(line, -1) {
					add("flag", f[1])
				}
			}
		case "toml":
			at := ""
			for line := range strings.Lines(text) {
				if s := section.FindStringSubmatch(line); s != nil {
					at = s[1]
				} else if k := setting.FindStringSubmatch(line); k != nil {
					add("key", "["+at+"]"+k[1])
				}
			}
		case "dockerfile", "yaml":
			for line := range strings.Lines(text) {
				line, _, _ = strings.Cut(line, "  #")
				if line = strings.TrimPrefix(strings.TrimSpace(line), "- "); line != "" {
					add(m[1], squeeze(line))
				}
			}
		}
	}
	for kind, re := range map[string]*regexp.Regexp{"variable": variable, "metric": metric, "port": port, "path": path, "route": route, "script": script} { // order: sorted below
		for _, m := range re.FindAllStringSubmatch(guide, -1) {
			add(kind, m[1])
		}
	}
	slices.SortFunc(out, func(a, b promise) int {
		if c := strings.Compare(a.kind, b.kind); c != 0 {
			return c
		}
		return strings.Compare(a.text, b.text)
	})
	return out
}

// command is a program with its subcommands.
func command(line string) string {
	words := strings.Fields(line)
	for len(words) > 0 && strings.Contains(words[0], "=") { // variables
		words = words[1:]
	}
	if len(words) == 0 || !program.MatchString(words[0]) {
		return ""
	}
	out := words[:1]
	if slices.Contains([]string{"icn-cli", "just", "cargo", "git", "docker-compose", "docker", "kubectl"}, words[0]) {
		for _, w := range words[1:] {
			if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(w) {
				break
			}
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
