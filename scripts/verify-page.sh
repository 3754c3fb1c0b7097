#!/usr/bin/env bash
# Builds icn-verify as one HTML page that works offline: scripts/verify-page.sh
# [OUTPUT]. Equal sources and toolchain give an equal page.
set -euo pipefail
out=$(realpath -m "${1:-bin/icn-verify.html}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/verify.wasm" ./cmd/icn-verify
gzip -9 -n < "$work/verify.wasm" | base64 -w 0 > "$work/program"
mkdir -p "$(dirname "$out")"
# What replaces a mark is taken from a file: it is too long for a command line.
awk -v runtime="$(go env GOROOT)/lib/wasm/wasm_exec.js" -v program="$work/program" '
  function put(mark, file,   i, line, text) {
    i = index($0, mark)
    if (!i) return 0
    while ((getline line < file) > 0) text = text == "" ? line : text "\n" line
    printf "%s%s%s\n", substr($0, 1, i - 1), text, substr($0, i + length(mark))
    return 1
  }
  put("/*RUNTIME*/", runtime) || put("/*PROGRAM*/", program) { next }
  { print }
' cmd/icn-verify/page.html > "$out"
echo "$out: $(stat -c %s "$out") bytes"
