#!/usr/bin/env bash
# Starts a federation of three nodes on this machine, waits until it is one, and
# prints where its nodes are and which keys they take.
#
#   ./launch_federation.sh                 in containers (Docker and Compose)
#   ./launch_federation.sh --local         as processes, below bin/devnet
#   ./launch_federation.sh --monitoring    with Prometheus, Alertmanager and Grafana
#   ./launch_federation.sh --nodes 5       more nodes; a running devnet grows
#   ./launch_federation.sh --stop          ends it and keeps what it has (with --local, if it was)
#   ./launch_federation.sh --down          ends it and removes all of it
#
# Its keys are not sealed and its API keys can be guessed: it is for trying things out.

# shellcheck disable=SC2034 # LOCAL, MONITORING: read by devnet.sh
set -euo pipefail
# shellcheck source=scripts/devnet.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../scripts/devnet.sh"
nodes=3 do=up
while [ $# -gt 0 ]; do
  case $1 in
    --local) LOCAL=1 ;;
    --monitoring) MONITORING=1 ;;
    --nodes) nodes=${2:?--nodes wants a number}; shift ;;
    --stop|stop) do=stop ;;
    --down|down) do=down ;;
    --help|-h) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
DEVNET=$(devnet_dir)
case $do in
  stop) devnet_stop; say "stopped; ${0##*/} starts it again"; exit ;;
  down) devnet_down; say "ended and removed"; exit ;;
esac
devnet_tools
say "starting $nodes nodes"
devnet_up "$nodes"
if [ -n "$LOCAL" ] && [ -n "$MONITORING" ]; then
  : > "$DEVNET/monitored"
  # shellcheck disable=SC2086 # several names
  monitoring_alone up -d ${SERVICES:-}
fi
echo
cli devnet list --to "$DEVNET"
[ -z "$MONITORING" ] || printf '\nPrometheus http://localhost:9090   Alertmanager http://localhost:9093   Grafana http://localhost:3000 (admin / icnfederation)\n'
cat <<EOF

Try, for example:
  export ICN_API_URL=http://127.0.0.1:$HTTP_PORT ICN_API_KEY=devnet-a-key
  bin/icn-cli federation status
  bin/icn-cli mesh run PROGRAM.wasm --input FILE
End it with: icn-devnet/launch_federation.sh ${LOCAL:+--local }--down
EOF
