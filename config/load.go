package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Sources are the layers above the preset.
type Sources struct {
	Flags   *pflag.FlagSet // parsed; may name the file with --config
	Environ []string       // NAME=value, as os.Environ gives them
}

// The layers, lowest first.
const (
	layerPreset = iota
	layerFile
	layerEnv
	layerFlag
)

// setting is a value that one layer gives to one key.
type setting struct {
	field field
	value any
	from  string // for people
	layer int
}

// loading is what Load gathers on its way.
type loading struct {
	cfg      Config
	env      map[string]string
	layer    map[string]int  // key → the layer that set it
	failed   map[string]bool // keys that were given, and cannot be read
	from     map[string]string
	warnings []string
	problems []error
}

// Load puts the layers together. Warnings are for the log; an error names all
// problems, one a line, and wraps icn.ErrInvalid.
func Load(src Sources) (Config, []string, error) {
	l, err := gather(src)
	return l.cfg, l.warnings, err
}

func gather(src Sources) (*loading, error) {
	l := &loading{env: environ(src.Environ), layer: map[string]int{}, from: map[string]string{}, failed: map[string]bool{}}
	var all []setting
	all = append(all, l.fileValues(src.Flags)...)
	all = append(all, l.envValues()...)
	all = append(all, flagValues(src.Flags)...)
	l.cfg = preset(all)
	for _, s := range all {
		l.take(s)
	}
	l.finish()
	l.check()
	return l, l.failure()
}

// failure is everything that is wrong.
func (l *loading) failure() error {
	if len(l.problems) == 0 {
		return nil
	}
	return fmt.Errorf("configuration: %w:\n%w", icn.ErrInvalid, errors.Join(l.problems...))
}

// preset is the lowest layer: a later setting of runtime.test_mode wins.
func preset(all []setting) Config {
	var probe Config
	for _, s := range all {
		if s.field.Key == "runtime.test_mode" {
			_ = s.field.set(&probe, s.value) // what is wrong with it is reported when it is taken
		}
	}
	if probe.Runtime.TestMode {
		return TestMode()
	}
	return Default()
}

func (l *loading) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("  "+format, args...))
}

func (l *loading) warn(format string, args ...any) {
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

// take sets a value. Two different values in one layer are a problem: nobody can
// tell which was meant.
func (l *loading) take(s setting) {
	before := l.cfg
	if err := s.field.set(&l.cfg, s.value); err != nil {
		l.problem("%s (%s): %v", s.field.Key, s.from, err)
		return
	}
	if at, ok := l.layer[s.field.Key]; ok && at == s.layer && !equal(s.field, &before, &l.cfg) {
		l.problem("%s is set twice, differently: by %s and by %s", s.field.Key, l.from[s.field.Key], s.from)
	}
	l.layer[s.field.Key], l.from[s.field.Key] = s.layer, s.from
}

func equal(f field, a, b *Config) bool {
	return fmt.Sprint(f.in(a).Interface()) == fmt.Sprint(f.in(b).Interface())
}

func environ(env []string) map[string]string {
	out := make(map[string]string, len(env))
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok {
			out[k] = v
		}
	}
	return out
}

// fileValues reads the configuration file, if one was named.
func (l *loading) fileValues(fs *pflag.FlagSet) []setting {
	path := l.env["ICN_CONFIG_FILE"]
	if fs != nil {
		if p, err := fs.GetString("config"); err == nil && p != "" {
			path = p
		}
	}
	if path == "" {
		return nil
	}
	var parser koanf.Parser
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		parser = toml.Parser()
	case ".yaml", ".yml":
		parser = yaml.Parser()
	default:
		l.problem("%s: the name of a configuration file ends in .toml, .yaml or .yml", path)
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		l.problem("%v; give another --config", err)
		return nil
	}
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(text), parser); err != nil {
		l.problem("%s", unreadable(path, err))
		return nil
	}
	var out []setting
	flat := k.All()
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		f, err := findKey(key)
		where := place(path, string(text), key)
		if err != nil {
			l.problem("%s: %v", where, err)
			continue
		}
		v, err := l.expand(flat[key])
		if err != nil {
			l.problem("%s: %s: %v", where, key, err)
			l.failed[f.Key] = true
			continue
		}
		out = append(out, setting{f, v, where, layerFile})
	}
	return out
}

