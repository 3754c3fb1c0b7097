// Spin computes for as long as its argument says (millions of rounds), so that a
// test can do something meanwhile. Its result does not depend on who runs it.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	millions, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	x := uint64(88172645463325252)
	for m := range millions {
		for range 1_000_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if m%100 == 99 {
			fmt.Fprintln(os.Stderr, "rounds in millions:", m+1)
		}
	}
	fmt.Println("spun to", x)
}
