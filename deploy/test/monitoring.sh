#!/usr/bin/env bash
# Watches over a real federation with the committed configuration, and asks the
# Prometheus that does so for every expression of every panel and rule.
set -euo pipefail

if [ "${1:-}" = "--help" ] || [ "${1:-}" = "-h" ]; then
  cat <<'TEXT'
Usage: deploy/test/monitoring.sh

Starts three nodes, Prometheus and Alertmanager on loopback; runs jobs, a vote,
requests and backups; then checks:
  - names, types and texts of a node's metrics (promtool check metrics)
  - configuration, rules, and the tests of the rules (promtool, amtool)
  - that the dashboards and rules are what tools/dashboards makes
  - every expression of every panel and rule: no unknown series, no empty panel
  - that a stopped node becomes an alert, whose runbook has a section

Needs Go and what scripts/deploy-tools.sh installs. ICN_TEST_KEEP=1 keeps the folder.
TEXT
  exit 0
fi

. "$(dirname "$0")/common.sh"
DIR=$(mktemp -d)
PIDS=()

cleanup() {
  local status=$?
  for pid in "${PIDS[@]:-}"; do
    if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi
  done
  for pid in "${PIDS[@]:-}"; do
    [ -n "$pid" ] || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ]; then
    for log in "$DIR"/*.log; do
      [ -e "$log" ] || continue
      echo "-- the end of $(basename "$log")"; tail -n 15 "$log"
    done
  fi
  if [ -n "${ICN_TEST_KEEP:-}" ]; then echo "kept: $DIR"; else rm -rf "$DIR"; fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# until_ok SECONDS WHAT COMMAND...: tries again until the command succeeds.
until_ok() {
  local seconds=$1 what=$2
  shift 2
  poll "$seconds" "$@" || fail "it does not come about that $what"
}

# take_port: a TCP port of loopback that nobody listens on, in PORT.
taken=" "
take_port() {
  while :; do
    PORT=$((20000 + RANDOM % 10000))
    case $taken in *" $PORT "*) continue ;; esac
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && continue
    taken="$taken$PORT "
    return
  done
}

start() { # NAME COMMAND...
  local name=$1
  shift
  "$@" >"$DIR/$name.log" 2>&1 &
  PIDS+=("$!")
  LAST=$!
}

for tool in go curl jq openssl prometheus promtool prometheus-alertmanager amtool; do
  command -v "$tool" >/dev/null || fail "$tool is not installed; run scripts/deploy-tools.sh"
done

say "configuration, rules and their tests"
promtool check config --lint-fatal "$ROOT/icn-devnet/prometheus/prometheus.yml" 2>&1 | grep -v WARNING
promtool test rules "$ROOT/icn-devnet/prometheus/tests/alerts.yml"
amtool check-config "$ROOT/icn-devnet/alertmanager/alertmanager.yml"

say "what is committed is what tools/dashboards makes; every alert has its runbook"
(cd "$ROOT/tools/dashboards" && CGO_ENABLED=0 go test . && CGO_ENABLED=0 go build -o "$DIR/dashboards" .)

say "three nodes, on loopback"
mkdir -p "$CACHE"
(cd "$ROOT" && CGO_ENABLED=0 go build -o "$DIR/" ./cmd/icn-node ./cmd/icn-cli)
(cd "$ROOT" && GOOS=wasip1 GOARCH=wasm go build -o "$DIR/wordcount.wasm" ./examples/wordcount)
export ICN_HOME=$DIR/home HOME=$DIR
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=localhost \
  -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" -keyout "$DIR/tls.key" -out "$DIR/tls.crt" 2>/dev/null
NAMES=(north east west)
declare -A METRICS NODE_PID
cli() { # NODE COMMAND...
  local node=$1
  shift
  "$DIR/icn-cli" --api-url "@$DIR/$node.addr" --ca-cert "$DIR/tls.crt" --quiet "$@"
}
for name in "${NAMES[@]}"; do
  take_port
  METRICS[$name]=127.0.0.1:$PORT
  mkdir -p "$DIR/backups/$name"
  cat >"$DIR/$name.toml" <<TOML
[performance]
mana_regeneration_rate = 100000
[backup]
every = "3s"
target = "$DIR/backups/$name"
keep = 2
TOML
  more=(--federation-name "watched federation")
  if [ "$name" != north ]; then
    code=$(cli north --output json federation invite | jq -r .code)
    more=(--join-code "$code" --bootstrap-peers "$(grep -m1 -o '/ip4/[^ ]*/tcp/[^ ]*' "$DIR/north.addr")")
  fi
  [ "$name" != west ] || more+=(--tls-cert-path "$DIR/tls.crt" --tls-key-path "$DIR/tls.key")
  start "$name" "$DIR/icn-node" --config "$DIR/$name.toml" --node-name "$name" --storage-path "$DIR/$name" --addr-file "$DIR/$name.addr" \
    --http-listen-addr 127.0.0.1:0 --p2p-listen-addr /ip4/127.0.0.1/tcp/0 --metrics-bind-addr "${METRICS[$name]}" "${more[@]}"
  NODE_PID[$name]=$LAST
  until_ok 60 "$name is ready" cli "$name" health
