# shellcheck shell=bash disable=SC2034
# What the tests of deployments share; sourced, not run.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${ICN_TEST_CACHE:-$ROOT/bin/cache}

say() { printf '== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# poll SECONDS COMMAND…: waits until the command succeeds; fails if it does not.
poll() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.3
  done
}

# mirror prints the Debian mirror that this machine installs from.
mirror() {
  local from
  from=$({ awk '/^URIs:/ { print $2 }' /etc/apt/sources.list.d/*.sources
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+:\/\//) { print $i; break } }' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    true # one of these is often not there
  } 2>/dev/null | sed -n 1p)
  [ -n "$from" ] || fail "no Debian mirror stands in /etc/apt"
  echo "$from"
}

# free_port prints a port of this machine that nobody listens on.
free_port() { free_block 1; }

# free_block N prints the first of N such ports in a row.
free_block() {
  local first p
  for _ in $(seq 50); do
    first=$((20000 + 100 * (RANDOM % 120) + (100 - $1) * RANDOM / 32768))
    for ((p = first; p < first + $1; p++)); do
      (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && continue 2
    done
    echo "$first"
    return
  done
  fail "no $1 free ports in a row were found"
}
