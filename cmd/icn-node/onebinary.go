//go:build onebinary

package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/InterCooperative-Network/icn-core/cli"
	"github.com/InterCooperative-Network/icn-core/launch"
)

// asCLI runs icn-cli when the program is called by that name. The container image
// has one file with two names: both programs are made of nearly the same packages.
func asCLI(ctx context.Context) (code int, done bool) {
	if filepath.Base(os.Args[0]) != "icn-cli" {
		return 0, false
	}
	return cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Release: launch.Release}), true
}
