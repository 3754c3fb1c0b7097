#!/usr/bin/env bash
# Builds the example programs for the mesh into bin/: those in Go, and the one in
# Rust where a rustc has a WASI target.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin
GOOS=wasip1 GOARCH=wasm go build -o bin/wordtally.wasm ./examples/wordtally
GOOS=wasip1 GOARCH=wasm go build -o bin/wordcount.wasm ./examples/wordcount
echo "bin/wordtally.wasm bin/wordcount.wasm"
./scripts/guest-rust.sh || [ $? -eq 3 ]
