#!/usr/bin/env bash
# The image for arm64 is built to its end, is small, and works: a node in it becomes
# healthy, in an emulator that is laid into the container.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit ;; esac
. "$(dirname "$0")/docker.sh"
need_docker debootstrap jq qemu-aarch64-static
MOST=80000000
cleanup() {
  local code=$?
  trap - EXIT
  [ "$code" -eq 0 ] || [ -z "${node:-}" ] || docker logs --tail 20 "$node" >&2 || true
  stop_docker
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
start_docker
"$ROOT/deploy/test/images.sh" golang
build_image_for arm64
image() { docker image inspect -f "$1" icn-core:arm64; }
size=$(image '{{.Size}}')
say "it has $((size / 1000000)) MB"
[ "$size" -le $MOST ] || fail "the image is larger than $((MOST / 1000000)) MB"
[ "$(image '{{.Os}}/{{.Architecture}} {{.Config.User}}')" = 'linux/arm64 1000' ] || fail "the image is for $(image '{{.Os}}/{{.Architecture}}, user {{.Config.User}}')"

# Nothing in it runs here by itself: each program is given to the emulator.
emulator=(--platform linux/arm64 --read-only --cap-drop ALL --network none -v "$(command -v qemu-aarch64-static):/emulator:ro" --entrypoint /emulator)
for p in icn-node icn-cli; do
  arch=$(docker run --rm "${emulator[@]}" icn-core:arm64 "/usr/local/bin/$p" version --output json | jq -r .arch)
  [ "$arch" = arm64 ] || fail "$p in the image says that it is for $arch"
done
say "a node in it becomes healthy"
node=$(docker run -d "${emulator[@]}" icn-core:arm64 /usr/local/bin/icn-node --test-mode)
docker exec "$node" /emulator /usr/local/bin/icn-cli health --wait 2m
docker stop "$node" >/dev/null
[ "$(docker inspect -f '{{.State.ExitCode}}' "$node")" = 0 ] || fail "the node does not end in order"
node=
say "passed"
