//go:build nocloud

package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// NewTarget refuses: this build has no object stores.
func NewTarget(_ context.Context, address string, _ time.Time) (backup.Target, error) {
	return nil, leftOut(address)
}

// Sources refuses likewise.
func Sources(_ context.Context, address string) ([]backup.Source, error) {
	return nil, leftOut(address)
}

func leftOut(address string) error {
	return fmt.Errorf("backup %s: %w: this icn-cli was built without object stores, as the one in the container image is; run a whole one on your machine with --api-url, or back up to a folder", address, icn.ErrUnavailable)
}
