# A node on PostgreSQL is lost with everything that it had, and comes back from what
# scripts/backup.sh has saved. The programs are on the PATH, PGHOST, PGPORT and PGUSER
# lead to a server of the test's own; $1 is the folder of the scripts.
set -euo pipefail
scripts=$1
export BACKUP_DIR=$PWD/backups/icn ICN_IDENTITY=$PWD/secrets/identity ICN_DATABASE=icn_lost
export ICN_API_KEY=a-key-for-the-test ICN_KEY_PASSPHRASE='as long as it is secret' ICN_API_URL=@node.addr
trap 'kill -9 ${pid:-} 2>/dev/null || true' EXIT
start() {
  rm -f node.addr
  icn-node --storage-backend postgresql --db-url "postgresql://$PGUSER@$PGHOST:$PGPORT/$ICN_DATABASE" --http-listen-addr 127.0.0.1:0 \
    --key-path "$ICN_IDENTITY/node.key" --addr-file node.addr >> node.log 2>&1 & pid=$!
  icn-cli -q health --wait 60s > health.out
}
facts() { icn-cli --output json status | grep -o '"\(did\|network\|height\|state_root\|tree_root\|balance\|held\)": [^,]*' | sort; }

height() { icn-cli --output json status | grep -o '"height": [0-9]*'; }
# Until nothing more is ordered: what follows a job can come a moment after it.
rest() {
  local at
  for _ in $(seq 30); do
    at=$(height)
    sleep 2
    [ "$at" != "$(height)" ] || return 0
  done
  echo "the log does not come to rest" >&2
  return 1
}
# The database says who works in it; who was killed is forgotten after some seconds.
stopped() {
  local out
  for _ in $(seq 30); do
    if out=$(icn-cli "$@" 2>stopped.err); then
      printf '%s\n' "$out"
      return 0
    fi
    grep -q 'another icn-node uses it' stopped.err || break
    sleep 1
  done
  cat stopped.err >&2
  return 1
}

mkdir -p secrets/identity
createdb $ICN_DATABASE
start
printf 'what we decided' > minutes.txt
file=$(icn-cli -q dag add minutes.txt)
for word in one two three; do icn-cli -q mesh run tiny.wasm --input minutes.txt | grep -q 'WHAT WE DECIDED'; done
icn-cli -q load puts --count 500 > load.out
icn-cli -q federation status > federation.before
rest
facts > before
cat before

! "$scripts/backup.sh" nonsense 2> usage.out
grep -q BACKUP_DIR usage.out
"$scripts/backup.sh"
test "$(find backups/icn -type f | wc -l)" = 3

# A key that a thief could use does not go into a backup, and nothing half is left.
cp "$ICN_IDENTITY/node.key" sealed.key
sleep 1.1 # backups are named by the second
printf 'not sealed at all' > "$ICN_IDENTITY/node.key"
! "$scripts/backup.sh" 2> refused
grep -q 'icn-cli keys seal' refused
test "$(find backups/icn -type f | wc -l)" = 3
cp sealed.key "$ICN_IDENTITY/node.key"

# Everything is lost.
kill -9 $pid
wait $pid || true
dropdb --force $ICN_DATABASE
rm -r secrets node.addr
began=$(date +%s%N)

# 1. Restore Database   2. Restore Identity Keys   3. Restart Services   4. Restore DAG Data
"$scripts/recover.sh" database
"$scripts/recover.sh" identity
# Before the node adds anything of its own, the roots are those that they were.
stopped --output json dag verify --deep --stopped --storage-backend postgresql --db-url "postgresql://$PGUSER@$PGHOST:$PGPORT/$ICN_DATABASE" --key-path "$ICN_IDENTITY/node.key" > verified.stopped
grep '"state_root"' verified.stopped
grep -q "$(grep -o '"state_root": "[0-9a-f]*"' before)" verified.stopped
start
"$scripts/recover.sh" content | tee verified
grep -q 'of which 0 were missing' verified
grep -q 'leads to the state' verified
facts > after
diff <(grep -v 'height\|_root' before) <(grep -v 'height\|_root' after)
echo "everything was back after $(( ($(date +%s%N) - began) / 1000000 )) ms"
icn-cli dag cat "$file" | cmp - minutes.txt
icn-cli -q federation status | cmp - federation.before
icn-cli -q mesh run tiny.wasm --input minutes.txt | grep -q 'WHAT WE DECIDED'

# A copy that is cut off, or is not one, changes nothing, and leaves nothing half.
mkdir broken
head -c 2000 "$BACKUP_DIR/icn-db-latest.sql.gz" > broken/icn-db-latest.sql.gz
! BACKUP_DIR=$PWD/broken "$scripts/recover.sh" database 2> refused
echo 'CREATE TABLE half (n INT); no SQL at all;' | gzip > broken/icn-db-latest.sql.gz
! BACKUP_DIR=$PWD/broken "$scripts/recover.sh" database 2> refused
grep -q 'nothing was changed' refused
! psql -lqtA postgres | grep '^icn_lost_new'

# A database that is there is not written over.
kill -TERM $pid
wait $pid
"$scripts/recover.sh" database
psql -lqtA postgres | grep '^icn_lost_before_'
! "$scripts/recover.sh" identity 2> refused
grep -q 'is not empty' refused

# Only the DAG backup is left: it fills an empty database by itself.
createdb icn_lost_from_dag
icn-cli -q dag restore --input "$BACKUP_DIR/dag-latest.tar.gz" --stopped --storage-backend postgresql --db-url "postgresql://$PGUSER@$PGHOST:$PGPORT/icn_lost_from_dag" --key-path "$ICN_IDENTITY/node.key"
export ICN_DATABASE=icn_lost_from_dag
start
icn-cli -q dag verify --deep | grep 'leads to the state'
icn-cli dag cat "$file" | cmp - minutes.txt
facts > again
grep '"tree_root"\|"balance"' again
kill -TERM $pid
wait $pid
