package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Keep removes from a folder of backups all but the last so many full ones and
// what builds on them, the oldest first. Backups that cannot be read stay.
func Keep(dir string, full int) (removed []string, err error) {
	all, err := Sources(dir)
	if errors.Is(err, icn.ErrNotFound) || full <= 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var begins []int // where full ones are
	for i, s := range all {
		h, err := headOf(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		if h.Full() {
			begins = append(begins, i)
		}
	}
	if len(begins) <= full {
		return nil, nil
	}
	for i := begins[len(begins)-full] - 1; i >= 0; i-- { // what builds on others goes before them
		if err := os.RemoveAll(all[i].String()); err != nil {
			return removed, fmt.Errorf("backup: %w", err)
		}
		removed = append(removed, all[i].String())
	}
	return removed, nil
}

// Sweep removes what backups that were broken off have left in a folder.
func Sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".backup-*.unfinished"))
	for _, p := range left {
		if strings.HasSuffix(p, ".unfinished") {
			err = errors.Join(err, os.RemoveAll(p))
		}
	}
	return err
}
