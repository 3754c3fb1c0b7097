#!/usr/bin/env bash
# Starts a federation of twenty nodes: the ten of run_10node_devnet.sh, and nodes K to
# T. Where nodes run already, those that are missing are added to them. Prometheus,
# Alertmanager and Grafana come with it.
#
#   ./scripts/deploy_large_federation.sh                in containers
#   ./scripts/deploy_large_federation.sh --local        as processes (without the monitoring)
#   --nodes N          another number of nodes, up to 26
#   --no-monitoring    without Prometheus, Alertmanager and Grafana
#   --jobs N           then offers so many jobs, as run_10node_devnet.sh does
#   --down             ends it and removes all of it
#
# The Compose file that it makes, icn-devnet/docker-compose.large.yml, is never committed.

# shellcheck disable=SC2034 # LOCAL, MONITORING: read by devnet.sh
set -euo pipefail
# shellcheck source=scripts/devnet.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/devnet.sh"
nodes=20 jobs=0 down=
MONITORING=1
while [ $# -gt 0 ]; do
  case $1 in
    --local) LOCAL=1 ;;
    --nodes) nodes=${2:?--nodes wants a number}; shift ;;
    --jobs) jobs=${2:?--jobs wants a number}; shift ;;
    --no-monitoring) MONITORING= ;;
    --down) down=1 ;;
    --help|-h) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
if [ -n "$down" ]; then devnet_down; say "ended and removed"; exit; fi
devnet_tools
ended=
trap '[ -n "$ended" ] || { echo "not all came up; end what did with: scripts/deploy_large_federation.sh ${LOCAL:+--local }--down" >&2; }' EXIT
if ! devnet_answers 1; then
  say "starting nodes A to J"
  devnet_up $((nodes < 10 ? nodes : 10))
fi
if [ "$nodes" -gt 10 ]; then
  say "adding nodes up to $(printf "\\$(printf '%03o' $((64 + nodes)))")"
  devnet_up "$nodes"
fi
ended=1
cli devnet list --to "$DEVNET"
[ -n "$LOCAL" ] || [ -z "$MONITORING" ] || printf '\nPrometheus http://localhost:9090   Grafana http://localhost:3000 (admin / icnfederation)\n'
if [ "$jobs" -gt 0 ]; then
  ICN_DEVNET=$DEVNET NUM_JOBS=$jobs "$ROOT/scripts/run_10node_devnet.sh" ${LOCAL:+--local} --nodes "$nodes"
fi
