#!/usr/bin/env bash
# Prometheus and Alertmanager of docker-compose-monitoring.yml, in containers, watch
# three nodes that are processes: all three are seen, one that is stopped is missed, and
# a list of nodes that is not there is an error. Grafana is left out: its program is in
# none of Debian's packages.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit ;; esac
. "$(dirname "$0")/docker.sh"
need_docker debootstrap jq curl
HTTP_PORT=$(free_block 90)
P2P_PORT=$((HTTP_PORT + 30)) METRICS_PORT=$((HTTP_PORT + 60)) ICN_DEVNET=$(mktemp -d /tmp/icn-alone-test.XXXXXX)
export HTTP_PORT P2P_PORT METRICS_PORT ICN_DEVNET SERVICES="prometheus alertmanager"
file=$ROOT/icn-devnet/docker-compose-monitoring.yml
launch() { "$ROOT/icn-devnet/launch_federation.sh" --local "$@"; }
cleanup() {
  local code=$?
  trap - EXIT
  [ "$code" -eq 0 ] || docker-compose -f "$file" logs --tail 20 2>&1 | tail -40 >&2 || true
  launch --down >/dev/null 2>&1 || true
  stop_docker
  rm -rf "$ICN_DEVNET"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
start_docker
"$ROOT/deploy/test/images.sh" prometheus alertmanager

say "without a list of nodes it does not start"
! ICN_TARGETS=$ICN_DEVNET/nothing docker-compose -f "$file" up -d prometheus >"$ICN_DEVNET/said" 2>&1 || fail "it starts, and would see no node"
grep -q "$ICN_DEVNET/nothing" "$ICN_DEVNET/said" || { cat "$ICN_DEVNET/said" >&2; fail "it does not say what is missing"; }
[ ! -e "$ICN_DEVNET/nothing" ] || fail "it has made an empty list"

say "three nodes as processes, and their monitoring"
launch --monitoring >"$ICN_DEVNET/said" 2>&1 || { tail -20 "$ICN_DEVNET/said" >&2; fail "launch_federation.sh --local --monitoring"; }
began=$SECONDS
# up N: so many nodes are seen to be there. What is not listed is not counted.
up() { [ "$(curl -sf http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=sum(up{federation="devnet"})' | jq -r '.data.result[0].value[1] // "0"')" = "$1" ]; }
poll 120 up 3 || { curl -s http://127.0.0.1:9090/api/v1/targets | jq '.data.activeTargets[] | {scrapeUrl,health,lastError}' >&2; fail "not all three nodes are seen"; }
echo "   all three are seen after $((SECONDS - began)) s"

say "Alertmanager is there, and Prometheus has it by its name"
curl -sf http://127.0.0.1:9093/-/ready >/dev/null || fail "Alertmanager is not ready"
docker-compose -f "$file" exec -T prometheus cat /etc/hosts >"$ICN_DEVNET/hosts"
grep -q '^127.0.0.1.*alertmanager' "$ICN_DEVNET/hosts" || fail "Prometheus does not know alertmanager"
[ "$(curl -sf http://127.0.0.1:9090/api/v1/alertmanagers | jq -r '.data.activeAlertmanagers[].url')" = http://alertmanager:9093/api/v2/alerts ] || fail "Prometheus tells no Alertmanager"

say "one node is stopped: two are seen"
kill "$(cat "$ICN_DEVNET/nodes/node-c.pid")"
poll 120 up 2 || fail "a node that is stopped is seen all the same"

say "ended: nothing is left"
launch --down >/dev/null 2>&1 || fail "launch_federation.sh --local --down"
[ -z "$(docker-compose -f "$file" ps -q)" ] || fail "containers are left"
say "passed"
