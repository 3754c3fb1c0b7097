package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// place is where a key stands in a configuration file: FILE:LINE, or FILE when the
// line is not found.
func place(path, text, key string) string {
	section, name := split(key)
	at := ""
	for i, line := range strings.Split(text, "\n") {
		t := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(t, "[") && strings.Contains(t, "]"): // TOML
			at = strings.TrimSpace(t[1:strings.IndexByte(t, ']')])
			if at == key || at == section && name == "" {
				return fmt.Sprintf("%s:%d", path, i+1)
			}
		case line == t && strings.HasSuffix(t, ":"): // YAML
			at = strings.TrimSuffix(t, ":")
		default:
			word := strings.TrimRight(strings.FieldsFunc(t+" ", func(r rune) bool { return r == '=' || r == ':' })[0], " \t")
			if strings.Trim(word, `"'`) == name && (at == section || section == "") || at == "" && word == key {
				return fmt.Sprintf("%s:%d", path, i+1)
			}
		}
	}
	return path
}

// unreadable says what is wrong with a file that its parser refuses, and where.
func unreadable(path string, err error) string {
	var at *toml.DecodeError
	if errors.As(err, &at) {
		row, column := at.Position()
		return fmt.Sprintf("%s:%d: column %d: %v", path, row, column, err)
	}
	return fmt.Sprintf("%s: %v", path, err)
}

// sections are the names of all sections, as they are written in a file.
func sections() (out []string) {
	for _, f := range fields {
		name, _ := split(f.Key)
		if name = "[" + name + "]"; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
