# shellcheck shell=bash disable=SC2034,SC1090
# What the devnet's scripts share: sourced, not run. A devnet is a folder made by
# icn-cli devnet generate, and its nodes: containers, or with LOCAL=1 processes.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOCAL=${LOCAL:-}
MONITORING=${MONITORING:-}
BIN=${ICN_BIN:-$ROOT/bin}

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# usage prints the comment at the head of the calling script.
usage() { awk 'NR>1 && /^#/ {sub(/^# ?/, ""); print; next} NR>1 {exit}' "$0"; }

# devnet_dir is where the devnet is: ICN_DEVNET, or by default the one for each way.
devnet_dir() {
  if [ -n "${ICN_DEVNET:-}" ]; then echo "$ICN_DEVNET"
  elif [ -n "$LOCAL" ]; then echo "$ROOT/bin/devnet"
  else echo "$ROOT/icn-devnet"; fi
}

cli() { "$BIN/icn-cli" "$@"; }

# at LETTER … runs icn-cli against that node, for as long as AT_MOST says.
at() {
  local letter=$1 i; shift
  i=$(($(printf '%d' "'$letter") - 97))
  timeout "${AT_MOST:-600}" env ICN_API_URL="http://127.0.0.1:$((HTTP_PORT + i))" ICN_API_KEY="devnet-$letter-key" "$BIN/icn-cli" "$@"
}

letters() { local i; for ((i = 0; i < $1; i++)); do printf "\\$(printf '%03o' $((97 + i)))\n"; done; }

# field NAME FILE: a number or text of devnet.json.
field() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$2" | head -1; }

# devnet_tools builds what the scripts call.
devnet_tools() {
  DEVNET=$(devnet_dir)
  mkdir -p "$DEVNET" "$BIN"
  if [ -z "${ICN_BIN:-}" ]; then
    command -v go >/dev/null || die "Go is needed to build icn-cli; install it, or set ICN_BIN to the folder of the binaries"
    (cd "$ROOT" && CGO_ENABLED=0 go build -o "$BIN/" ./cmd/icn-cli ./cmd/icn-node)
  fi
  if [ -f "$DEVNET/devnet.json" ]; then HTTP_PORT=$(field http_port "$DEVNET/devnet.json"); fi
  HTTP_PORT=${HTTP_PORT:-5001}
}

# program is a WebAssembly program that counts words, and TEXT what it counts.
devnet_program() {
  PROGRAM=$BIN/wordcount.wasm
  TEXT=$ROOT/examples/text/udhr.txt
  [ -f "$PROGRAM" ] && ! command -v go >/dev/null || (cd "$ROOT" && GOOS=wasip1 GOARCH=wasm go build -o "$PROGRAM" ./examples/wordcount)
}

# compose runs either generation of Compose on the devnet's file.
compose() {
  local file=$DEVNET/docker-compose.yml profile=()
  [ -f "$DEVNET/docker-compose.large.yml" ] && file=$DEVNET/docker-compose.large.yml
  [ -n "$MONITORING" ] && profile=(--profile monitoring)
  compose_on "$file" "${profile[@]}" "$@"
}
compose_on() { # FILE …
  if command -v docker-compose >/dev/null; then docker-compose -f "$@"
  elif docker compose version >/dev/null 2>&1; then docker compose -f "$@"
  else die "neither docker-compose nor docker compose is there; install one, or run this with --local"; fi
}

# monitoring_alone runs Compose on what watches nodes that are processes.
monitoring_alone() { ICN_TARGETS=$DEVNET/prometheus/targets-local compose_on "$ROOT/icn-devnet/docker-compose-monitoring.yml" "$@"; }
monitored() { [ -n "$LOCAL" ] && [ -f "$DEVNET/monitored" ]; }

