// Command icn-cli uses and looks after a node over its API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/InterCooperative-Network/icn-core/cli"
	"github.com/InterCooperative-Network/icn-core/launch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Release: launch.Release}))
}
