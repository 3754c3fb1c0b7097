#!/usr/bin/env bash
# What `kubectl rollout restart deployment/icn-node` does, with processes: three of one
# node on one PostgreSQL database are replaced one after the other, under load. No
# write is lost, no request that can be repeated fails, and it ends. Also: their key is
# rotated where it is in a Secret that they cannot write; and nodes that all get other
# addresses find each other again.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "$0")/../.."
[ -z "${CI:-}" ] || ./scripts/servers.sh
export CGO_ENABLED=0
CI=1 go test ./e2e -count=1 -timeout 20m -run '^(TestRolloutRestart|TestKeyRotationWithAMountedSecret|TestNodesThatMoved)' -v
