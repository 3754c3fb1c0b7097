#!/usr/bin/env bash
# Kills, pauses and restarts nodes of a devnet, one after the other, while jobs are
# offered and content is stored. At the end every job that was accepted must have
# ended, every stored block must be readable through another node, and all nodes must
# have the same log and state.
#
#   ./scripts/chaos_test.sh               in containers
#   ./scripts/chaos_test.sh --local       as processes
#   --scenario kill|pause|stop|all        what is done to nodes (all)
#   --rounds N                            how often (6)
#   --nodes N                             of how many nodes, at least 3 (3)
#
# A devnet that runs already is used, and left running; else one is started and ended.

# shellcheck disable=SC2034 # LOCAL, MONITORING: read by devnet.sh
set -euo pipefail
# shellcheck source=scripts/devnet.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/devnet.sh"
nodes=3 rounds=6 scenario=all
while [ $# -gt 0 ]; do
  case $1 in
    --local) LOCAL=1 ;;
    --nodes) nodes=${2:?--nodes wants a number}; shift ;;
    --rounds) rounds=${2:?--rounds wants a number}; shift ;;
    --scenario) scenario=${2:?--scenario wants a name}; shift ;;
    --down) devnet_down; exit ;;
    --help|-h) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
case $scenario in kill|pause|stop|all) ;; *) die "--scenario is kill, pause, stop or all, not $scenario" ;; esac
[ "$nodes" -ge 3 ] || die "with fewer than three nodes none may be missing; use --nodes 3"
devnet_tools
devnet_program
work=$(mktemp -d) keep="" feeder=""
cleanup() {
  local code=$?
  trap - EXIT
  [ -z "$feeder" ] || kill "$feeder" 2>/dev/null || true
  [ -n "$keep" ] || devnet_down >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if devnet_answers "$nodes"; then say "using the devnet that runs"; keep=1; cli devnet wait --to "$DEVNET"
else say "starting $nodes nodes"; devnet_up "$nodes"; fi
mapfile -t all < <(letters "$nodes")
module=$(at a dag add -q "$PROGRAM") text=$(at a dag add -q "$TEXT")

# feed offers jobs and stores blocks until it is told to end. What is written to the
# lists was acknowledged by a node; what was refused or cut off is nobody's promise.
feed() {
  local i=0 l id
  # shellcheck disable=SC2034 # read by at
  local AT_MOST=20
  while [ ! -e "$work/enough" ]; do
    i=$((i + 1)) l=${all[RANDOM % nodes]}
    if id=$(at "$l" mesh submit -q --module "$module" --input "$text" -- "$i" 2>>"$work/refused"); then echo "$id" >> "$work/jobs"; fi
    echo "block $i of this run, $RANDOM$RANDOM" > "$work/block"
    if id=$(at "$l" dag add -q "$work/block" 2>>"$work/refused"); then echo "$l $id $(sha256sum < "$work/block" | cut -d' ' -f1)" >> "$work/blocks"; fi
    sleep "${FEED_PAUSE:-0.3}"
  done
}
: > "$work/jobs"; : > "$work/blocks"; : > "$work/refused"
feed 9>&- &
feeder=$!
ways=(kill pause stop)
for ((r = 0; r < rounds; r++)); do
  victim=${all[RANDOM % nodes]} way=$scenario
  [ "$way" != all ] || way=${ways[r % 3]}
  before=$(wc -l < "$work/jobs")
  say "round $((r + 1)) of $rounds: $way node-$victim"
  "node_$way" "$victim"
  # It is missed for as long as it takes the others to accept five more jobs.
  for ((i = 0; i < 600 && $(wc -l < "$work/jobs") < before + 5; i++)); do sleep 0.1; done
  [ "$(wc -l < "$work/jobs")" -ge $((before + 5)) ] || { tail -3 "$work/refused" >&2; die "without node-$victim the others accept nothing"; }
  if [ "$way" = pause ]; then node_resume "$victim"; else node_start "$victim"; fi
  for ((i = 0; i < 600; i++)); do at "$victim" health >/dev/null 2>&1 && break; sleep 0.1; done
done
touch "$work/enough"
wait "$feeder" 2>/dev/null || true
feeder=""
say "all nodes are back; looking at what was acknowledged"
cli devnet wait --to "$DEVNET"
while read -r job; do at a mesh status "$job" --wait 5m >> "$work/ended" || die "job $job was accepted, and is not known"; done < "$work/jobs"
jobs=$(wc -l < "$work/jobs") completed=$(grep -c '^State *completed' "$work/ended" || true) back=$(grep -c '^State *rolled back\|^State *rolled_back' "$work/ended" || true)
[ $((completed + back)) -eq "$jobs" ] || { grep '^State' "$work/ended" | sort | uniq -c >&2; die "a job that was accepted has not ended"; }
while read -r l id sum; do
  other=a; [ "$l" != a ] || other=b
  [ "$(at "$other" dag cat "$id" | sha256sum | cut -d' ' -f1)" = "$sum" ] || die "block $id was stored by node-$l, and node-$other cannot read it"
done < "$work/blocks"
cli devnet wait --to "$DEVNET"
printf '%d jobs accepted: %d completed, %d rolled back (their capacity restored), 0 lost; %d of %d blocks readable; %d calls refused meanwhile\n' \
  "$jobs" "$completed" "$back" "$(wc -l < "$work/blocks")" "$(wc -l < "$work/blocks")" "$(grep -c . "$work/refused" || true)"
