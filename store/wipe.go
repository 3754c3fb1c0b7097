package store

import (
	"bytes"
)

// Wipe removes everything but the mark [Unfinished].
func Wipe(s Store) error {
	for {
		b := &Batch{Relaxed: true}
		err := s.Scan(Range{}, func(k, _ []byte) bool {
			if !bytes.Equal(k, Unfinished) {
				b.Delete(bytes.Clone(k))
			}
			return len(b.Writes) < 10_000
		})
		if err != nil || b.Empty() {
			return err
		}
		if err := s.Apply(b); err != nil {
			return err
		}
	}
}
