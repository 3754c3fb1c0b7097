#!/usr/bin/env bash
# Builds the example programs for the mesh into bin/: those in Go, and the one in
# Rust where rustc has the target wasm32-wasip1.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin
GOOS=wasip1 GOARCH=wasm go build -o bin/wordtally.wasm ./examples/wordtally
GOOS=wasip1 GOARCH=wasm go build -o bin/wordcount.wasm ./examples/wordcount
echo "bin/wordtally.wasm bin/wordcount.wasm"
if rustc --print target-libdir --target wasm32-wasip1 2>/dev/null | xargs -r test -d; then
  rustc --edition 2021 -O --target wasm32-wasip1 -o bin/guest-rust.wasm examples/guest-rust/main.rs
  echo "bin/guest-rust.wasm"
else
  echo "guest-rust is left out: rustc has no target wasm32-wasip1 (rustup target add wasm32-wasip1)" >&2
fi
