#!/usr/bin/env bash
# Builds the example program in Rust: scripts/guest-rust.sh [OUT.wasm]. It takes a
# rustc that has a WASI target: rustup's, or Debian's. Where CI is set, as root, it
# installs Debian's; else it says what to install, and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-bin/guest-rust.wasm}"
compiler() { # prints a rustc and its target
  for rustc in "$(command -v rustc || true)" /usr/bin/rustc; do
    for target in wasm32-wasip1 wasm32-wasi; do
      dir="$("$rustc" --print target-libdir --target "$target" 2>/dev/null || true)"
      [ -n "$dir" ] && [ -n "$(ls "$dir"/libstd-*.rlib 2>/dev/null)" ] && echo "$rustc $target" && return
    done
  done
}
found="$(compiler || true)"
if [ -z "$found" ]; then
  packages=(rustc libstd-rust-dev-wasm32 lld wasi-libc)
  if [ -z "${CI:-}" ] || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no rustc with a WASI target: rustup target add wasm32-wasip1 (Debian: sudo apt-get install ${packages[*]})" >&2
    exit 3
  fi
  DEBIAN_FRONTEND=noninteractive apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  found="$(compiler)"
fi
read -r rustc target <<<"$found"
mkdir -p "$(dirname "$out")"
"$rustc" --edition 2021 -O -C strip=debuginfo --target "$target" -o "$out" examples/guest-rust/main.rs
echo "$out"
