package backup

import (
	"errors"
	"fmt"
	"io"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Copy takes a stream that a node sends to where it is kept. It looks only whether
// all of it came; the content is checked by [Verify] and [Restore].
func Copy(r io.Reader, to Target, progress func(int64)) (m Manifest, err error) {
	whole := false
	err = ReadStream(r, func(name string, data []byte) error {
		encoded, err := to.Encode(name, data)
		if err == nil {
			err = to.Write(name, encoded)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(int64(len(data)))
		}
		if name == manifestName {
			whole = true
			var s signed
			if err = strictJSON(data, &s); err == nil {
				err = strictJSON(s.Manifest, &m)
			}
		}
		return err
	})
	if err == nil && !whole {
		err = fmt.Errorf("%w: the node stopped before the end", icn.ErrCorrupt)
	}
	if err != nil {
		return m, fmt.Errorf("backup: %w", errors.Join(err, to.Abandon()))
	}
	if err := to.Done(); err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	return m, nil
}

// errEnough ends a reading early.
var errEnough = errors.New("enough")

// ManifestOf reads the manifest of a backup.
func ManifestOf(s Source, c node.Checker) (m Manifest, err error) {
	if f, ok := s.(folderOf); ok {
		data, err := readGzip(f.path + "/" + manifestName + ".gz")
		if err != nil {
			return m, fmt.Errorf("%s: %s: %w: %v", s, manifestName, icn.ErrCorrupt, err)
		}
		return ParseManifest(data, c.Verify)
	}
	found := false
	err = s.Each(func(name string, data []byte) error {
		if name != manifestName {
			return nil
		}
		found = true
		m, err = ParseManifest(data, c.Verify)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: it has no %s", icn.ErrCorrupt, manifestName)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", s, err)
	}
	return m, nil
}

// LastChain is the last full backup of a list and those after it.
func LastChain(all []Source) ([]Source, error) {
	last := 0
	for i, s := range all {
		h, err := headOf(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		if h.Full() {
			last = i
		}
	}
	return all[last:], nil
}

func headOf(s Source) (h Head, err error) {
	err = s.Each(func(name string, data []byte) error {
		if name != headName {
			return fmt.Errorf("%w: a backup begins with %s", icn.ErrCorrupt, headName)
		}
		if err := strictJSON(data, &h); err != nil {
			return fmt.Errorf("%s: %w: %v", name, icn.ErrCorrupt, err)
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return h, err
}
