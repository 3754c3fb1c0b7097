#!/usr/bin/env bash
# Compares with peers in one interleaved run: scripts/bench.sh [args of ./bench].
# Kubo is built from its published module, once, into a cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
go build -o bin/ ./cmd/...
cache=${XDG_CACHE_HOME:-$HOME/.cache}/icn-bench
if [ ! -x "$cache/ipfs" ]; then
  mkdir -p "$cache/build"
  (
    cd "$cache/build"
    printf 'module kubobuild\n\ngo 1.26.0\n' > go.mod
    printf '//go:build tools\n\npackage tools\n\nimport _ "github.com/ipfs/kubo/cmd/ipfs"\n' > tools.go
    export GOFLAGS=-mod=mod
    go get github.com/ipfs/kubo/cmd/ipfs@v0.43.0
    go build -o "$cache/ipfs" github.com/ipfs/kubo/cmd/ipfs
  ) || echo "Kubo cannot be built here; blocks are not compared" >&2
fi
go build -C bench/gossip -o "$cache/gossip" . || echo "gossipsub cannot be built here; delivery is not compared" >&2
if [ -x "$cache/gossip" ]; then set -- -gossip "$cache/gossip" "$@"; fi
if [ -x "$cache/ipfs" ]; then set -- -ipfs "$cache/ipfs" "$@"; fi
exec go run ./bench -node bin/icn-node "$@"