# devnet_up N makes and starts so many nodes, or as many more as there are not yet,
# and waits until they are one federation.
devnet_up() {
  local n=$1
  cli devnet generate --nodes "$n" --to "$DEVNET" --http-port "${HTTP_PORT}" --p2p-port "${P2P_PORT:-4001}" --metrics-port "${METRICS_PORT:-9101}" -q >/dev/null
  if [ -n "$LOCAL" ]; then
    local l; for l in $(letters "$n"); do node_start "$l"; done
  else
    [ "$n" = 3 ] || cli devnet compose --nodes "$n" > "$DEVNET/docker-compose.large.yml"
    if [ -z "${ICN_IMAGE:-}" ]; then
      say "building the image icn-core (the first time takes some minutes)"
      docker build -q -t icn-core:latest "$ROOT" >/dev/null
    fi
    compose up -d ${SERVICES:-}
  fi
  cli devnet wait --to "$DEVNET" --wait "${WAIT:-5m}"
}

running() { [ -f "$DEVNET/nodes/node-$1.pid" ] && kill -0 "$(cat "$DEVNET/nodes/node-$1.pid")" 2>/dev/null; }

# node_start, node_stop, node_kill, node_pause and node_resume do that to one node.
node_start() {
  if [ -z "$LOCAL" ]; then compose up -d --no-deps "icn-node-$1" >/dev/null 2>&1; return; fi
  running "$1" && return
  ( set -a; . "$DEVNET/nodes/node-$1.local.env"; set +a
    exec setsid "$BIN/icn-node" >>"$DEVNET/nodes/node-$1.log" 2>&1 </dev/null 9>&- ) &
  echo $! > "$DEVNET/nodes/node-$1.pid"
  disown # its end is looked at by its pid, and not told by the shell
}
node_signal() { kill "-$1" "$(cat "$DEVNET/nodes/node-$2.pid")"; }
node_gone() { local i; for ((i = 0; i < 300; i++)); do running "$1" || return 0; sleep 0.1; done; return 1; }
node_stop() {
  if [ -z "$LOCAL" ]; then compose stop "icn-node-$1" >/dev/null 2>&1; return; fi
  running "$1" || return 0
  node_signal TERM "$1"; node_gone "$1" || { node_signal KILL "$1"; node_gone "$1"; }
}
node_kill() {
  if [ -z "$LOCAL" ]; then compose kill "icn-node-$1" >/dev/null 2>&1; return; fi
  node_signal KILL "$1"; node_gone "$1"
}
node_pause() { if [ -z "$LOCAL" ]; then compose pause "icn-node-$1" >/dev/null 2>&1; else node_signal STOP "$1"; fi; }
node_resume() { if [ -z "$LOCAL" ]; then compose unpause "icn-node-$1" >/dev/null 2>&1; else node_signal CONT "$1"; fi; }

# devnet_stop ends the nodes and keeps what they have.
devnet_stop() {
  ! monitored || monitoring_alone stop
  if [ -z "$LOCAL" ]; then MONITORING=1 compose stop; return; fi
  local f l
  for f in "$DEVNET"/nodes/node-?.pid; do
    [ -f "$f" ] || continue
    l=${f%.pid}; l=${l: -1}
    running "$l" && node_signal CONT "$l" && node_signal TERM "$l"
  done
  for f in "$DEVNET"/nodes/node-?.pid; do
    [ -f "$f" ] || continue
    l=${f%.pid}; l=${l: -1}
    node_stop "$l"; rm -f "$f"
  done
}

# devnet_down ends the nodes and removes all that was made for them.
devnet_down() {
  DEVNET=$(devnet_dir)
  if [ -z "$LOCAL" ] && [ -f "$DEVNET/.env" ]; then MONITORING=1 compose down -v --remove-orphans; fi
  ! monitored || monitoring_alone down -v
  rm -f "$DEVNET/monitored"
  [ -z "$LOCAL" ] || devnet_stop
  rm -rf "$DEVNET/nodes" "$DEVNET/devnet.json" "$DEVNET/.env" "$DEVNET/docker-compose.large.yml" \
    "$DEVNET/prometheus/targets/nodes.json" "$DEVNET/prometheus/targets-local/nodes.json"
}

# devnet_answers says whether a devnet of at least N nodes is running.
devnet_answers() {
  [ -f "$DEVNET/devnet.json" ] && [ "$(grep -c '"did"' "$DEVNET/devnet.json")" -ge "$1" ] && at a status >/dev/null 2>&1
}
