// Package guest is what a Go program uses to speak with the federation that runs
// it as a job: whose job it is, how far it is, named outputs, checkpoints, and, as
// far as the job grants it, capacity, reputation, blocks and further jobs.
//
// The invariant: a program that is run again is told the same, so it does the same.
// What it wants to change counts only when its receipt does.
//
// It works in programs built with GOOS=wasip1 GOARCH=wasm, and has no state.
//
//	n, err := guest.Balance("")            // the submitter's capacity
//	guest.Progress(250, "first quarter")   // in thousandths
//	err = guest.Output("table.csv", data)  // a named output
//	err = guest.Save(state)                // another executor can go on from here
//	state, ok := guest.Load()              // what an earlier run saved
package guest
