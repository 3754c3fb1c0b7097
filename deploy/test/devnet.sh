#!/usr/bin/env bash
# The devnet in containers, as its README has it: the image is built and small; three
# nodes become one federation; a job completes; Prometheus sees all three; one node is
# stopped, and the alert of it reaches Alertmanager with a link to a runbook that is
# there; the node comes back, and the alert ends. Grafana is left out: its program is
# in none of Debian's packages.
set -euo pipefail
. "$(dirname "$0")/docker.sh"
need_docker debootstrap jq curl
MOST=80000000
WORK=$(mktemp -d /tmp/icn-devnet-test.XXXXXX)
export ICN_DEVNET=$WORK/icn-devnet ICN_IMAGE=icn-core:latest
cleanup() {
  local code=$?
  trap - EXIT
  [ "$code" -eq 0 ] || [ ! -f "$ICN_DEVNET/docker-compose.yml" ] || docker-compose -f "$ICN_DEVNET/docker-compose.yml" --profile monitoring logs --tail 20 2>&1 | tail -60 >&2 || true
  "$ROOT/icn-devnet/launch_federation.sh" --down >/dev/null 2>&1 || true
  stop_docker
  rm -rf "$WORK"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
start_docker
"$ROOT/deploy/test/images.sh" golang prometheus alertmanager
build_image
size=$(docker image inspect -f '{{.Size}}' icn-core:latest)
say "the image has $((size / 1000000)) MB"
[ "$size" -le $MOST ] || fail "the image is larger than $((MOST / 1000000)) MB"
[ "$(docker image inspect -f '{{.Config.User}}' icn-core:latest)" = 1000 ] || fail "the image does not run as user 1000"

say "without a generated devnet, the compose file says what to do"
mkdir "$ICN_DEVNET"
(cd "$ROOT/icn-devnet" && tar -c --exclude=./nodes --exclude=./.env --exclude=./devnet.json --exclude=./prometheus/targets* --exclude=./docker-compose.large.yml --exclude=./scripts .) | tar -C "$ICN_DEVNET" -x
chmod -R a+rX "$WORK"
out=$(docker-compose -f "$ICN_DEVNET/docker-compose.yml" --profile monitoring up -d 2>&1) && fail "it started something"
grep -q 'launch_federation.sh' <<<"$out" || fail "it only says: $out"

say "three nodes and their monitoring"
SERVICES="icn-node-a icn-node-b icn-node-c prometheus alertmanager" "$ROOT/icn-devnet/launch_federation.sh" --monitoring
cli="$ROOT/bin/icn-cli"
[ "$("$cli" devnet compose --nodes 3 | cmp - "$ROOT/icn-devnet/docker-compose.yml" 2>&1)" = "" ] || fail "icn-devnet/docker-compose.yml is not what icn-cli devnet compose --nodes 3 prints"

say "a job completes"
(cd "$ROOT" && GOOS=wasip1 GOARCH=wasm go build -o bin/wordcount.wasm ./examples/wordcount)
"$cli" --api-url http://127.0.0.1:5001 --api-key devnet-a-key mesh run -q "$ROOT/bin/wordcount.wasm" --input "$ROOT/examples/text/udhr.txt"

# up counts the nodes that Prometheus sees.
up() { [ "$(curl -sf http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=sum(up{federation="devnet"})' | jq -r '.data.result[0].value[1] // "0"')" = "$1" ]; }
# fires N: so many alerts NodeDown for node-c are active in Alertmanager.
fires() { [ "$(curl -sf 'http://127.0.0.1:9093/api/v2/alerts?active=true' | jq '[.[] | select(.labels.alertname=="NodeDown" and .labels.node=="node-c")] | length')" = "$1" ]; }
say "Prometheus sees three nodes"
poll 120 up 3 || { curl -s http://127.0.0.1:9090/api/v1/targets | jq '.data.activeTargets[] | {scrapeUrl,health,lastError}' >&2; fail "not all targets are up"; }
fires 0 || fail "the alert fires while all nodes run"

say "node-c is stopped; its alert comes (after the minute that the rule waits)"
docker-compose -f "$ICN_DEVNET/docker-compose.yml" stop icn-node-c >/dev/null 2>&1
poll 300 fires 1 || { curl -s http://127.0.0.1:9090/api/v1/alerts | jq . >&2; fail "NodeDown did not reach Alertmanager"; }
link=$(curl -sf 'http://127.0.0.1:9093/api/v2/alerts?active=true' | jq -r '[.[] | select(.labels.alertname=="NodeDown")][0].annotations.runbook_url')
say "it links $link"
file=${link#*/blob/main/}; anchor=${file#*#}; file=${file%%#*}
[ -f "$ROOT/$file" ] || fail "there is no $file"
sed -n 's/^##* *//p' "$ROOT/$file" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9\n-' | grep -qx -- "$anchor" || fail "$file has no heading #$anchor"

say "node-c comes back; the alert ends"
docker-compose -f "$ICN_DEVNET/docker-compose.yml" up -d --no-deps icn-node-c >/dev/null 2>&1
"$cli" devnet wait --to "$ICN_DEVNET"
poll 120 up 3 || fail "node-c is not seen again"
poll 420 fires 0 || fail "the alert does not end"
say "passed"
