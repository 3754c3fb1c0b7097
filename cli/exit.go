package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/shown"
)

// exits is the one table of exit codes. What matches no row is 1.
var exits = []struct {
	err  error
	code int
	what string
}{
	{errUsage, 2, "the command line is wrong"},
	{icn.ErrNotFound, 3, "what was asked for is not there"},
	{icn.ErrDenied, 4, "not allowed: a wrong or missing API key, or not this author's to say"},
	{icn.ErrUnavailable, 5, "no node answers, or it cannot answer now; trying again can work"},
	{icn.ErrInvalid, 6, "the node cannot take this as it is"},
	{icn.ErrConflict, 7, "the state has moved on"},
	{icn.ErrInsufficient, 8, "the account's mana does not cover it"},
	{icn.ErrCorrupt, 9, "bytes are not what their hash says"},
	{context.Canceled, 130, "stopped by Ctrl-C"},
}

// errUsage marks a mistake on the command line.
var errUsage = errors.New("usage")

// usageError is a mistake on the command line, with the way to the help.
type usageError struct{ text, command string }

func (e usageError) Error() string {
	return fmt.Sprintf("%s\nRun '%s --help' for how it is used.", e.text, e.command)
}

func (e usageError) Unwrap() error { return errUsage }

// exitCode finds an error's row.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	for _, row := range exits {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	return 1
}

// advised is an error with a second line that says what to do next.
type advised struct {
	err    error
	advice string
}

func (a advised) Error() string { return a.err.Error() + "\n" + a.advice }
func (a advised) Unwrap() error { return a.err }

func report(w io.Writer, err error) {
	_, _ = fmt.Fprintln(w, "icn-cli: "+shown.Text(strings.TrimSpace(err.Error()))) // there is nobody else to tell
}

// exitHelp is the table for the manual.
func exitHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n  0    done\n  1    failed (a program that ran and failed, and what is not below)\n")
	for _, row := range exits {
		fmt.Fprintf(&b, "  %-4d %s\n", row.code, row.what)
	}
	return b.String()
}
