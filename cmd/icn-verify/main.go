//go:build !js

// Command icn-verify checks a vote's file, or a receipt, with nothing else at hand: it
// opens no connection, and it believes nobody but the clerks that the federation's
// genesis block names, by majority, and the members' own signatures.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

const usage = `icn-verify FILE [--network CID] [--checkpoint FILE] [--output text|json]

Checks a file that 'icn-cli governance export' or 'icn-cli governance receipt' wrote,
recounts the vote in it, and names the first thing that is wrong. Exit code 0: the file
holds. 1: it does not. 2: it could not be checked.
`

// maxFile bounds a file: a vote of a hundred thousand has 30 MB.
const maxFile = 2 << 30

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program.
func run(args []string, out, errs io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(errs, "icn-verify: %v\n", err)
		return 2
	}
	f := flag.NewFlagSet("icn-verify", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() { fmt.Fprint(errs, usage); f.PrintDefaults() }
	network := f.String("network", "", "the network's CID, as you know it: the file must be of that one")
	output := f.String("output", "text", "text or json")
	var notes []string
	f.Func("checkpoint", "a checkpoint's note from elsewhere, to compare with; may be given more than once", func(name string) error {
		b, err := read(name)
		notes = append(notes, string(b))
		return err
	})
	files, err := parse(f, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case len(files) != 1 || *output != "text" && *output != "json":
		f.Usage()
		return 2
	}
	want := proof.Expect{Notes: notes}
	if *network != "" {
		if want.Network, err = icn.ParseCID(*network); err != nil {
			return fail(err)
		}
	}
	file, err := read(files[0])
	if err != nil {
		return fail(err)
	}
	result := proof.Check(file, want)
	if err := show(out, result, *output); err != nil {
		return fail(err)
	}
	if !result.Holds {
		return 1
	}
	return 0
}

// parse takes flags also behind the file's name.
func parse(f *flag.FlagSet, args []string) (files []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, f.Arg(0)), f.Args()[1:]
	}
}

func read(name string) ([]byte, error) {
	s, err := os.Stat(name)
	if err == nil && s.Size() > maxFile {
		err = fmt.Errorf("%s: %d bytes, at most %d", name, s.Size(), int64(maxFile))
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

func show(out io.Writer, r proof.Result, as string) error {
	if as == "json" {
		b, err := r.JSON()
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", b)
		}
		return err
	}
	r.WriteText(out)
	return nil
}
