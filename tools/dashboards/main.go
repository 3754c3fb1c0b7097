// Dashboards makes what watches over federations: Grafana's dashboards, the alert
// rules of Prometheus, and the tests of these rules. It also asks a Prometheus for
// every expression in them.
//
// The invariant: the files below icn-devnet are what this program writes; its tests
// compare them. A metric, an alert or a panel is changed here.
//
//	go run .                                  # writes the files anew
//	go run . ask --prometheus http://127.0.0.1:9090
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return write(filepath.Join("..", "..", "icn-devnet"))
	}
	f := flag.NewFlagSet("ask", flag.ContinueOnError)
	url := f.String("prometheus", "http://127.0.0.1:9090", "where the Prometheus answers")
	if args[0] != "ask" {
		return fmt.Errorf("there is no %q; say nothing to write the files, or ask", args[0])
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	return ask(*url)
}

// files are all that is made, by their paths below icn-devnet.
func files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, b := range boards {
		d, err := b.build()
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		out["grafana/"+b.uid+".json"] = append(text, '\n')
	}
	for path, v := range map[string]any{"prometheus/rules/recording.yml": recordRules(), "prometheus/rules/alerts.yml": alertRules(), "prometheus/tests/alerts.yml": ruleTests()} {
		text, err := toYAML(v)
		if err != nil {
			return nil, err
		}
		out[path] = text
	}
	return out, nil
}

func write(dir string) error {
	all, err := files()
	if err != nil {
		return err
	}
	for path, text := range all {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%d files are written below %s\n", len(all), dir)
	return nil
}
