//go:build wasip1

// Wordtally counts the words of its input, and shows how a program speaks with the
// federation: it tells how far it is, leaves a table under a name, and saves
// checkpoints, so that another executor can go on where this one ended.
//
//	GOOS=wasip1 GOARCH=wasm go build -o wordtally.wasm ./examples/wordtally
//	icn-cli mesh run wordtally.wasm --input text.txt --output-name words.csv
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/guest"
)

// tally is all that the program knows: what a checkpoint holds.
type tally struct {
	Lines int
	Words map[string]int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	t := tally{Words: map[string]int{}}
	if state, ok := guest.Load(); ok {
		if err := json.Unmarshal(state, &t); err != nil {
			return err
		}
		guest.Log(fmt.Sprintf("goes on behind line %d", t.Lines))
	}
	lines := bufio.NewScanner(os.Stdin)
	for n := 1; lines.Scan(); n++ {
		if n <= t.Lines {
			continue // counted before
		}
		for _, w := range strings.Fields(strings.ToLower(lines.Text())) {
			t.Words[strings.Trim(w, ".,;:!?()\"'")]++
		}
		t.Lines = n
		if n%1000 == 0 {
			guest.Progress(0, fmt.Sprintf("%d lines", n))
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	guest.Progress(1000, "done")
	return t.write()
}

func (t tally) save() error {
	state, err := json.Marshal(t) // maps in the order of their keys: the same everywhere
	if err != nil {
		return err
	}
	return guest.Save(state)
}

func (t tally) write() error {
	var table strings.Builder
	for _, w := range slices.Sorted(maps.Keys(t.Words)) {
		fmt.Fprintf(&table, "%s,%d\n", w, t.Words[w])
	}
	fmt.Printf("%d lines, %d different words\n", t.Lines, len(t.Words))
	if err := guest.Output("words.csv", []byte(table.String())); err != nil && err != guest.ErrDenied {
		return err // who did not ask for the table does without
	}
	return nil
}
