# shellcheck shell=bash
# A Docker engine of the tests' own: sourced, not run. start_docker starts dockerd
# with its own data, socket and pid file below the cache folder, and sets
# DOCKER_HOST; stop_docker ends it. Images stay in the cache for the next test.
#
#   . "$(dirname "$0")/docker.sh"
#   trap stop_docker EXIT
#   start_docker

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
DOCKERD_RUN=
DOCKERD_PID=

# need_docker fails, or leaves the test out where that is allowed, without the programs.
need_docker() {
  local missing=() p
  for p in docker dockerd docker-compose iptables "$@"; do
    command -v "$p" >/dev/null || missing+=("$p")
  done
  [ "$(id -u)" -eq 0 ] || missing+=("root's rights")
  [ ${#missing[@]} -eq 0 ] && return
  [ -z "${CI:-}" ] || fail "this test needs: ${missing[*]}; run scripts/deploy-tools.sh"
  echo "left out: this test needs ${missing[*]}; run scripts/deploy-tools.sh" >&2
  exit 0
}

# start_docker starts dockerd, unless DOCKER_HOST names one already.
start_docker() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    docker version >/dev/null || fail "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"
    return
  fi
  say "starting a Docker engine"
  mkdir -p "$CACHE/docker"
  # Images have Go's modules in them; a module of its own keeps ./... out of the cache.
  [ -f "$CACHE/go.mod" ] || echo 'module cache' > "$CACHE/go.mod"
  # A socket's path may not be long, so it is not in the cache.
  DOCKERD_RUN=$(mktemp -d /tmp/icn-docker.XXXXXX)
  DOCKER_CONFIG=$DOCKERD_RUN/client
  export DOCKER_CONFIG DOCKER_HOST=unix://$DOCKERD_RUN/docker.sock
  mkdir -p "$DOCKER_CONFIG"
  # Two tests at once would have one data folder: the second waits.
  exec 9>"$CACHE/docker.lock"
  flock -w 3000 9 || fail "another test holds $CACHE/docker.lock"
  dockerd --data-root "$CACHE/docker" --exec-root "$DOCKERD_RUN/exec" -H "$DOCKER_HOST" \
    -p "$DOCKERD_RUN/pid" >"$DOCKERD_RUN/log" 2>&1 9>&- &
  DOCKERD_PID=$!
  poll 60 docker version || { tail -20 "$DOCKERD_RUN/log" >&2; fail "the Docker engine does not start"; }
}

# stop_docker ends what start_docker started, whatever happened before.
stop_docker() {
  [ -n "$DOCKERD_PID" ] || return 0
  docker ps -q | xargs -r docker rm -f -v >/dev/null 2>&1 || true
  docker network prune -f >/dev/null 2>&1 || true
  kill "$DOCKERD_PID" 2>/dev/null || true
  local end=$((SECONDS + 60))
  while kill -0 "$DOCKERD_PID" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do sleep 0.2; done
  kill -9 "$DOCKERD_PID" 2>/dev/null || true
  wait "$DOCKERD_PID" 2>/dev/null || true
  DOCKERD_PID=
  # What containers left mounted there would keep the folder.
  awk -v d="$DOCKERD_RUN/" 'index($2, d) == 1 {print $2}' /proc/mounts | xargs -r umount -l 2>/dev/null || true
  rm -rf --one-file-system "$DOCKERD_RUN" || true
}

# has_image NAME says whether the engine has it.
has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# build_image makes icn-core:latest from Dockerfile; what did not change is taken
# from the cache.
build_image() {
  say "building the image"
  DOCKER_BUILDKIT=0 docker build -q -t icn-core:latest "$ROOT" >"${TMPDIR:-/tmp}/icn-build.$$" 2>&1 || { tail -20 "${TMPDIR:-/tmp}/icn-build.$$" >&2; rm -f "${TMPDIR:-/tmp}/icn-build.$$"; fail "the image is not built"; }
  rm -f "${TMPDIR:-/tmp}/icn-build.$$"
}

# build_image_for ARCH makes icn-core:ARCH as docker buildx build --platform linux/ARCH
# does. Debian's client has BuildKit in it, newer ones want the plugin buildx.
build_image_for() {
  local client=docker log=${TMPDIR:-/tmp}/icn-build.$$
  docker buildx version >/dev/null 2>&1 || client=/usr/bin/docker
  say "building the image for linux/$1"
  DOCKER_BUILDKIT=1 "$client" build --progress plain --platform "linux/$1" -t "icn-core:$1" "$ROOT" >"$log" 2>&1 || { tail -20 "$log" >&2; rm -f "$log"; fail "the image for $1 is not built"; }
  rm -f "$log"
}
