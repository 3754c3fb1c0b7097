package p2p

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func overBoth(b *testing.B, f func(b *testing.B, x, y *node)) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		name := "tcp"
		if listen != "/ip4/127.0.0.1/tcp/0" {
			name = "quic"
		}
		b.Run(name, func(b *testing.B) {
			x, y := linked(b, func(c *Config) {
				c.Listen = []string{listen}
				c.Limits = Limits{Frames: 1 << 30, Bytes: 1 << 40} // the path, not the limit
			})
			f(b, x, y)
		})
	}
}

// BenchmarkCall is the round trip of a small request, one at a time.
func BenchmarkCall(b *testing.B) {
	overBoth(b, func(b *testing.B, x, y *node) {
		request := make([]byte, 100)
		for b.Loop() {
			_, err := x.Call(b.Context(), y.DID(), Live, request)
			require.NoError(b, err)
		}
	})
}

// BenchmarkPing is the round trip without the handler's goroutine.
func BenchmarkPing(b *testing.B) {
	overBoth(b, func(b *testing.B, x, y *node) {
		for b.Loop() {
			_, err := x.Ping(b.Context(), y.DID())
			require.NoError(b, err)
		}
	})
}

// BenchmarkSend is one-way frames per second, as fast as the receiver takes
// them.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{100, 1000, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			overBoth(b, func(b *testing.B, x, y *node) {
				payload := make([]byte, size)
				b.SetBytes(int64(size))
				sent, seen := 0, 0
				for b.Loop() {
					for !x.Send(y.DID(), Live, payload) {
						<-y.frames // full: as many as are missing have not been seen yet
						seen++
					}
					sent++
				}
				for ; seen < sent; seen++ {
					<-y.frames
				}
			})
		})
	}
}

// BenchmarkFetch is a megabyte block per call, eight under way.
func BenchmarkFetch(b *testing.B) {
	overBoth(b, func(b *testing.B, x, y *node) {
		request := make([]byte, 1<<20)
		b.SetBytes(1 << 20)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, err := x.Call(b.Context(), y.DID(), Block, request)
				require.NoError(b, err)
			}
		})
	})
}
