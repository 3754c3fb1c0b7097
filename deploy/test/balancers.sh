#!/usr/bin/env bash
# Three nodes behind HAProxy, then behind nginx, with the configurations in deploy/:
# nodes are killed under load and come back, and no request that can be repeated
# fails; events come through; what cannot be repeated is not.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$0")/../.."
[ -z "${CI:-}" ] || ./scripts/deploy-tools.sh
export CGO_ENABLED=0
CI=1 go test ./e2e -count=1 -timeout 20m -run '^TestBalancers' -v
