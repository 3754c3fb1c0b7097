package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	indented = regexp.MustCompile("(?m)^    (icn-cli [^#\n]*)")
	quoted   = regexp.MustCompile("`(icn-cli [^`]*)`")
	word     = regexp.MustCompile(`"[^"]*"|\S+`)
	usage    = regexp.MustCompile(`(?m)^Usage:\n  (icn-cli[^\n]*)$`)
)

// TestRunbooksNameCommandsThatThereAre asks each command of docs/runbooks.md for its
// usage: the words must be a command's, and the flags its own.
func TestRunbooksNameCommandsThatThereAre(t *testing.T) {
	b, err := os.ReadFile("../docs/runbooks.md")
	require.NoError(t, err)
	found := append(indented.FindAllStringSubmatch(string(b), -1), quoted.FindAllStringSubmatch(string(b), -1)...)
	require.Greater(t, len(found), 40)
	h := newHere(t)
	for _, m := range found {
		if why := h.wrong(word.FindAllString(m[1], -1)[1:]); why != "" {
			t.Errorf("%s: %s", m[1], why)
		}
	}
	require.NotEmpty(t, h.wrong([]string{"mesh", "frobnicate"}))
	require.NotEmpty(t, h.wrong([]string{"frobnicate"}))
	require.NotEmpty(t, h.wrong([]string{"mesh", "status"}), "it wants a JOB")
	require.NotEmpty(t, h.wrong([]string{"status", "--frobnicate"}))
}

// wrong says what is wrong with a command line, or nothing.
func (h *here) wrong(words []string) string {
	var names []string // of the command: the words before arguments and flags
	for _, w := range words {
		if strings.HasPrefix(w, "-") || strings.ToLower(w) != w || strings.HasPrefix(w, ".") || strings.HasPrefix(w, `"`) {
			break
		}
		names = append(names, w)
	}
	for len(names) > 0 {
		if help := h.does(append(names, "--help")...); strings.HasPrefix(usage.FindStringSubmatch(help)[1]+" ", "icn-cli "+strings.Join(names, " ")+" ") {
			return h.misfit(help, words[len(names):])
		}
		names = names[:len(names)-1]
	}
	return "there is no such command"
}

var optional = regexp.MustCompile(`\[[^]]*\]`)

// misfit compares what follows a command's name with its usage.
func (h *here) misfit(help string, rest []string) string {
	line := strings.NewReplacer("[flags]", "", "[command]", "").Replace(usage.FindStringSubmatch(help)[1])
	args := 0
	for i, w := range rest {
		switch {
		case strings.HasPrefix(w, "--"):
			if !strings.Contains(help, " "+w+" ") {
				return "it has no flag " + w
			}
		case i > 0 && strings.HasPrefix(rest[i-1], "--"): // a flag's value
		default:
			args++
		}
	}
	needed := 0
	for _, w := range strings.Fields(optional.ReplaceAllString(line, "")) {
		if strings.ToUpper(w) == w {
			needed++
		}
	}
	if more := strings.ContainsAny(line, "[."); args < needed || args > needed && !more {
		return "it does not fit the usage " + line
	}
	return ""
}
