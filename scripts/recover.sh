#!/usr/bin/env bash
# Brings back what backup.sh has saved, on a machine that has lost everything: the
# steps of docs/disaster-recovery.md, one after the other.
set -euo pipefail
umask 077

usage() {
  cat <<'EOF'
recover.sh database | identity | content

  database   the database, under its name; one of that name that is there is kept, renamed
  identity   the node's sealed key
  content    asks the running node to take in what it misses, and checks every byte

Do them in this order, and start the node before the last one. The variables are those of
backup.sh: BACKUP_DIR, ICN_DATABASE, ICN_IDENTITY.
EOF
}
BACKUP_DIR=${BACKUP_DIR:-/backups/icn}
ICN_DATABASE=${ICN_DATABASE:-icn_production}
ICN_IDENTITY=${ICN_IDENTITY:-/secrets/identity}

database() {
  local new=${ICN_DATABASE}_new
  # A copy that is cut off is seen before anything is made of it.
  gzip -t "$BACKUP_DIR/icn-db-latest.sql.gz"
  createdb "$new"
  gunzip -c "$BACKUP_DIR/icn-db-latest.sql.gz" | psql -q -v ON_ERROR_STOP=1 --single-transaction "$new" >/dev/null || {
    dropdb "$new"
    echo "recover.sh: the database's copy cannot be read in; nothing was changed. The content alone brings everything back, too: docs/disaster-recovery.md" >&2
    exit 1
  }
  if psql -lqtA | cut -d'|' -f1 | grep -qx "$ICN_DATABASE"; then
    local old
    old=${ICN_DATABASE}_before_$(date +%Y%m%d%H%M%S)
    psql -q -v ON_ERROR_STOP=1 -c "ALTER DATABASE \"$ICN_DATABASE\" RENAME TO \"$old\"" "$new"
    echo "the database that was there is called $old now"
  fi
  psql -q -v ON_ERROR_STOP=1 -c "ALTER DATABASE \"$new\" RENAME TO \"$ICN_DATABASE\"" postgres
  echo "database $ICN_DATABASE is back"
}

identity() {
  if [ -e "$ICN_IDENTITY" ] && [ -n "$(ls -A "$ICN_IDENTITY")" ]; then
    echo "recover.sh: $ICN_IDENTITY is not empty; move what is there away first" >&2
    exit 1
  fi
  mkdir -p "$(dirname "$ICN_IDENTITY")"
  tar -xzf "$BACKUP_DIR/identity-latest.tar.gz" -C "$(dirname "$ICN_IDENTITY")"
  chmod 600 "$ICN_IDENTITY"/*
  echo "the node's key is back in $ICN_IDENTITY"
}

content() {
  icn-cli -q dag restore --input "$BACKUP_DIR/dag-latest.tar.gz"
  icn-cli dag verify --deep
}

case "${1:-}" in
  database|identity|content) [ $# -eq 1 ] || { usage >&2; exit 2; }; "$1" ;;
  -h|--help) usage ;;
  *) usage >&2; exit 2 ;;
esac
