# shellcheck shell=bash
# Machines for the tests: a small Debian in a folder, entered by chroot, or booted with
# its own systemd in a container that has no network but what a test gives it. Sourced.
#
#   new_machine NAME       $work/NAME is a clean Debian
#   inside NAME COMMAND…   run there, without systemd
#   boot NAME              start its systemd; wait until it is up
#   at NAME COMMAND…       run there, in the booted machine
#   halt NAME
#
# The test sets work=… to a folder of its own, and calls end_machines at its exit.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
machines=() # NAME that may have something mounted
declare -A keeper=() leader=()

as_root() { [ "$(id -u)" -eq 0 ] || fail "this test makes machines in folders: run it as root"; }

new_machine() {
  local tar=$CACHE/debian-machine-2.tar dir=$work/$1 from
  if [ ! -f "$tar" ]; then
    from=$(mirror)
    say "a small Debian is made, once ($tar)"
    mkdir -p "$CACHE"
    rm -rf "$tar.dir"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3,python3-apt,man-db,ca-certificates,openssl,nftables \
      "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$tar.dir" "$from" > "$tar.log" 2>&1 || { tail -5 "$tar.log" >&2; fail "debootstrap, see $tar.log"; }
    rm -f "$tar.dir"/var/cache/apt/archives/*.deb
    tar -C "$tar.dir" -cf "$tar.new" .
    mv "$tar.new" "$tar"
    rm -rf "$tar.dir"
  fi
  mkdir -p "$dir"
  tar -C "$dir" -xf "$tar"
  echo "$1" > "$dir/etc/hostname"
  printf '127.0.0.1 localhost %s\n' "$1" > "$dir/etc/hosts"
  machines+=("$1")
}

# A command there sees nothing of this machine's environment.
clean=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive TERM=dumb)

inside() {
  local dir=$work/$1
  shift
  mountpoint -q "$dir/proc" || mount -t proc proc "$dir/proc"
  mountpoint -q "$dir/dev" || mount --rbind --make-rslave /dev "$dir/dev"
  chroot "$dir" "${clean[@]}" "$@"
}

leave() {
  local m
  for m in dev proc; do
    if mountpoint -q "$work/$1/$m"; then umount -R "$work/$1/$m" || umount -Rl "$work/$1/$m"; fi
  done
}

boot() { # NAME [OPTION OF systemd-nspawn…]
  local name=$1
  shift
  leave "$name"
  systemd-nspawn --quiet --boot --register=no --keep-unit --machine="$name" --directory="$work/$name" "${@:---private-network}" \
    < /dev/null > "$work/$name.console" 2>&1 &
  keeper[$name]=$!
  poll 60 first_process "$name" || { tail -5 "$work/$name.console" >&2; fail "$name does not boot (systemd-nspawn)"; }
  leader[$name]=$(first_process "$name")
  poll 120 is_up "$name" || { tail -20 "$work/$name.console" >&2; fail "$name does not come up"; }
}
first_process() {
  local p
  kill -0 "${keeper[$1]}" || return 1
  p=$(pgrep -P "${keeper[$1]}" | head -1)
  [ -n "$p" ] && [ "$(cat "/proc/$p/comm")" = systemd ] && echo "$p"
}
is_up() { case $(at "$1" systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac }

at() {
  local p=${leader[$1]}
  shift
  nsenter -t "$p" -m -u -i -n -p -C -r -w "${clean[@]}" "$@"
}

halt() {
  [ -n "${keeper[$1]:-}" ] || return 0
  kill -TERM "${keeper[$1]}" 2>/dev/null || true # nspawn powers the machine off
  for _ in $(seq 100); do
    kill -0 "${keeper[$1]}" 2>/dev/null || break
    sleep 0.2
  done
  kill -KILL "${keeper[$1]}" 2>/dev/null || true
  wait "${keeper[$1]}" 2>/dev/null || true
  unset "keeper[$1]" "leader[$1]"
}

end_machines() {
  local m
  for m in "${machines[@]}"; do
    halt "$m"
    leave "$m"
    if grep -q " $work/$m/" /proc/mounts; then
      echo "something is still mounted below $work/$m; it is left there" >&2
      return 1
    fi
  done
  rm -rf "$work"
}
