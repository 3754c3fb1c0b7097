package wasm

import (
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Limits bound one run. A field that is zero takes its value of [DefaultLimits].
type Limits struct {
	Gas           uint64        // see ABI; about one for each instruction
	MemoryBytes   uint64        // of linear memory, in whole pages of 64 KiB
	TableElements uint64        // of all tables together
	OutputBytes   uint64        // of stdout; more is a fault. Of stderr, 64 KiB are kept
	CallDepth     uint32        // nested calls, at most MaxCallDepth; a large function counts for several
	Wall          time.Duration // from the start of the run; checked every few milliseconds of work
	ModuleBytes   uint64        // of the program, at most MaxModuleBytes
}

// What no job can have more of.
const (
	MaxCallDepth   = 20_000   // what fits the engine's stack
	MaxModuleBytes = 32 << 20 // compiling is not metered
	maxPages       = 65536
	maxElements    = 1 << 24
	maxLog         = 64 << 10
)

// DefaultLimits suit small programs: a few seconds of work.
func DefaultLimits() Limits {
	return Limits{
		Gas: 20_000_000_000, MemoryBytes: 256 << 20, TableElements: 100_000, OutputBytes: 16 << 20,
		CallDepth: MaxCallDepth, Wall: 30 * time.Second, ModuleBytes: MaxModuleBytes,
	}
}

// effective fills in defaults and applies what no job can exceed.
func (l Limits) effective() Limits {
	d := DefaultLimits()
	or := func(v, d uint64) uint64 {
		if v == 0 {
			return d
		}
		return v
	}
	l.Gas = or(l.Gas, d.Gas)
	l.MemoryBytes = or(l.MemoryBytes, d.MemoryBytes)
	l.TableElements = min(or(l.TableElements, d.TableElements), maxElements)
	l.OutputBytes = or(l.OutputBytes, d.OutputBytes)
	l.CallDepth = min(uint32(or(uint64(l.CallDepth), uint64(d.CallDepth))), MaxCallDepth)
	l.ModuleBytes = min(or(l.ModuleBytes, d.ModuleBytes), MaxModuleBytes)
	if l.Wall <= 0 {
		l.Wall = d.Wall
	}
	return l
}

func (l Limits) pages() uint32 { return uint32(min(l.MemoryBytes/65536, maxPages)) }

// needs is what a program takes from the start.
type needs struct {
	bytes    uint64 // of module
	pages    uint32
	elements uint64
	entry    string // what is called
}

// errTooBig says that a program needs more than its job allows.
var errTooBig = fmt.Errorf("%w: it needs more than the job's limits allow", icn.ErrInvalid)

// within says whether a program can start under the limits.
func (n needs) within(l Limits) error {
	switch {
	case n.bytes > l.ModuleBytes:
		return fmt.Errorf("module: %w: %d bytes, the limit is %d", errTooBig, n.bytes, l.ModuleBytes)
	case n.pages > l.pages():
		return fmt.Errorf("module: %w: a memory of %d pages (64 KiB each), the limit is %d", errTooBig, n.pages, l.pages())
	case n.elements > l.TableElements:
		return fmt.Errorf("module: %w: tables of %d elements, the limit is %d", errTooBig, n.elements, l.TableElements)
	}
	return nil
}
