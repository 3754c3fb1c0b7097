package key

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

const numberSuffix = ".numbers"

// Numbers are the highest numbers, as far as this wallet knows, that an identity's
// statements to federations have: those that a node has ordered, and those that were
// signed here and are still to be handed in. A new statement takes one above, so that
// what is signed later counts later, whenever it comes in.
//
// The file NAME.numbers has a line "network number" for each federation. It is a
// memory, not a secret; without it numbers come from the nodes alone.
func (w *Wallet) Numbers(name string) (map[icn.CID]uint64, error) {
	if _, err := w.path(name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(w.dir, name+numberSuffix))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, walletError(w.dir, err)
	}
	out := map[icn.CID]uint64{}
	for line := range strings.Lines(string(b)) {
		network, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		id, err := icn.ParseCID(network)
		n, nerr := strconv.ParseUint(number, 10, 64)
		if err != nil || nerr != nil {
			return nil, fmt.Errorf("wallet %s: %w: %s%s cannot be read; delete it, and say something to a node before you sign offline", w.dir, icn.ErrCorrupt, name, numberSuffix)
		}
		out[id] = n
	}
	return out, nil
}

// UseNumber remembers that a number is taken. A lower one changes nothing.
func (w *Wallet) UseNumber(name string, network icn.CID, number uint64) error {
	all, err := w.Numbers(name)
	if err != nil {
		return err
	}
	if all[network] >= number {
		return nil
	}
	all[network] = number
	var text strings.Builder
	for id, n := range all { // order: none is needed
		fmt.Fprintf(&text, "%s %d\n", id, n)
	}
	tmp, err := writeTemp(w.dir, text.String())
	if err != nil {
		return walletError(w.dir, err)
	}
	if err := os.Rename(tmp, filepath.Join(w.dir, name+numberSuffix)); err != nil {
		return walletError(w.dir, errors.Join(err, os.Remove(tmp)))
	}
	return nil
}
