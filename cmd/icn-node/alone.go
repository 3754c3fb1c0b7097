//go:build !onebinary

package main

import "context"

// asCLI is for builds in which icn-node is icn-cli, too.
func asCLI(context.Context) (code int, done bool) { return 0, false }
