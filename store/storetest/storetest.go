// Package storetest says what a store.Store is. Every driver passes [Run]; what
// is not written here is not promised.
//
// The invariant it checks: an acknowledged batch is there whole, for every
// reader and after every crash, and one that is not there whole is not there at
// all.
//
// It does not test how a driver is opened, locked or configured: that is the
// driver's own test. A process can be killed here, but power cannot be cut.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB, dir string) store.Store {
//			s, err := pebble.Open(dir)
//			require.NoError(t, err)
//			return s
//		})
//	}
package storetest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/store"
)

// Opener opens the store in dir, and makes it if there is none. It fails t when
// it cannot. Whoever calls it closes the store.
type Opener func(t testing.TB, dir string) store.Store

// Option says what a driver does not promise.
type Option int

// Volatile is a driver that keeps nothing once it is closed.
const Volatile Option = iota + 1

// Run checks all rules, each as a subtest. It must be called from a test
// function directly: it runs that function again in other processes, and kills
// them.
func Run(t *testing.T, open Opener, options ...Option) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(t, open(t, dir))
		return
	}
	rules := []struct {
		name  string
		check func(t *testing.T, s store.Store)
	}{
		{"AbsentKeyIsNotFound", absentKey},
		{"GetReturnsACopy", getCopies},
		{"ApplyKeepsNoSliceOfTheBatch", applyCopies},
		{"LaterWriteInABatchWins", laterWriteWins},
		{"DeletedKeyIsGone", deletedKey},
		{"EmptyBatchChangesNothing", emptyBatch},
		{"ValuesMayBeEmptyOrLarge", oddValues},
		{"KeysAreAnyBytes", oddKeys},
		{"ScanIsInOrder", scanOrder},
		{"ScanIsHalfOpen", scanBounds},
		{"ScanStopsWhenTold", scanStops},
		{"ScanSeesOneMoment", scanSnapshot},
		{"ScanOfAPrefix", scanPrefix},
		{"AnyHistoryEqualsAMap", likeAMap},
		{"ReadersSeeWholeBatchesOnly", wholeBatches},
		{"NothingIsLostAmongManyWriters", manyWriters},
		{"ClosedStoreIsUnavailable", closedStore},
		{"CloseWaitsForWhoIsInside", closeUnderLoad},
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			r.check(t, s)
			require.NoError(t, s.Close())
		})
	}
	for _, o := range options {
		if o == Volatile {
			return
		}
	}
	t.Run("ReopenedStoreHasEverything", func(t *testing.T) { reopened(t, open) })
	t.Run("KilledWriterLosesNothingItAcknowledged", func(t *testing.T) { killed(t, open) })
}

// put applies one durable batch of key, value, key, value, …
func put(t testing.TB, s store.Store, pairs ...string) {
	t.Helper()
	b := &store.Batch{}
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	require.NoError(t, s.Apply(b))
}

// pairs is what a scan delivers: key, value, key, value, …
func pairs(t testing.TB, s store.Store, r store.Range) []string {
	t.Helper()
	got := []string{}
	require.NoError(t, s.Scan(r, func(k, v []byte) bool {
		got = append(got, string(k), string(v))
		return true
	}))
	return got
}
