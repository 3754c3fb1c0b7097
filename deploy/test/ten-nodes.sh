#!/usr/bin/env bash
# Ten nodes run fifty jobs, as processes: scripts/run_10node_devnet.sh --local.
set -euo pipefail
. "$(dirname "$0")/common.sh"
HTTP_PORT=$(free_block 90)
P2P_PORT=$((HTTP_PORT + 30)) METRICS_PORT=$((HTTP_PORT + 60)) ICN_DEVNET=$(mktemp -d /tmp/icn-ten.XXXXXX)
export HTTP_PORT P2P_PORT METRICS_PORT ICN_DEVNET
trap 'rm -rf "$ICN_DEVNET"' EXIT
cd "$ROOT/icn-devnet"
NUM_JOBS=50 ./scripts/run_10node_devnet.sh --local | tee "$ICN_DEVNET/said"
grep -qx '50/50 jobs completed' "$ICN_DEVNET/said" || fail "not 50 of 50"
