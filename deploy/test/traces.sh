#!/usr/bin/env bash
# Traces of jobs: ids and sampling, what becomes of them when a collector is slow, away
# or refuses, and three real nodes that tell one collector of the same job. The tests
# bring their collector; nothing has to be installed but Go.
set -euo pipefail
case ${1:-} in
-h | --help)
  echo 'deploy/test/traces.sh: the tests of traces, alone. scripts/test.sh has them among all others.'
  exit 0 ;;
esac
cd "$(dirname "$0")/../.."
say() { printf '== %s\n' "$*"; }
export CGO_ENABLED=0

say "ids, sampling, the way to a collector"
go test -count=1 ./trace
say "settings, and a node that starts again in between"
go test -count=1 -run 'Trac|Endpoint|Headers' ./config
go test -count=1 -run 'Traces' ./launch
say "three nodes: a job's trace; a collector that is away"
go test -count=1 -timeout 9m -run 'TestAJobIsFollowedOverNodes|TestNodesRunAsEverWithoutTheirCollector' ./e2e
say "traces are as they should be"
