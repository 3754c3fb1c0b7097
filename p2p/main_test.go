package p2p

import (
	"testing"

	"go.uber.org/goleak"
)

// After all tests every host is closed: nothing of ours may still run.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
