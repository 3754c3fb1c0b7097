package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// field is one key, as its tags describe it.
type field struct {
	Key    string // section.key
	Flags  []string
	Env    []string
	Secret bool
	Reload bool // counts without a restart
	Doc    string
	index  [2]int
	kind   reflect.Kind // Bool, Int, Float64, String, or Slice (of strings)
}

// fields lists every key in the order of the struct.
var fields = readFields()

func readFields() []field {
	var out []field
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		section := t.Field(i)
		for j := range section.Type.NumField() {
			sf := section.Type.Field(j)
			f := field{
				Key:    section.Tag.Get("key") + "." + sf.Tag.Get("key"),
				Secret: sf.Tag.Get("secret") != "",
				Reload: sf.Tag.Get("reload") != "",
				Doc:    sf.Tag.Get("doc"),
				Flags:  list(sf.Tag.Get("flag")),
				index:  [2]int{i, j},
				kind:   sf.Type.Kind(),
			}
			f.Env = append([]string{"ICN_" + strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_"))}, list(sf.Tag.Get("env"))...)
			out = append(out, f)
		}
	}
	return out
}

// split parts a key into its section and its name there.
func split(key string) (section, name string) {
	i := strings.LastIndexByte(key, '.')
	return key[:max(i, 0)], key[i+1:]
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (f field) in(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().Field(f.index[0]).Field(f.index[1])
}

// set gives the field a value as a file or a person wrote it.
func (f field) set(c *Config, v any) error {
	into := f.in(c)
	switch f.kind {
	case reflect.Bool:
		b, err := toBool(v)
		if err != nil {
			return err
		}
		into.SetBool(b)
	case reflect.Int:
		n, err := toInt(v)
		if err != nil {
			return err
		}
		into.SetInt(n)
	case reflect.Float64:
		x, err := toFloat(v)
		if err != nil {
			return err
		}
		into.SetFloat(x)
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("want text in quotes, got %s", f.show(v))
		}
		into.SetString(s)
	case reflect.Slice:
		l, err := toList(v)
		if err != nil {
			return err
		}
		into.Set(reflect.ValueOf(l))
	}
	return nil
}

// show is a value for people; a secret's is not shown.
func (f field) show(v any) string {
	if f.Secret {
		return "a secret of another type"
	}
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

func toBool(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "1", "yes", "on":
			return true, nil
		case "false", "0", "no", "off":
			return false, nil
		}
	}
	return false, fmt.Errorf("want true or false, got %v", v)
}

func toInt(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("want a whole number, got %v", v)
}

func toFloat(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case string:
		if x, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return x, nil
		}
	}
	if n, err := toInt(v); err == nil {
		return float64(n), nil
	}
	return 0, fmt.Errorf("want a number, got %v", v)
}

// toList takes a list, or text with commas; empty items fall out.
func toList(v any) ([]string, error) {
	var raw []string
	switch v := v.(type) {
	case string:
		raw = strings.Split(v, ",")
	case []string:
		raw = v
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("want a list of texts, got %v", x)
			}
			raw = append(raw, s)
		}
	default:
		return nil, fmt.Errorf("want a list of texts, got %v", v)
	}
	out := []string{}
	for _, s := range raw {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}
