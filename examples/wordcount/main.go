// Wordcount reads a text from standard input and prints its most frequent words.
// It is an ordinary Go program: run it here with `go run`, or offer it to a
// federation as WebAssembly (GOOS=wasip1 GOARCH=wasm go build): the output is
// the same to the byte.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
)

type count struct {
	word string
	n    int
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(bufio.NewReader(in))
	if err != nil {
		return err
	}
	words := strings.FieldsFunc(strings.ToLower(string(text)), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	seen := map[string]int{}
	for _, w := range words {
		seen[w]++
	}
	var list []count
	for w, n := range seen {
		list = append(list, count{w, n})
	}
	slices.SortFunc(list, func(a, b count) int { return cmp.Or(b.n-a.n, strings.Compare(a.word, b.word)) })
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%d words, %d different\n", len(words), len(list))
	for _, c := range list[:min(10, len(list))] {
		fmt.Fprintf(w, "%6d  %s\n", c.n, c.word)
	}
	return w.Flush()
}
