#!/usr/bin/env bash
# Offers jobs to a devnet, several at a time, and tells how long they took from the
# offer to the result: p50, p95, p99. Exit code 1 when one did not complete.
#
#   ./scripts/load_test.sh                 in containers
#   ./scripts/load_test.sh --local         as processes
#   --jobs N       how many (100)
#   --at-once N    how many at a time (4)
#   --nodes N      of how many nodes, where none run yet (3)
#
# A devnet that runs already is used, and left running; else one is started and ended.

# shellcheck disable=SC2034 # LOCAL, MONITORING: read by devnet.sh
set -euo pipefail
# shellcheck source=scripts/devnet.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/devnet.sh"
nodes=3 jobs=${NUM_JOBS:-100} lanes=4
while [ $# -gt 0 ]; do
  case $1 in
    --local) LOCAL=1 ;;
    --jobs) jobs=${2:?--jobs wants a number}; shift ;;
    --at-once) lanes=${2:?--at-once wants a number}; shift ;;
    --nodes) nodes=${2:?--nodes wants a number}; shift ;;
    --down) devnet_down; exit ;;
    --help|-h) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
devnet_tools
devnet_program
work=$(mktemp -d) keep=""
cleanup() {
  local code=$?
  trap - EXIT
  [ -n "$keep" ] || devnet_down >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if devnet_answers 1; then say "using the devnet that runs"; keep=1; nodes=$(grep -c '"did"' "$DEVNET/devnet.json")
else say "starting $nodes nodes"; devnet_up "$nodes"; fi
mapfile -t all < <(letters "$nodes")
module=$(at a dag add -q "$PROGRAM") text=$(at a dag add -q "$TEXT")

# lane runs every lanes-th job, one after the other.
lane() {
  local i began
  for ((i = $1; i < jobs; i += lanes)); do
    began=$(date +%s%N)
    if at "${all[i % nodes]}" mesh run -q "$module" --input "$text" -- "$((i + 1))" >/dev/null 2>>"$work/errors"; then
      echo $((($(date +%s%N) - began) / 1000000)) >> "$work/took.$1"
    else
      echo "$i" >> "$work/failed"
    fi
  done
}
say "$jobs jobs, $lanes at a time"
pids=()
began=$(date +%s%N)
for ((k = 0; k < lanes; k++)); do lane "$k" 9>&- & pids+=($!); done
while :; do
  left=0; for p in "${pids[@]}"; do kill -0 "$p" 2>/dev/null && left=1; done
  [ ! -t 2 ] || printf '\r%d/%d' "$(cat "$work"/took.* 2>/dev/null | wc -l)" "$jobs" >&2
  [ "$left" -eq 1 ] || break
  sleep 1
done
wait "${pids[@]}"
[ ! -t 2 ] || printf '\n' >&2
elapsed=$((($(date +%s%N) - began) / 1000000))
cat "$work"/took.* 2>/dev/null | sort -n > "$work/took"
done_=$(wc -l < "$work/took")
[ "$done_" -gt 0 ] || { tail -3 "$work/errors" >&2; die "no job completed"; }
awk -v ms="$elapsed" '{t[NR]=$1} function p(q,  i) {i=int(NR*q+.999999); return t[i<1?1:i>NR?NR:i]} END {
  printf "%d jobs in %.1f s: %.1f a second; p50 %d ms, p95 %d ms, p99 %d ms, longest %d ms\n", NR, ms/1000, NR*1000/ms, p(.5), p(.95), p(.99), t[NR]}' "$work/took"
[ "$done_" -eq "$jobs" ] || { tail -3 "$work/errors" >&2; die "$((jobs - done_)) of $jobs jobs did not complete"; }