// variable is ${NAME} in a file's text; $${NAME} stands for itself.
var variable = regexp.MustCompile(`\$?\$\{([^}]*)\}`)

// expand puts environment variables into a file's text, from the file that
// NAME_FILE names when NAME is not set.
func (l *loading) expand(v any) (any, error) {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			var err error
			if out[i], err = l.expand(x[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		var bad error
		s := variable.ReplaceAllStringFunc(x, func(m string) string {
			if strings.HasPrefix(m, "$$") {
				return m[1:]
			}
			name := m[2 : len(m)-1]
			if value, ok := l.env[name]; ok {
				return value
			}
			path, ok := l.env[name+"_FILE"]
			if !ok {
				bad = errors.Join(bad, fmt.Errorf("${%s}: the variable is not set; set it, or %s_FILE, or write $${%s} for the text itself", name, name, name))
				return ""
			}
			value, err := readSecret(path)
			if err != nil {
				bad = errors.Join(bad, fmt.Errorf("${%s}: %s_FILE: %w", name, name, err))
			}
			return value
		})
		return s, bad
	}
	return v, nil
}

// findKey finds the field of a file's key.
func findKey(key string) (field, error) {
	name := key
	if section, rest, ok := strings.Cut(key, "."); ok && sectionNames[section] != "" {
		name = sectionNames[section] + "." + rest
	}
	known := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.Key == name {
			return f, nil
		}
		known = append(known, f.Key)
	}
	hint := didYouMean(name, known)
	if section, _, _ := strings.Cut(name, "."); hint == "" && !slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, section+".") }) {
		hint = "; there is no section [" + section + "], but " + strings.Join(sections(), ", ")
	}
	return field{}, fmt.Errorf("unknown key %s%s", key, hint)
}

// envValues reads the environment. Secrets may stand in a file that the variable
// with the suffix _FILE names.
func (l *loading) envValues() []setting {
	var out []setting
	known := map[string]bool{"ICN_CONFIG_FILE": true, "ICN_API_URL": true}
	for _, f := range fields {
		for _, name := range f.Env {
			known[name] = true
			if v, ok := l.env[name]; ok {
				out = append(out, setting{f, v, "environment " + name, layerEnv})
			}
			if !f.Secret {
				continue
			}
			known[name+"_FILE"] = true
			path, ok := l.env[name+"_FILE"]
			if !ok {
				continue
			}
			v, err := readSecret(path)
			if err != nil {
				l.problem("%s (environment %s_FILE): %v", f.Key, name, err)
				continue
			}
			out = append(out, setting{f, v, "the file in " + name + "_FILE", layerEnv})
		}
	}
	l.strangers(known)
	return out
}

// retired are variables of other releases that need no value any more.
var retired = map[string]string{
	"ICN_MANA_LEDGER_BACKEND": "balances follow from the log, which is in the store",
	"ICN_REPUTATION_DB_PATH":  "reputation follows from the log, which is in the store",
	"ICN_GOVERNANCE_DB_PATH":  "governance follows from the log, which is in the store",
}

// strangers warns of ICN_ variables that mean nothing here.
func (l *loading) strangers(known map[string]bool) {
	names := slices.Sorted(maps.Keys(known))
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		switch why, old := retired[name]; {
		case old:
			l.warn("environment %s is not needed: %s", name, why)
		case strings.HasPrefix(name, "ICN_") && !known[name]:
			if s := didYouMean(name, names); s != "" {
				l.warn("environment %s means nothing to icn-node%s", name, s)
			}
		}
	}
}

// maxSecret bounds what is read as a secret.
const maxSecret = 64 << 10

func readSecret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Size() > maxSecret {
		return "", fmt.Errorf("%s: %d bytes are no secret", path, st.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return s, nil
}
