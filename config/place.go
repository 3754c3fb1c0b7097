package config

import (
	"fmt"
	"strings"
)

// place is where a key stands in a configuration file: FILE:LINE, or FILE when the
// line is not found.
func place(path, text, key string) string {
	section, name, ok := strings.Cut(key, ".")
	if !ok {
		section, name = "", key
	}
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
