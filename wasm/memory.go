package wasm

import (
	"math/bits"
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// memories lends linear memories to runs, and takes them back: a run so costs no
// new allocation, nor the collector's work. A memory that was given back is all
// zeros, so no run sees a byte of another's. What nobody borrows for a while, the
// garbage collector takes.
type memories struct{ sizes [numSizes]sync.Pool }

// Memories are kept in sizes of powers of two, from a page to 16 MiB. Larger ones
// are not kept.
const (
	smallest = 16 // 64 KiB
	largest  = 24
	numSizes = largest - smallest + 1
)

// Allocate implements experimental.MemoryAllocator.
func (m *memories) Allocate(_, _ uint64) experimental.LinearMemory { return &memory{from: m} }

// take is an empty memory with room for so many bytes, all zeros.
func (m *memories) take(size uint64) []byte {
	class := max(bits.Len64(max(size, 1)-1), smallest)
	if class > largest {
		return make([]byte, 0, size)
	}
	if b, ok := m.sizes[class-smallest].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, 1<<class)
}

// give takes a memory back, of which nobody holds anything any more.
func (m *memories) give(b []byte) {
	clear(b) // beyond its length nothing was ever written
	if class := bits.Len64(uint64(cap(b))) - 1; class >= smallest && class <= largest && cap(b) == 1<<class {
		b = b[:0]
		m.sizes[class-smallest].Put(&b)
	}
}

// memory is that of one run.
type memory struct {
	from *memories
	b    []byte
}

// Reallocate implements experimental.LinearMemory. Memories only grow.
func (m *memory) Reallocate(size uint64) []byte {
	if size <= uint64(cap(m.b)) && m.b != nil {
		m.b = m.b[:size]
		return m.b
	}
	b := m.from.take(max(size, uint64(cap(m.b))/4*5))[:size] // those that grow by a page at a time are not copied each time
	copy(b, m.b)
	m.from.give(m.b)
	m.b = b
	return b
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() {
	m.from.give(m.b)
	m.b = nil
}
