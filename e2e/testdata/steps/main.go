//go:build wasip1

// Steps works in as many steps as its argument says, and leaves a checkpoint after
// each. Its result is the same however often it was interrupted.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/guest"
)

func main() {
	steps, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	done, x := 0, uint64(88172645463325252)
	if state, ok := guest.Load(); ok {
		if _, err := fmt.Sscan(string(state), &done, &x); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		guest.Log(fmt.Sprint("goes on behind step ", done))
	}
	for ; done < steps; done++ {
		for range 100_000_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		guest.Progress(1000*(done+1)/steps, fmt.Sprintf("step %d of %d", done+1, steps))
		if err := guest.Save(fmt.Append(nil, done+1, " ", x)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	fmt.Println(strings.Repeat("=", 3), "stepped to", x)
}
