#!/usr/bin/env bash
# Simulates federations: scripts/sim.sh [SEEDS] [FIRST]. Two processes share the
# seeds, because only one world may run in a process at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-200}
first=${2:-1}
half=$(((seeds + 1) / 2))
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
CGO_ENABLED=0 go test -c -o "$dir/sim.test" ./sim
cd sim
run() { GOGC=800 "$dir/sim.test" -test.run '^TestFederationsComeToRest$' -test.timeout 50m -sim.first "$1" -sim.seeds "$2"; }
run "$first" "$half" > "$dir/a" 2>&1 & a=$!
run $((first + half)) $((seeds - half)) > "$dir/b" 2>&1 & b=$!
ok=0
wait "$a" || ok=1
wait "$b" || ok=1
cat "$dir/a" "$dir/b"
exit "$ok"
