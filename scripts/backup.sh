#!/usr/bin/env bash
# Backs up a node that keeps its data in PostgreSQL: content and log, database, and
# identity, into files that recover.sh takes. For cron or a systemd timer.
set -euo pipefail
umask 077

usage() {
  cat <<'EOF'
backup.sh: back up a running node with its PostgreSQL database and its identity

  BACKUP_DIR     where the files go (default /backups/icn)
  ICN_DATABASE   the node's database (default icn_production; PGHOST, PGUSER, … say where)
  ICN_IDENTITY   folder of the node's sealed key (default /secrets/identity)
  KEEP_DAYS      older files are removed (default 30)

icn-cli finds the node by ICN_API_URL and ICN_API_KEY. The last line names what was made;
the links *-latest.* lead to it. Nothing older is removed unless everything went well.
EOF
}
case "${1:-}" in
  "") ;;
  -h|--help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

BACKUP_DIR=${BACKUP_DIR:-/backups/icn}
ICN_DATABASE=${ICN_DATABASE:-icn_production}
ICN_IDENTITY=${ICN_IDENTITY:-/secrets/identity}
KEEP_DAYS=${KEEP_DAYS:-30}
DATE=$(date +%Y%m%d_%H%M%S)

# Create backup directory
mkdir -p "$BACKUP_DIR"
parts=("$BACKUP_DIR/dag-$DATE.tar.gz" "$BACKUP_DIR/db-$DATE.sql.gz" "$BACKUP_DIR/identity-$DATE.tar.gz")
for part in "${parts[@]}"; do
  [ ! -e "$part" ] || { echo "backup.sh: $part is there already; try again in a second" >&2; exit 1; }
done
whole=no
trap '[ "$whole" = yes ] || rm -f "${parts[@]}" "${parts[@]/%/.part}"' EXIT

# DAG backup. It comes first: the database, copied after it, then holds all that is in
# it, and restoring it proves that.
icn-cli -q dag backup --output "${parts[0]}"

# Database backup, in one transaction
pg_dump "$ICN_DATABASE" | gzip > "${parts[1]}.part"
gzip -t "${parts[1]}.part"
mv "${parts[1]}.part" "${parts[1]}"

# Identity keys backup (encrypted): what a thief could use does not go in
for key in "$ICN_IDENTITY"/*.key "$ICN_IDENTITY"/*.key.enc; do
  [ -e "$key" ] || continue
  if ! grep -q 'age-encryption.org' "$key"; then
    echo "backup.sh: $key is not sealed, so it is not backed up; seal it first: icn-cli keys seal $key" >&2
    exit 1
  fi
done
tar -czf "${parts[2]}.part" -C "$(dirname "$ICN_IDENTITY")" "$(basename "$ICN_IDENTITY")"
mv "${parts[2]}.part" "${parts[2]}"

whole=yes
ln -sfn "dag-$DATE.tar.gz" "$BACKUP_DIR/dag-latest.tar.gz"
ln -sfn "db-$DATE.sql.gz" "$BACKUP_DIR/icn-db-latest.sql.gz"
ln -sfn "identity-$DATE.tar.gz" "$BACKUP_DIR/identity-latest.tar.gz"

# Cleanup old backups (keep last 30 days)
find "$BACKUP_DIR" -type f \( -name 'dag-*.tar.gz' -o -name 'db-*.sql.gz' -o -name 'identity-*.tar.gz' \) -mtime "+$KEEP_DAYS" -delete
echo "${parts[*]}"
