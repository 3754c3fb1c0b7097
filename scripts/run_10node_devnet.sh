#!/usr/bin/env bash
# Starts ten nodes, offers jobs through all of them, and waits until each has run.
# Prints who ran how many and what they cost; exit code 1 unless all completed.
#
#   NUM_JOBS=50 ./scripts/run_10node_devnet.sh          in containers
#   NUM_JOBS=50 ./scripts/run_10node_devnet.sh --local  as processes
#
#   --nodes N    another number of nodes
#   --keep       leave the nodes running; --down ends them later
#   --down       end them and remove all of it
#
# Nodes that run already are used, and left running.

# shellcheck disable=SC2034 # LOCAL, MONITORING: read by devnet.sh
set -euo pipefail
# shellcheck source=scripts/devnet.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/devnet.sh"
nodes=10 keep="" jobs=${NUM_JOBS:-50}
while [ $# -gt 0 ]; do
  case $1 in
    --local) LOCAL=1 ;;
    --nodes) nodes=${2:?--nodes wants a number}; shift ;;
    --keep) keep=1 ;;
    --down) devnet_down; exit ;;
    --help|-h) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
devnet_tools
devnet_program
work=$(mktemp -d)
cleanup() {
  local code=$?
  trap - EXIT
  rm -rf "$work"
  [ -n "$keep" ] || devnet_down >/dev/null 2>&1 || true
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if devnet_answers "$nodes"; then say "using the devnet that runs"; keep=1; cli devnet wait --to "$DEVNET"
else say "starting $nodes nodes"; devnet_up "$nodes"; fi

say "offering $jobs jobs, through each node in turn"
mapfile -t all < <(letters "$nodes")
module=$(at a dag add -q "$PROGRAM") text=$(at a dag add -q "$TEXT")
for ((i = 0; i < jobs; i++)); do
  # The argument makes each a job of its own: the same one twice would be one.
  at "${all[i % nodes]}" mesh submit -q --module "$module" --input "$text" -- "$((i + 1))" >> "$work/jobs" \
    || die "job $((i + 1)) is not accepted by node-${all[i % nodes]}"
done
say "waiting for them"
while read -r job; do
  at a mesh status "$job" --wait 5m >> "$work/ended" || die "job $job: see above"
done < "$work/jobs"

done_=$(grep -c '^State *completed' "$work/ended" || true)
echo
awk -F'"' '/"name"/ {n=$4} /"did"/ {print $4, n}' "$DEVNET/devnet.json" > "$work/names"
awk 'NR==FNR {name[$1]=$2; next} $1=="Executor" {ran[$2 in name ? name[$2] : $2]++} END {for (n in ran) printf "%-8s ran %3d\n", n, ran[n]}' "$work/names" "$work/ended" | sort
awk '$1=="Burnt" {gsub(",", "", $2); b+=$2} $1=="Minted" {gsub(",", "", $2); m+=$2} END {printf "\ncapacity spent by those who offered: %d; earned by those who ran: %d\n", b, m}' "$work/ended"
printf '%d/%d jobs completed\n' "$done_" "$jobs"
[ "$done_" -eq "$jobs" ] || { grep '^State' "$work/ended" | sort | uniq -c >&2; exit 1; }
cli devnet wait --to "$DEVNET"
