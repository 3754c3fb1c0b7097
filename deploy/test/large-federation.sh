#!/usr/bin/env bash
# Ten nodes, then ten more, as processes: scripts/deploy_large_federation.sh --local.
# All twenty must be of one state, and run twenty jobs. Then nodes of it are killed,
# paused and stopped: scripts/chaos_test.sh.
set -euo pipefail
. "$(dirname "$0")/common.sh"
HTTP_PORT=$(free_block 90)
P2P_PORT=$((HTTP_PORT + 30)) METRICS_PORT=$((HTTP_PORT + 60)) ICN_DEVNET=$(mktemp -d /tmp/icn-large.XXXXXX)
export HTTP_PORT P2P_PORT METRICS_PORT ICN_DEVNET
trap '"$ROOT/scripts/deploy_large_federation.sh" --local --down >/dev/null 2>&1 || true; rm -rf "$ICN_DEVNET"' EXIT
"$ROOT/scripts/deploy_large_federation.sh" --local --jobs 20 | tee "$ICN_DEVNET/said"
grep -qx '20/20 jobs completed' "$ICN_DEVNET/said" || fail "not 20 of 20"
[ "$(grep -c '^node-' <(LOCAL=1 "$ROOT/bin/icn-cli" devnet list --to "$ICN_DEVNET"))" -eq 20 ] || fail "not twenty nodes"
"$ROOT/scripts/chaos_test.sh" --local --nodes 20 --rounds "${ROUNDS:-3}"
