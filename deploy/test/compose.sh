#!/usr/bin/env bash
# The node of docker-compose.yml with PostgreSQL, Redis and secrets: it becomes
# healthy, answers over TLS, keeps what it was given when it is restarted, has it in
# the database and in the cache, and shows its secrets to nobody.
set -euo pipefail
. "$(dirname "$0")/docker.sh"
need_docker debootstrap curl openssl
WORK=$(mktemp -d /tmp/icn-compose-test.XXXXXX)
export COMPOSE_PROJECT_NAME=icn-compose-test ICN_IMAGE=icn-core:latest
compose() { (cd "$WORK" && docker-compose "$@"); }
cleanup() {
  local code=$?
  trap - EXIT
  [ "$code" -eq 0 ] || compose logs --tail 30 2>&1 | tail -90 >&2 || true
  compose down -v --remove-orphans >/dev/null 2>&1 || true
  stop_docker
  rm -rf "$WORK"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
start_docker
"$ROOT/deploy/test/images.sh" golang postgres redis
build_image
(cd "$ROOT" && CGO_ENABLED=0 go build -o bin/ ./cmd/icn-cli)
cp "$ROOT/docker-compose.yml" "$WORK/"
ICN_HTTP_PORT=$(free_port) ICN_P2P_PORT=$(free_port)
export ICN_HTTP_PORT ICN_P2P_PORT

say "secrets are made, and not made again"
chmod 755 "$WORK"
"$ROOT/scripts/make-secrets.sh" --to "$WORK/secrets" >/dev/null
before=$(cat "$WORK"/secrets/*.txt | sha256sum)
"$ROOT/scripts/make-secrets.sh" --to "$WORK/secrets" 2>/dev/null && fail "they were made a second time"
[ "$before" = "$(cat "$WORK"/secrets/*.txt | sha256sum)" ] || fail "the refusal changed them"

say "up"
out=$(compose config 2>&1 >/dev/null); [ -z "$out" ] || fail "docker-compose config says: $out"
compose up -d >"$WORK/up.log" 2>&1 || { tail -20 "$WORK/up.log" >&2; fail "docker-compose up"; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(compose ps -q icn-node)")" = healthy ]; }
poll 180 healthy || fail "the image's health check is not content"
url=https://localhost:$ICN_HTTP_PORT
say "/health over TLS: $(curl -sf --cacert "$WORK/secrets/tls/cert.pem" "$url/health" | cut -c1-80)"
curl -s "$url/health" >/dev/null 2>&1 && fail "a certificate that nobody signed is trusted without --cacert"

cli() { "$ROOT/bin/icn-cli" --api-url "$url" --ca-cert "$WORK/secrets/tls/cert.pem" --api-key "$(cat "$WORK/secrets/api_key.txt")" "$@"; }
say "a block survives docker-compose restart icn-node"
"$ROOT/bin/icn-cli" --api-url "$url" --ca-cert "$WORK/secrets/tls/cert.pem" dag add "$ROOT/README.md" >/dev/null 2>&1 && fail "the node takes content without the API key"
cid=$(cli dag add -q "$ROOT/README.md")
did=$(cli info --output json | grep -o '"did": *"[^"]*"')
started=$(docker inspect -f '{{.State.StartedAt}}' "$(compose ps -q icn-node)")
compose restart icn-node >/dev/null 2>&1
[ "$started" != "$(docker inspect -f '{{.State.StartedAt}}' "$(compose ps -q icn-node)")" ] || fail "it was not restarted"
cli health --wait 2m >/dev/null
cli dag cat "$cid" | cmp - "$ROOT/README.md" || fail "the block came back changed"
[ "$did" = "$(cli info --output json | grep -o '"did": *"[^"]*"')" ] || fail "the node has another key now"

say "it lies in PostgreSQL, and in Redis"
tables=$(compose exec -T postgres psql -h /var/run/postgresql -U icn_prod_user -d icn_production -Atc "select coalesce(sum(n_live_tup),0) from pg_stat_user_tables" 2>/dev/null || compose exec -T -e PGPASSWORD="$(cat "$WORK/secrets/db_password.txt")" postgres psql -h 127.0.0.1 -U icn_prod_user -d icn_production -Atc "select count(*) from pg_tables where schemaname='public'")
[ "$tables" -gt 0 ] || fail "the database is empty"
[ "$(compose exec -T redis redis-cli dbsize | tr -dc 0-9)" -gt 0 ] || fail "the cache is empty"

say "secrets are in no variable, label or log"
for id in $(compose ps -q); do docker inspect "$id"; docker logs "$id" 2>&1; done > "$WORK/all"
for f in api_key key_passphrase db_password; do
  ! grep -qF "$(cat "$WORK/secrets/$f.txt")" "$WORK/all" || fail "$f can be read by whoever may ask the engine"
done
node=$(compose ps -q icn-node)
[ "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.Config.User}}' "$node")" = "true 1000" ] || fail "the node's root is not read-only, or it is not user 1000"
say "passed"
