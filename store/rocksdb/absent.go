//go:build !rocksdb

// Package rocksdb, in a build without RocksDB, says how to get one with it.
package rocksdb

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Open explains what is missing.
func Open(string) (store.Store, error) {
	return nil, fmt.Errorf("storage backend rocksdb: %w: rocksdb is not in this build; build it with: apt-get install librocksdb-dev && CGO_ENABLED=1 go build -tags rocksdb ./cmd/icn-node", icn.ErrUnavailable)
}
