package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pages(t *testing.T, in string, args ...string) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := run(append(args, "--out", dir), strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func has(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q:\n%s", w, page)
		}
	}
}

func TestEachCommandHasAPage(t *testing.T) {
	const in = `{"use":"p","short":"A program","long":"Codes:\n  0  done\n  1  not","runs":true,"shared":[{"name":"quiet","type":"bool","default":"false","bare":"true","usage":"say less"}],
		"commands":[{"use":"do THING","short":"Do it","runs":true,"flags":[{"name":"times","type":"int","default":"2","usage":"how often"}]}]}`
	page := pages(t, in, "--section", "8", "--date", "2026-01-02")
	has(t, page("p.8"), "A program", "  0  done\n  1  not", "say less", "p-do(8)", "Jan 2026")
	has(t, page("p-do.8"), "how often", "say less", "do THING")
	if page("p.8") != pages(t, in, "--section", "8", "--date", "2026-01-02")("p.8") {
		t.Error("equal descriptions have different pages")
	}
}

func TestEachSettingIsListed(t *testing.T) {
	const in = "# Configuration\n\nAbout it.\n\n## [runtime]\n\n| key | flag | environment | default | meaning |\n|---|---|---|---|---|\n" +
		"| `name` | `--name` | `ICN_NAME` |  | how it is called, a\\|b |\n"
	has(t, pages(t, in, "--reference")("icn-config.toml.5"), "About it.", "[runtime]", "name", "--name", "ICN_NAME", "a|b")
	if err := run([]string{"--reference", "--out", t.TempDir()}, strings.NewReader("nothing")); err == nil {
		t.Error("a reference without settings is taken")
	}
}
