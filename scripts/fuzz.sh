#!/usr/bin/env bash
# Fuzzes every decoder for a while each: scripts/fuzz.sh [DURATION].
set -euo pipefail
cd "$(dirname "$0")/.."
for pkg in $(go list ./...); do
  for name in $(CGO_ENABLED=0 go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
    CGO_ENABLED=0 go test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-20s}" -fuzzminimizetime 100x "$pkg" # minimising takes a minute of each find by default
  done
done
