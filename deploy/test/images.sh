#!/usr/bin/env bash
# Makes, from Debian's packages and this machine's Go, images with the names that
# Dockerfile and the compose files ask for, so that these can be tried where no
# image can be pulled. They are for tests: what they hold is Debian's, not what the
# names' owners publish. The engine is the one of DOCKER_HOST.
#
#   deploy/test/images.sh golang postgres redis prometheus alertmanager    (or: all)
set -euo pipefail
. "$(dirname "$0")/docker.sh"
if [ $# -eq 0 ] || [ "$1" = --help ]; then sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0; fi
[ "$1" = all ] && set -- golang postgres redis prometheus alertmanager
WORK=$(mktemp -d /tmp/icn-images.XXXXXX)
# What debootstrap mounts must be gone before anything is removed.
cleanup() {
  local m
  for m in proc sys dev/pts dev; do umount -l "$WORK/base/$m" 2>/dev/null || true; done
  rm -rf --one-file-system "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
BASE=icn-test/base

# base is a minimal Debian, from where this machine gets its own packages.
base() {
  has_image $BASE && return
  say "a minimal Debian (once)"
  local suite from
  suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
  from=$(mirror)
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$WORK/base" "$from" >"$WORK/log" 2>&1 || { tail -5 "$WORK/log" >&2; fail "debootstrap"; }
  rm -rf "$WORK"/base/var/cache/apt/archives/*.deb
  cp /etc/ssl/certs/ca-certificates.crt "$WORK/base/etc/ssl/certs/"
  tar -C "$WORK/base" --one-file-system -c . | docker import - $BASE >/dev/null
  rm -rf --one-file-system "$WORK/base"
}

# build NAME PACKAGE… makes an image; its Dockerfile's last lines come from stdin.
build() {
  local name=$1; shift
  mkdir -p "$WORK/context"
  { echo "FROM $BASE"
    [ $# -eq 0 ] || echo "RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $* >/dev/null && rm -rf /var/lib/apt/lists/*"
    cat; } > "$WORK/context/Dockerfile"
  say "image $name"
  DOCKER_BUILDKIT=0 docker build --network host -q -t "$name" "$WORK/context" >"$WORK/log" 2>&1 || { tail -20 "$WORK/log" >&2; fail "image $name"; }
  rm -rf "$WORK/context"
}

# golang has the modules of go.mod in it: a build there needs no network.
golang() {
  local v; v=$(sed -n 's/^ARG GO_VERSION=//p' "$ROOT/Dockerfile")
  local sum; sum=$(cat "$ROOT/go.mod" "$ROOT/go.sum" | sha256sum | cut -c1-12)
  [ "$(docker image inspect -f '{{index .Config.Labels "modules"}}' "golang:$v" 2>/dev/null)" = "$sum" ] && return
  mkdir -p "$WORK/context/mod"
  (cd "$ROOT" && go mod download && GOPROXY="file://$(go env GOMODCACHE)/cache/download" GOSUMDB=off GOFLAGS=-modcacherw GOMODCACHE="$WORK/context/mod" go mod download)
  tar -C "$(go env GOROOT)" -cf "$WORK/context/go.tar" --exclude=./test --exclude=./pkg/obj .
  build "golang:$v" <<EOF
ADD go.tar /usr/local/go/
COPY mod /go/pkg/mod
ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin GOPATH=/go GOTOOLCHAIN=local GOPROXY=off GOSUMDB=off
LABEL modules=$sum
EOF
}

postgres() {
  has_image postgres:15 && return
  mkdir -p "$WORK/context"
  cat > "$WORK/context/start" <<'EOF'
#!/bin/bash
# Takes the variables that the image of this name is documented to take.
set -euo pipefail
data=${PGDATA:-/var/lib/postgresql/data}
export PATH=/usr/lib/postgresql/15/bin:$PATH
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
user=${POSTGRES_USER:-postgres} db=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
chown postgres:postgres /var/run/postgresql
if [ ! -s "$data/PG_VERSION" ]; then
  chown postgres:postgres "$data"; chmod 700 "$data"
  pw=$(mktemp); printf '%s\n' "${POSTGRES_PASSWORD:?}" > "$pw"; chown postgres "$pw"
  as initdb -D "$data" -U "$user" -A scram-sha-256 --pwfile="$pw" >/dev/null
  rm -f "$pw"
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  as pg_ctl -D "$data" -w -o "-c listen_addresses=" start >/dev/null
  [ "$db" = postgres ] || PGPASSWORD=$POSTGRES_PASSWORD as createdb -U "$user" "$db"
  as pg_ctl -D "$data" -m fast -w stop >/dev/null
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups postgres -D "$data" -c listen_addresses='*' "$@"
EOF
  chmod 755 "$WORK/context/start"
  build postgres:15 postgresql-15 <<'EOF'
COPY start /usr/local/bin/docker-entrypoint.sh
RUN mkdir -p /var/run/postgresql /var/lib/postgresql/data && chown postgres:postgres /var/run/postgresql /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
EOF
}

redis() {
  has_image redis:7 && return
  build redis:7 redis-server <<'EOF'
WORKDIR /data
EXPOSE 6379
CMD ["redis-server", "--protected-mode", "no"]
EOF
}

# tag is the one that the devnet's compose file asks for.
tag() { sed -n "s|^ *image: \"\{0,1\}\($1:[^\" ]*\).*|\1|p" "$ROOT/icn-devnet/docker-compose.yml" | head -1; }

prometheus() {
  local name; name=$(tag prom/prometheus)
  has_image "$name" && return
  build "$name" prometheus <<'EOF'
RUN ln -s /usr/bin/prometheus /usr/bin/promtool /bin/ 2>/dev/null; mkdir -p /prometheus && chown 65534:65534 /prometheus
USER 65534
WORKDIR /prometheus
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
EOF
}

alertmanager() {
  local name; name=$(tag prom/alertmanager)
  has_image "$name" && return
  build "$name" prometheus-alertmanager <<'EOF'
RUN ln -sf /usr/bin/prometheus-alertmanager /usr/bin/alertmanager; mkdir -p /alertmanager && chown 65534:65534 /alertmanager
USER 65534
WORKDIR /alertmanager
VOLUME /alertmanager
EXPOSE 9093
ENTRYPOINT ["/bin/alertmanager"]
CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]
EOF
}

base
for image in "$@"; do
  case $image in
    golang|postgres|redis|prometheus|alertmanager) "$image" ;;
    *) fail "there is no image $image; one of: golang postgres redis prometheus alertmanager" ;;
  esac
done
