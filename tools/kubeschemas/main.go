// Command kubeschemas makes JSON schemas, one for each kind, of Kubernetes' OpenAPI
// description and of custom resource definitions, as kubeconform reads them. They are
// strict: a field that is not described is a mistake.
//
//	kubeschemas --to FOLDER --swagger swagger.json --crd servicemonitors.yaml Deployment.apps/v1 Service.v1
//
// It takes from the descriptions what can be checked: types, fields, what is required
// and what is one of several words; not the texts, which are most of them.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// schema is a JSON schema, or a part of one.
type schema = map[string]any

func main() {
	to := flag.String("to", ".", "folder for the schemas")
	swagger := flag.String("swagger", "", "api/openapi-spec/swagger.json of k8s.io/kubernetes")
	crd := flag.String("crd", "", "file with a CustomResourceDefinition")
	flag.Parse()
	if err := run(*to, *swagger, *crd, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "kubeschemas:", err)
		os.Exit(1)
	}
}

func run(to, swagger, crd string, kinds []string) error {
	var description struct {
		Definitions map[string]schema `json:"definitions"`
	}
	if err := read(swagger, &description); err != nil {
		return err
	}
	for _, kind := range kinds {
		name, s, err := ofKind(description.Definitions, kind)
		if err != nil {
			return err
		}
		if err := write(to, name, s); err != nil {
			return err
		}
	}
	if crd == "" {
		return nil
	}
	return ofCustom(to, crd)
}

// ofKind is the schema of a kind, such as Deployment.apps/v1, and its file's name.
func ofKind(all map[string]schema, kind string) (string, schema, error) {
	word, version, found := strings.Cut(kind, ".")
	if !found {
		return "", nil, fmt.Errorf("kind %q: want Kind.group/version", kind)
	}
	for name, d := range all { // order: one definition is of this kind
		if !isKind(d, word, version) {
			continue
		}
		needed := map[string]any{}
		collect(all, name, needed)
		s := schema{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/" + name, "definitions": needed}
		named(needed[name].(schema), word, version)
		return fileName(word, version), s, nil
	}
	return "", nil, fmt.Errorf("kind %q: it is not described", kind)
}

func isKind(d schema, word, version string) bool {
	list, _ := d["x-kubernetes-group-version-kind"].([]any)
	if len(list) != 1 {
		return false
	}
	g, _ := list[0].(schema)
	full := fmt.Sprint(g["version"])
	if g["group"] != "" {
		full = fmt.Sprint(g["group"], "/", full)
	}
	return g["kind"] == word && full == version
}

// collect takes a definition, and those that it refers to.
func collect(all map[string]schema, name string, into map[string]any) {
	if into[name] != nil {
		return
	}
	if strings.HasSuffix(name, ".resource.Quantity") {
		into[name] = schema{"type": []any{"string", "number"}}
		return
	}
	s := strict(all[name]).(schema)
	into[name] = s
	walk(s, func(x schema) {
		if ref, isRef := x["$ref"].(string); isRef {
			collect(all, strings.TrimPrefix(ref, "#/definitions/"), into)
		}
	})
}

func walk(v any, visit func(schema)) {
	switch x := v.(type) {
	case schema:
		visit(x)
		for _, child := range x { // order: each is visited by itself
			walk(child, visit)
		}
	case []any:
		for _, child := range x {
			walk(child, visit)
		}
	}
}

// strict is a part of a description without its texts, and with nothing allowed that
// it does not name. It makes a copy.
func strict(v any) any {
	s, isSchema := v.(schema)
	if !isSchema {
		return v
	}
	out := schema{}
	for _, key := range []string{"type", "$ref", "required", "enum", "pattern", "minimum", "maximum"} {
		if s[key] != nil {
			out[key] = s[key]
		}
	}
	if s["format"] == "int-or-string" || s["x-kubernetes-int-or-string"] == true {
		return schema{"type": []any{"string", "integer"}}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if s[key] != nil {
			out[key] = strict(s[key])
		}
	}
	if properties, has := s["properties"].(schema); has {
		fields := schema{}
		for name, p := range properties { // order: copied into a map
			fields[name] = strict(p)
		}
		out["properties"] = fields
		if s["additionalProperties"] == nil && s["x-kubernetes-preserve-unknown-fields"] != true {
			out["additionalProperties"] = false
		}
	}
	return out
}

// named has a schema want its kind and version.
func named(s schema, word, version string) {
	fields := maps.Clone(s["properties"].(schema))
	fields["kind"], fields["apiVersion"] = schema{"enum": []any{word}}, schema{"enum": []any{version}}
	required, _ := s["required"].([]any)
	s["properties"], s["required"] = fields, append(required[:len(required):len(required)], "kind", "apiVersion")
}

// ofCustom writes the schemas of a custom resource definition.
func ofCustom(to, path string) error {
	var crd struct {
		Spec struct {
			Group string
			Names struct{ Kind string }

			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := read(path, &crd); err != nil {
		return err
	}
	if len(crd.Spec.Versions) == 0 {
		return fmt.Errorf("%s: no version is described", path)
	}
	for _, v := range crd.Spec.Versions {
		s, version := strict(v.Schema.OpenAPIV3Schema).(schema), crd.Spec.Group+"/"+v.Name
		named(s, crd.Spec.Names.Kind, version)
		s["$schema"] = "http://json-schema.org/draft-07/schema#"
		if err := write(to, fileName(crd.Spec.Names.Kind, version), s); err != nil {
			return err
		}
	}
	return nil
}

// fileName is what kubeconform looks for: kind, first word of the group, version.
func fileName(word, version string) string {
	group, v, found := strings.Cut(version, "/")
	if !found {
		return strings.ToLower(word) + "-" + version + ".json"
	}
	group, _, _ = strings.Cut(group, ".")
	return strings.ToLower(word) + "-" + group + "-" + v + ".json"
}

func read(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func write(folder, name string, s schema) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name), append(b, '\n'), 0o644))
}
