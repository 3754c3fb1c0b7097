#!/usr/bin/env bash
# Runs what is deployed, for real: images, packages, charts, playbooks, monitoring, and
# federations on this machine. Each part is a command of its own below deploy/test.
# The tests of load balancers, of the rollout and of disaster recovery are among the Go
# tests, and run with them.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/deploy-tools.sh
ICN_TEST_CACHE=${ICN_TEST_CACHE:-$PWD/bin/cache}
export ICN_TEST_CACHE
parts=("$@")
[ $# -gt 0 ] || parts=(kubernetes monitoring ten-nodes large-federation packages ansible terraform devnet monitoring-alone compose arm64-image)
for part in "${parts[@]}"; do
  began=$SECONDS
  echo "-- $part"
  "./deploy/test/$part.sh" || { echo "deploy/test/$part.sh failed" >&2; exit 1; }
  echo "-- $part: good, $((SECONDS - began)) s"
done
