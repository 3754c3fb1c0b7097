package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// word splits a line of shell into words, well enough for documents.
var word = regexp.MustCompile(`"[^"]*"|'[^']*'|\$\([^)]*\)|\S+`)

// TestCommandsInTheDocsExist: every icn-cli command that a page shows, in code or in
// text, is one that there is, with flags that it has.
func TestCommandsInTheDocsExist(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../examples/*.md", "../icn-devnet/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	inText := regexp.MustCompile("`(?:bin/)?icn-cli ([^`]+)`")
	inCode := regexp.MustCompile(`^\s*(?:[A-Z_]+=\S+ |\$ |bin/|!? ?)*icn-cli (.+)$`)
	seen := 0
	for _, page := range pages {
		if filepath.Base(page) == "CHANGELOG.md" {
			continue // it tells of what was
		}
		b, err := os.ReadFile(page)
		require.NoError(t, err)
		fenced := false
		for i, line := range strings.Split(string(b), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			var commands []string
			if m := inCode.FindStringSubmatch(line); m != nil && (fenced || strings.HasPrefix(line, "    ")) {
				commands = append(commands, m[1])
			} else {
				for _, m := range inText.FindAllStringSubmatch(line, -1) {
					commands = append(commands, m[1])
				}
			}
			for _, c := range commands {
				seen++
				if why := unknownCommand(c); why != "" {
					t.Errorf("%s:%d: icn-cli %s: %s", page, i+1, c, why)
				}
			}
		}
	}
	require.Greater(t, seen, 150)
	require.NotEmpty(t, unknownCommand("mesh sumbit"))
	require.NotEmpty(t, unknownCommand("mesh jobs --colour red"))
}

// unknownCommand says what is wrong with a command line, or nothing.
func unknownCommand(line string) string {
	line, _, _ = strings.Cut(line, "  #")
	line, _, _ = strings.Cut(line, " #")
	for _, end := range []string{" | ", " > ", " && ", "; ", " < "} {
		line, _, _ = strings.Cut(line, end)
	}
	root := newRoot(&app{Streams: Streams{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}})
	words := word.FindAllString(strings.TrimSuffix(strings.TrimSpace(line), "\\"), -1)
	c, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	if c.HasSubCommands() && c.RunE != nil && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && c.Use == c.Name() && c.Name() != "icn-cli" {
		if regexp.MustCompile(`^[a-z][a-z-]+$`).MatchString(rest[0]) {
			return c.CommandPath() + " has no command " + rest[0]
		}
	}
	c.InitDefaultHelpFlag()
	for _, w := range rest {
		name, _, _ := strings.Cut(w, "=")
		name = strings.TrimRight(name, ",.;:)…")
		if w == "--" {
			break // what follows is a program's
		}
		switch {
		case strings.HasPrefix(name, "--") && len(name) > 2:
			if c.Flags().Lookup(name[2:]) == nil && c.InheritedFlags().Lookup(name[2:]) == nil {
				return c.CommandPath() + " has no flag " + name
			}
		case len(name) == 2 && name[0] == '-' && name[1] >= 'a' && name[1] <= 'z':
			if c.Flags().ShorthandLookup(name[1:]) == nil && c.InheritedFlags().ShorthandLookup(name[1:]) == nil {
				return c.CommandPath() + " has no flag " + name
			}
		}
	}
	return ""
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+?)\s*$`)
)

// anchors are what headings are called in links.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(strings.NewReplacer("`", "", "*", "").Replace(m[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(name, "")
		out[strings.ReplaceAll(name, " ", "-")] = true
	}
	return out
}

// TestLinksInTheDocsLeadSomewhere: every link to a page, a file or a heading of this
// source is to one that there is.
func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../examples/*.md", "../icn-devnet/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	seen := 0
	for _, page := range pages {
		b, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			to, at, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			seen++
			target := page
			if to != "" {
				target = filepath.Join(filepath.Dir(page), to)
			}
			text, err := os.ReadFile(target)
			if st, statErr := os.Stat(target); statErr == nil && st.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if at != "" && !anchors(string(text))[at] {
				t.Errorf("%s: %s has no heading %q", page, target, at)
			}
		}
	}
	require.Greater(t, seen, 100)
	b, err := os.ReadFile("../docs/troubleshooting.md")
	require.NoError(t, err)
	require.True(t, anchors(string(b))["executor-blacklist"], "the guide leads there")
}
