#!/usr/bin/env bash
# Fuzzes every decoder for a while each, as many at a time as there are processors:
# scripts/fuzz.sh [DURATION]. What is found stands in the package's testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
for pkg in $(go list ./...); do
  go test -list '^Fuzz' "$pkg" | { grep '^Fuzz' || true; } | sed "s|^|$pkg |"
done > "${TMPDIR:-/tmp}/icn-fuzz-targets"
try() {
  # Minimising takes a minute of each find by default.
  out=$(go test -run '^$' -fuzz "^$3\$" -fuzztime "$1" -fuzzminimizetime 100x -parallel 1 "$2" 2>&1)
}
one() {
  # The tool itself sometimes fails when its time is up, without any input to show.
  if ! try "$@" && { grep -q 'Failing input' <<< "$out" || ! try "$@"; }; then
    echo "$2 $3: found something"; echo "$out"; exit 1
  fi
  echo "$3 $(tail -n 1 <<< "$out")"
}
export -f try one
xargs -P "$(nproc)" -L 1 bash -c 'one "$@"' one "${1:-20s}" < "${TMPDIR:-/tmp}/icn-fuzz-targets"
