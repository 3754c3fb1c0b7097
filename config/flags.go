package config

import (
	"fmt"
	"reflect"

	"github.com/spf13/pflag"
)

// Flags adds a flag for every key that has one, and --config.
func Flags(fs *pflag.FlagSet) {
	fs.String("config", "", "configuration file (.toml, .yaml or .yml)")
	preset := Default()
	for _, f := range fields {
		for i, name := range f.Flags {
			addFlag(fs, f, name, f.in(&preset))
			if i > 0 {
				_ = fs.MarkHidden(name) // it was just added
			}
		}
	}
}

func addFlag(fs *pflag.FlagSet, f field, name string, preset reflect.Value) {
	doc := f.Doc
	if f.Secret {
		doc += fmt.Sprintf("; better in %s or %s_FILE, which other users of this machine cannot see", f.Env[1], f.Env[1])
	}
	switch f.kind {
	case reflect.Bool:
		fs.Bool(name, preset.Bool(), doc)
	case reflect.Int:
		fs.Int(name, int(preset.Int()), doc)
	case reflect.Float64:
		fs.Float64(name, preset.Float(), doc)
	case reflect.String:
		fs.String(name, preset.String(), doc)
	case reflect.Slice:
		fs.StringSlice(name, nil, doc)
	}
}

// flagValues gives what was said on the command line, by key.
func flagValues(fs *pflag.FlagSet) []setting {
	if fs == nil {
		return nil
	}
	var out []setting
	for _, f := range fields {
		for _, name := range f.Flags {
			fl := fs.Lookup(name)
			if fl == nil || !fl.Changed {
				continue
			}
			s := setting{field: f, from: "flag --" + name, layer: layerFlag}
			if l, ok := fl.Value.(pflag.SliceValue); ok {
				s.value = l.GetSlice()
			} else {
				s.value = fl.Value.String()
			}
			out = append(out, s)
		}
	}
	return out
}