done
whole() {
  for name in "${NAMES[@]}"; do
    [ "$(curl -fsS "http://${METRICS[$name]}/metrics" | awk '$1 == "icn_p2p_peers_connected" {print $2}')" = 2 ] || return 1
  done
}
until_ok 60 "each node is linked with both others" whole

say "Prometheus and Alertmanager, with the committed files (every second; alerts after two)"
take_port; PROMETHEUS=127.0.0.1:$PORT
take_port; ALERTS=127.0.0.1:$PORT
cp -r "$ROOT/icn-devnet/prometheus" "$DIR/prometheus"
# Copies for this test: intervals and waits are shortened, the address is loopback's.
sed -i -E "s/(scrape|evaluation)_interval: .*/\1_interval: 1s/; s/alertmanager:9093/$ALERTS/; s/refresh_interval: .*/refresh_interval: 1s/" "$DIR/prometheus/prometheus.yml"
sed -i -E 's/^( *)for: .*/\1for: 2s/' "$DIR/prometheus/rules/alerts.yml"
for name in "${NAMES[@]}"; do
  jq -n --arg t "${METRICS[$name]}" --arg n "$name" '{targets: [$t], labels: {federation: "watched federation", node: $n}}'
done | jq -s . >"$DIR/prometheus/targets/nodes.json"
promtool check config "$DIR/prometheus/prometheus.yml" >/dev/null
sed -E 's/group_wait: .*/group_wait: 1s/' "$ROOT/icn-devnet/alertmanager/alertmanager.yml" >"$DIR/alertmanager.yml"
start alertmanager prometheus-alertmanager --config.file="$DIR/alertmanager.yml" --storage.path="$DIR/alertmanager" --web.listen-address="$ALERTS" --cluster.listen-address=
start prometheus prometheus --config.file="$DIR/prometheus/prometheus.yml" --storage.tsdb.path="$DIR/tsdb" --web.listen-address="$PROMETHEUS" --log.level=warn
ask() { curl -fsS -G "http://$PROMETHEUS/api/v1/query" --data-urlencode "query=$1"; }
is() { [ "$(ask "$1" | jq -r '.data.result[0].value[1] // "none"')" = "$2" ]; } # EXPRESSION VALUE
until_ok 60 "Alertmanager answers" curl -fsS "http://$ALERTS/-/ready"
until_ok 60 "Prometheus reaches three nodes" is 'sum(up{job="icn"})' 3

say "jobs, a vote, content, and requests that are refused"
for i in 1 2 3 4 5 6; do
  cli "${NAMES[$((i % 3))]}" mesh run "$DIR/wordcount.wasm" --input "$ROOT/examples/text/udhr.txt" >/dev/null
done
cli north id new ann --no-passphrase >/dev/null
ANN=$(cli north --output json id list | jq -r '[.. | objects | .did? // empty][0]')
cli north federation member add "$ANN" --name ann >/dev/null
cli north governance propose text "Shall we buy the mill?" --title "The mill" >/dev/null
PROPOSAL=$(cli north --output json governance list | jq -r '[.. | objects | (.id? // .proposal? // empty)][0]')
cli north governance vote "$PROPOSAL" yes >/dev/null
NORTH=$(sed -n 's/^API //p' "$DIR/north.addr")
for _ in 1 2 3 4 5 6 7 8 9 10; do
  curl -fsS "$NORTH/status" >/dev/null
  curl -s -o /dev/null "$NORTH/nowhere"
done
until_ok 60 "a backup was made at every node" is 'count(icn_backup_last_duration_seconds > 0)' 3
until_ok 60 "a ballot was counted" is 'min(icn_governance_ballots_total) > bool 0' 1
until_ok 60 "all jobs are settled" is 'min(icn_jobs_settled_total) >= bool 6' 1
# A rate wants two samples of a series, and the recorded rules one evaluation.
until_ok 90 "the rules are recorded" is 'count(count by (__name__) ({__name__=~"icn:.*"})) >= bool 5' 1
sleep 3

say "names, types and texts of a node's metrics"
curl -fsS "http://${METRICS[north]}/metrics" >"$DIR/metrics.txt"
promtool check metrics <"$DIR/metrics.txt" >"$DIR/lint.txt" 2>&1 || true
# The one name that promtool would have otherwise is the guide's: docs/rationale.md.
allowed='icn_mana_balance_total non-counter metrics should not have "_total" suffix'
[ "$(cat "$DIR/lint.txt")" = "$allowed" ] || { cat "$DIR/lint.txt"; fail "promtool check metrics does not say what it is allowed to: $allowed"; }
echo "$(grep -c '^# TYPE' "$DIR/metrics.txt") metrics, $(grep -vc '^#' "$DIR/metrics.txt") series; promtool objects to the one name that is the guide's"

say "every expression of every panel and rule"
"$DIR/dashboards" ask --prometheus "http://$PROMETHEUS"

say "west is stopped: its alert reaches Alertmanager"
firing() { curl -fsS "http://$ALERTS/api/v2/alerts?filter=alertname%3D$1&filter=node%3D$2" | jq -e 'length == 1'; }
! firing NodeDown west >/dev/null 2>&1 || fail "NodeDown was there before"
kill "${NODE_PID[west]}"
until_ok 60 "NodeDown reaches Alertmanager" firing NodeDown west
until_ok 60 "PeersLost of another node reaches it, too" firing PeersLost north
URL=$(curl -fsS "http://$ALERTS/api/v2/alerts?filter=alertname%3DNodeDown" | jq -r '.[0].annotations.runbook_url')
ANCHOR=${URL##*#}
FILE=$ROOT/${URL#*/blob/main/}; FILE=${FILE%%#*}
grep -qi "^## $ANCHOR\$" "$FILE" || fail "$URL leads nowhere"
echo "$(curl -fsS "http://$ALERTS/api/v2/alerts?filter=alertname%3DNodeDown" | jq -r '.[0].annotations.summary'); see $URL"

say "all of it is as it should be"
