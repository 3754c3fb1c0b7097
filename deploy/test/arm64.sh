#!/usr/bin/env bash
# What is built for arm64 is run, in an emulator: a node is made and started, runs a
# job, and has everything after a restart. A node of this machine's own joins it, runs
# that job again to the same bytes and the same gas, and both run one job and agree.
set -euo pipefail
case ${1:-} in
-h | --help)
  echo 'deploy/test/arm64.sh [DEB]: runs the programs for arm64 in qemu-aarch64-static.'
  echo '  DEB   the package with them (default: they are built)'
  exit 0 ;;
esac
. "$(dirname "$0")/common.sh"
"$ROOT/scripts/deploy-tools.sh"
work=$(mktemp -d)
declare -A pid=()
# stop NODE ends it in order; it must have done so within a minute.
stop() {
  local p=${pid[$1]:-}
  [ -n "$p" ] || return 0
  unset "pid[$1]"
  kill -TERM "$p" 2>/dev/null || true
  if ! poll 60 gone "$p"; then kill -KILL "$p" 2>/dev/null || true; fi
  wait "$p"
}
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '{ print $3 }' "/proc/$1/stat")" = Z ]; }
cleanup() {
  local code=$? node
  trap - EXIT
  for node in arm here; do
    stop "$node" 2>/dev/null || true
    if [ "$code" -ne 0 ] && [ -f "$work/$node.log" ]; then tail -n 15 "$work/$node.log" >&2; fi
  done
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$work/programs" "$work/native"
if [ -n "${1:-}" ]; then
  dpkg-deb -x "$1" "$work/deb"
  mv "$work"/deb/usr/bin/* "$work/programs/"
else
  say "the programs are built for arm64"
  (cd "$ROOT" && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -o "$work/programs/" ./cmd/icn-node ./cmd/icn-cli ./cmd/icn-verify)
fi
(cd "$ROOT" && CGO_ENABLED=0 go build -o "$work/native/" ./cmd/icn-node ./cmd/icn-cli)
(cd "$ROOT" && CGO_ENABLED=0 GOOS=wasip1 GOARCH=wasm go build -o "$work/wordcount.wasm" ./examples/wordcount)
text=$ROOT/examples/text/udhr.txt
emulated() { local p=$1; shift; qemu-aarch64-static "$work/programs/$p" "$@"; }
cli() { # NODE COMMAND…: the program of this machine, against that node
  local node=$1
  shift
  ICN_API_KEY=$(cat "$work/$node/secrets/api-key") "$work/native/icn-cli" --quiet --api-url "@$work/$node/addr" "$@"
}
field() { jq -er "$@"; }

say "the programs are for arm64, and start"
for p in icn-node icn-cli icn-verify; do
  # e_machine of the ELF header: 183 is AArch64.
  [ "$(od -An -tu2 -j18 -N2 "$work/programs/$p" | tr -d ' ')" = 183 ] || fail "$p is not for arm64"
done
for p in icn-node icn-cli; do
  [ "$(emulated "$p" version --output json | field .arch)" = arm64 ] || fail "$p does not say that it is for arm64"
done
emulated icn-verify "$ROOT/proof/testdata/receipt.icn" > "$work/said" 2>&1 || { cat "$work/said"; fail "icn-verify does not find the receipt in order"; }

# node NAME ARGUMENTS…: icn-node, of the one kind or of the other.
node() {
  local name=$1
  shift
  case $name in
  arm) exec qemu-aarch64-static "$work/programs/icn-node" "$@" ;;
  here) exec "$work/native/icn-node" "$@" ;;
  esac
}
# init NAME FLAG…: makes its folder.
init() {
  local name=$1
  shift
  (node "$name" init --yes --dir "$work/$name" --node-name "$name" --http-listen-addr 127.0.0.1:0 --p2p-listen-addr /ip4/127.0.0.1/tcp/0 "$@") > "$work/said" 2>&1 ||
    { cat "$work/said"; fail "icn-node init"; }
}
# begin NAME: starts it, and waits until it serves.
begin() {
  rm -f "$work/$1/addr"
  (set -a; . "$work/$1/node.env"; node "$1" --config "$work/$1/config.toml" --addr-file "$work/$1/addr") >> "$work/$1.log" 2>&1 &
  pid[$1]=$!
  poll 120 test -s "$work/$1/addr" || fail "the node $1 does not start"
  cli "$1" health --wait 120s > "$work/said" || { cat "$work/said"; fail "the node $1 is not ready"; }
}

say "a node is made and started in the emulator"
init arm --federation-name "two kinds"
begin arm
did=$(cli arm info --output json | field .did)

# The emulator compiles the program some ten times slower than a machine would.
run=(mesh run "$work/wordcount.wasm" --input "$text" --wall-ms 600000)
say "it runs a job that this machine's icn-cli hands in"
began=$SECONDS
cli arm "${run[@]}" > "$work/counted" || fail "the job is not done"
job=$(cli arm mesh jobs --output json | field '.jobs[0].job_id')
cid=$(cli arm dag add "$ROOT/README.md")
cli arm mesh receipt "$job" --output json > "$work/receipt.json"
"$work/native/icn-cli" mesh receipt --file "$work/receipt.json" --verify > /dev/null || fail "its receipt is not in order"
echo "   done after $((SECONDS - began)) s"

say "restarted, it is the same node, and has what it had"
stop arm || fail "the node does not end in order"
begin arm
[ "$(cli arm info --output json | field .did)" = "$did" ] || fail "the restarted node is another one"
cli arm dag cat "$cid" | cmp - "$ROOT/README.md" || fail "a block is lost or changed"
cli arm mesh receipt "$job" --output json > "$work/again.json" || fail "the receipt is lost"

say "a node of this machine's own joins it, runs the job again, and finds the same"
init here --join-code "$(cli arm federation invite --output json | field .code)" --bootstrap-peers "$(sed -n 's/^P2P //p' "$work/arm/addr" | grep -m1 /tcp/)"
begin here
cli here mesh audit "$job" --output json > "$work/audit.json" || { cat "$work/audit.json"; fail "the audit finds another result"; }
[ "$(field .result < "$work/audit.json")" = match ] || { cat "$work/audit.json"; fail "the audit does not say match"; }
echo "   there: $(jq -c '[.claimed_result, .claimed_gas]' "$work/audit.json")"
echo "   here:  $(jq -c '[.found_result, .found_gas]' "$work/audit.json")"

say "one job on both: they agree"
cli here "${run[@]}" --copies 2 --agree 2 > "$work/both" || fail "the two do not come to one result"
cmp "$work/counted" "$work/both" || fail "the output is another one"
stop here || fail "this machine's node does not end in order"
stop arm || fail "the node does not end in order"
say "arm64: everything holds"
