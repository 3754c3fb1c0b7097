// Command manpages makes man pages from what the programs say about themselves:
//
//	icn-cli describe | manpages --section 1 --out DIR      a page for each command
//	icn-node describe | manpages --section 8 --out DIR
//	icn-node config reference | manpages --reference --out DIR   icn-config.toml(5)
//	manpages --page icn-verify.1 --out DIR < icn-verify.1.md
//
// Pages hold no date of their making, so that equal programs have equal pages.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/InterCooperative-Network/icn-core/cli/manual"
)

const book = "ICN Core"

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "manpages: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string, in io.Reader) error {
	f := flag.NewFlagSet("manpages", flag.ContinueOnError)
	out := f.String("out", ".", "folder for the pages")
	section := f.String("section", "1", "section of the manual")
	reference := f.Bool("reference", false, "the input is the reference of settings, in Markdown")
	page := f.String("page", "", "the input is one page in Markdown, of this name; DATE in it is replaced")
	date := f.String("date", "1970-01-01", "date that the pages show: that of the release's commit")
	if err := f.Parse(args); err != nil {
		return err
	}
	when, err := time.Parse(time.DateOnly, *date)
	if err != nil {
		return fmt.Errorf("--date: %w", err)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	switch {
	case *reference:
		return settings(in, *out, when)
	case *page != "":
		b, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		return write(*out, *page, strings.Replace(string(b), "DATE", when.Format("Jan 2006"), 1))
	}
	var top manual.Entry
	if err := json.NewDecoder(in).Decode(&top); err != nil {
		return fmt.Errorf("the description: %w", err)
	}
	if top.Use == "" {
		return errors.New("the description names no program")
	}
	return doc.GenManTreeFromOpts(command(top), doc.GenManTreeOptions{Path: *out, CommandSeparator: "-",
		Header: &doc.GenManHeader{Section: *section, Date: &when, Source: book, Manual: book}})
}

// command builds the command again that was described.
func command(e manual.Entry) *cobra.Command {
	c := &cobra.Command{Use: e.Use, Short: e.Short, Long: quoted(e.Long), Example: e.Example, DisableAutoGenTag: true}
	if e.Runs {
		c.Run = func(*cobra.Command, []string) {}
	}
	for _, f := range e.Flags {
		add(c.Flags(), f)
	}
	for _, f := range e.Shared {
		add(c.PersistentFlags(), f)
	}
	for _, sub := range e.Commands {
		c.AddCommand(command(sub))
	}
	return c
}

// quoted keeps tables of a text as they stand: lines that are indented are code.
func quoted(text string) string {
	var out []string
	inside := false
	for l := range strings.SplitSeq(text, "\n") {
		indented := strings.HasPrefix(l, "  ")
		if indented && !inside {
			out = append(out, "")
		}
		if inside = indented; inside {
			l = "\t" + l
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// value stands for a flag's value; its text is all that a page needs.
type value struct{ kind, text string }

func (v value) String() string   { return v.text }
func (v value) Type() string     { return v.kind }
func (v value) Set(string) error { return nil }

func add(set *pflag.FlagSet, f manual.Flag) {
	flag := set.VarPF(value{f.Type, f.Default}, f.Name, f.Short, f.Usage)
	flag.NoOptDefVal = f.Bare
}

// settings makes icn-config.toml(5) of the reference.
func settings(in io.Reader, dir string, when time.Time) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	page, err := listed(string(b))
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%% \"ICN-CONFIG.TOML\" \"5\" \"%s\" \"%s\" \"%s\"\n\n# NAME\n\nicn-config.toml - what a node is\n\n# DESCRIPTION\n\n",
		when.Format("Jan 2006"), book, book)
	tail := "\n# FILES\n\n/etc/icn/config.toml\n\n# SEE ALSO\n\n**icn-node(8)**, **icn-cli(1)**\n"
	return write(dir, "icn-config.toml.5", head+page+tail)
}

func write(dir, name, page string) error {
	return os.WriteFile(filepath.Join(dir, name), md2man.Render([]byte(page)), 0o644)
}

// listed turns the reference's tables, which are too wide for a terminal, into lists.
func listed(reference string) (string, error) {
	var b strings.Builder
	rows := 0
	for line := range strings.Lines(reference) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "# "), strings.HasPrefix(line, "<!--"), strings.HasPrefix(line, "| key "), strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "## "):
			fmt.Fprintf(&b, "# %s\n", strings.TrimPrefix(line, "## "))
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|")
			if len(cells) != 5 {
				return "", fmt.Errorf("the reference: a row of %d cells: %s", len(cells), line)
			}
			for i := range cells {
				cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "\x00", "|")
			}
			setting(&b, cells)
			rows++
		default:
			b.WriteString(line + "\n")
		}
	}
	if rows == 0 {
		return "", errors.New("the reference holds no settings")
	}
	return b.String(), nil
}

// setting writes one row: key, flags, environment, default, meaning.
func setting(b *strings.Builder, cells []string) {
	fmt.Fprintf(b, "\n**%s**\n:   %s", strings.Trim(cells[0], "`"), cells[4])
	for i, what := range []string{1: "flag", 2: "environment", 3: "default"} {
		if what != "" && cells[i] != "" {
			fmt.Fprintf(b, "; %s %s", what, cells[i])
		}
	}
	b.WriteString("\n")
}
