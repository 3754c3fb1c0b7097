//go:build wasip1

// The guest of this package's tests: it does what its first argument says.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

func main() {
	switch os.Args[1] {
	case "cat":
		n, err := io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, n, err)
	case "tell":
		fmt.Println(os.Args, os.Getenv("A"), time.Now().UTC().Format(time.RFC3339))
		b := make([]byte, 8)
		rand.Read(b)
		fmt.Printf("%x\n", b)
	case "work":
		m := map[string]float64{}
		for i := range 50000 {
			m[fmt.Sprint(i%997)] += math.Sqrt(float64(i))
		}
		fmt.Println(len(m), m["7"], math.NaN() > 1)
	case "spin":
		for {
		}
	case "deep":
		fmt.Println(deep(1))
	case "eat":
		var b [][]byte
		for {
			b = append(b, make([]byte, 1<<20))
			b[len(b)-1][0] = 1
		}
	case "flood":
		for {
			fmt.Println("and on, and on")
		}
	case "three":
		os.Exit(3)
	case "panic":
		panic("as asked")
	default:
		federation(os.Args[1:])
	}
}

func deep(n int) int {
	if n > 100_000_000 {
		return n
	}
	return deep(n+1) + 1
}
