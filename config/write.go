package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ToFile writes the configuration as a TOML file, readable by its owner alone. A
// file that is there already stays as it is.
func (c Config) ToFile(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".toml" {
		return fmt.Errorf("configuration %s: its name must end in .toml", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("configuration %s: %w; remove it first, or choose another name", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	_, err = f.WriteString(c.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("configuration: %w", err), os.Remove(path))
	}
	return nil
}

// needed are the settings that a file needs so that reading it gives c. A secret
// that comes from a variable stays there.
func (c Config) needed() []field {
	preset := Default()
	var out []field
	for _, f := range fields {
		if !equal(f, &preset, &c) && !c.elsewhere(f.Key) {
			out = append(out, f)
		}
	}
	whole := c.from(out)
	for i := 0; i < len(out); {
		rest := slices.Delete(slices.Clone(out), i, i+1)
		if reflect.DeepEqual(c.from(rest), whole) {
			out = rest // it follows from the others
			continue
		}
		i++
	}
	return out
}

// elsewhere says whether a secret is named by a variable.
func (c Config) elsewhere(key string) bool {
	switch key {
	case "security.api_key":
		return c.Security.APIKeyEnv != ""
	case "security.auth_token":
		return c.Security.AuthTokenEnv != ""
	case "identity.key_passphrase":
		return c.Identity.PassphraseEnv != ""
	case "identity.pkcs11_pin":
		return c.Identity.PKCS11PINEnv != ""
	}
	return false
}

// from is what a file with c's values of these fields leads to.
func (c Config) from(given []field) Config {
	next := Default()
	for _, f := range given {
		f.in(&next).Set(f.in(&c))
	}
	return complete(next, nil).cfg
}

// toml writes the field's value.
func (f field) toml(c *Config) string {
	v := f.in(c)
	switch f.kind {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case reflect.Slice:
		var items []string
		for _, s := range v.Interface().([]string) {
			items = append(items, quote(s))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return quote(v.String())
}

// quote writes a basic string of TOML, in which ${ is not a variable.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ReplaceAll(s, "${", "$${") {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
