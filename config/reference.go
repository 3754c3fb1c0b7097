package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Reference is the manual of all settings, in Markdown, made from the fields.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\n<!-- made by: icn-node config reference -->\n\n" +
		"Every setting can be given as a flag of `icn-node`, in the environment, or in a file (`--config FILE`, TOML or YAML); the first of these\n" +
		"wins, and below them a preset. An unknown key is refused. In a file `${NAME}` stands for a variable of the environment, or for what is in\n" +
		"the file that `NAME_FILE` names. A setting marked *secret* can be given by `NAME_FILE`, too, and is never printed.\n" +
		"One marked *reload* counts without a restart after SIGHUP, `icn-cli config reload`, or POST /config/reload; others are named then.\n" +
		"The section `[security]` may also be called `[api]`.\n\n" +
		"`icn-node config check FILE` finds what is wrong with a file; `icn-node config show` tells every setting and where it came from.\n")
	section := ""
	preset := Default()
	for _, f := range fields {
		s, key := split(f.Key)
		if s != section {
			section = s
			fmt.Fprintf(&b, "\n## [%s]\n\n| key | flag | environment | default | meaning |\n|---|---|---|---|---|\n", s)
		}
		doc := f.Doc
		if f.Secret {
			doc += " *(secret)*"
		}
		if f.Reload {
			doc += " *(reload)*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key, codes("--", f.Flags), codes("", f.Env), code(f.in(&preset)), strings.ReplaceAll(doc, "|", "\\|"))
	}
	return b.String()
}

func codes(prefix string, names []string) string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, "`"+prefix+n+"`")
	}
	return strings.Join(out, ", ")
}

func code(v reflect.Value) string {
	if v.IsZero() && v.Kind() != reflect.Bool && v.Kind() != reflect.Int && v.Kind() != reflect.Float64 {
		return ""
	}
	return fmt.Sprintf("`%v`", v.Interface())
}

// Shown is one setting as it counts.
type Shown struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// Effective lists every setting as it counts, and where it came from. Secrets are
// masked.
func Effective(src Sources) ([]Shown, error) {
	l, err := gather(src)
	var out []Shown
	for _, f := range fields {
		origin := l.from[f.Key]
		if origin == "" {
			origin = "preset"
			if preset := l.preset(); fmt.Sprint(f.in(&preset).Interface()) != fmt.Sprint(f.in(&l.cfg).Interface()) {
				origin = "follows from others"
			}
		}
		out = append(out, Shown{f.Key, f.masked(&l.cfg), origin})
	}
	return out, err
}

// Masked lists every setting of a configuration, without its secrets.
func Masked(c Config) map[string]any {
	out := map[string]any{}
	for _, f := range fields {
		out[f.Key] = f.masked(&c)
	}
	return out
}

// masked is a setting's value, unless nobody should read it.
func (f field) masked(c *Config) any {
	if f.Secret && !f.in(c).IsZero() {
		return "********"
	}
	return f.in(c).Interface()
}

func (l *loading) preset() Config {
	if l.cfg.Runtime.TestMode {
		return TestMode()
	}
	return Default()
}

// Diff compares two configurations: what has changed and counts at once, and what
// counts from the next start on.
func Diff(was, is Config) (now, restart []string) {
	for _, f := range fields {
		switch {
		case reflect.DeepEqual(f.in(&was).Interface(), f.in(&is).Interface()):
		case f.Reload:
			now = append(now, f.Key)
		default:
			restart = append(restart, f.Key)
		}
	}
	return now, restart
}

// Adopt takes over of another configuration what counts without a restart.
func (c *Config) Adopt(next Config) {
	for _, f := range fields {
		if f.Reload {
			f.in(c).Set(f.in(&next))
		}
	}
}

// FileOnly are the sources of a file alone.
func FileOnly(path string, environ []string) Sources {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	Flags(fs)
	_ = fs.Set("config", path) // the flag is there
	return Sources{Flags: fs, Environ: slices.Clone(environ)}
}
