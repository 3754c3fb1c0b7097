# The commands of the deployment guide, as it writes them, on one kind of store:
#   guide.sh BACKEND
# What the guide has as a comment or for a reader to fill in stands behind "#:".
# The programs are on the PATH; PGPORT leads to a PostgreSQL server of the test's own.
set -eu
backend=$1
end() { kill -TERM "$pid" && wait "$pid"; }
ready() { icn-cli -q health --wait 60s >health.out; }
trap 'kill -9 ${pid:-} 2>/dev/null || true' EXIT

#: Development Setup
icn-node --test-mode > node.log 2>&1 & pid=$!
ready
icn-cli info
end
icn-node --config configs/development.toml > node.log 2>&1 & pid=$!
ready
export ICN_API_KEY=dev-key-123
icn-cli info
unset ICN_API_KEY
end

#: Single Node Deployment, Storage Backend Options, Backup & Recovery (per backend)
mkdir -p icn_data backups
export ICN_API_KEY=$(openssl rand -hex 32)
case $backend in
memory)
  icn-node --storage-backend memory > node.log 2>&1 & pid=$! ;;
sled)
  unset ICN_API_KEY
  key=$(openssl rand -hex 32)
  icn-node --storage-backend sled \
         --storage-path ./icn_data/node.sled \
         --http-listen-addr 127.0.0.1:7845 \
         --api-key "$key" > node.log 2>&1 & pid=$!
  ICN_API_KEY=$key icn-cli -q health --wait 60s >health.out
  ICN_API_KEY=$key icn-cli info
  end
  rm -r icn_data/node.sled
  ICN_STORAGE_PATH=./icn_data/node.sled \
  ICN_MANA_LEDGER_PATH=./icn_data/mana.sled \
  icn-node --storage-backend sled > node.log 2>&1 & pid=$!
  ready
  icn-cli info
  end
  test -d icn_data/mana.sled
  icn-node --storage-backend sled --storage-path ./icn_data/node1.sled > node.log 2>&1 & pid=$! ;;
sqlite)
  icn-node --storage-backend sqlite --storage-path ./icn_data/dag.sqlite > node.log 2>&1 & pid=$! ;;
rocksdb)
  icn-node --storage-backend rocksdb \
         --storage-path ./icn_data/rocksdb > node.log 2>&1 & pid=$! ;;
postgres)
  icn-node --storage-backend postgresql \
         --db-url "postgresql://user:pass@localhost/icn" > node.log 2>&1 & pid=$!
  ready
  icn-cli info
  end
  icn-node --storage-backend postgres --storage-path postgres://user:pass@localhost/icn_dag > node.log 2>&1 & pid=$! ;;
esac
ready
printf 'what we decided' > minutes.txt
file=$(icn-cli -q dag add minutes.txt)
# Backup DAG data
icn-cli dag backup --path ./backups/$backend
icn-cli dag backup --output ./backups/dag-backup-$(date +%Y%m%d).tar.gz
# Incremental backup (changes since last backup)
printf 'and what we did' > more.txt
icn-cli -q dag add more.txt
icn-cli dag backup --incremental --since 2024-01-01 \
                   --output ./backups/dag-incremental-$(date +%Y%m%d).tar.gz
# Restore and verify
icn-cli dag restore --path ./backups/$backend
icn-cli dag verify
cp ./backups/dag-backup-$(date +%Y%m%d).tar.gz ./backups/dag-backup-20240101.tar.gz
icn-cli dag restore --input ./backups/dag-backup-20240101.tar.gz
# Verify data integrity after restore
icn-cli dag verify --deep
icn-cli dag cat "$file" | cmp - minutes.txt

#: Health Checks, over TLS at the guide's own name (see .curlrc)
end
[ "$backend" = memory ] || test -z "$(find backups -name '*unfinished*')"
icn-node --storage-backend sled --storage-path ./icn_data/https --tls-cert-path cert.pem --tls-key-path key.pem --api-key your-api-key > node.log 2>&1 & pid=$!
ICN_API_KEY=your-api-key icn-cli -q --api-url https://127.0.0.1:7845 --ca-cert cert.pem health --wait 60s >health.out
curl https://your-node.domain.com/health
curl https://your-node.domain.com/status \
  -H "x-api-key: your-api-key"
test "$(curl -o /dev/null -w '%{http_code}' https://your-node.domain.com/status)" = 401
end

#: Metrics
icn-node --storage-backend memory --metrics-enabled --metrics-bind-addr 0.0.0.0:9090 > node.log 2>&1 & pid=$!
ready
for name in icn_node_uptime_seconds icn_mana_balance_total icn_jobs_executed_total icn_p2p_peers_connected icn_governance_proposals_total \
  wasm_memory_growth_denied_total wasm_table_growth_denied_total; do
  curl http://127.0.0.1:9090/metrics | grep "^$name[ {]"
done
end

#: Log Management, Identity Management: the snippets as files, where this test may write
icn-node --config logging.toml --storage-path ./icn_data/logs > node.log 2>&1 & pid=$!
ready
icn-cli info
end
grep '"level":"INFO"' var/node.log
icn-cli audit verify --offline var/audit.log
export ICN_KEY_PASSPHRASE='as long as it is secret'
icn-node --config identity.toml --storage-path ./icn_data/identity > node.log 2>&1 & pid=$!
ready
did=$(icn-cli --output json info | grep '"did"')
end
grep -q age-encryption secrets/node.key.enc
icn-node --config identity.toml --storage-path ./icn_data/identity > node.log 2>&1 & pid=$!
ready
test "$did" = "$(icn-cli --output json info | grep '"did"')"
end
unset ICN_KEY_PASSPHRASE

[ "$backend" = postgres ] || exit 0
#: Bootstrap Node (Node A) and Worker Nodes (Node B, …), with the network's variables
mkdir -p secrets
printf 'key of a' > secrets/api-key-a
printf 'key of b' > secrets/api-key-b
cp cert.pem key.pem secrets/
ICN_NETWORK_FAILURE_THRESHOLD=3 \
ICN_NETWORK_OPEN_TIMEOUT_SECS=5 \
ICN_NETWORK_RETRY_MAX_ATTEMPTS=3 \
ICN_NETWORK_RETRY_INITIAL_DELAY_MS=100 \
ICN_NETWORK_RETRY_MAX_DELAY_MS=1000 \
icn-node --storage-backend postgresql \
         --db-url "postgresql://user:pass@localhost/icn_node_a" --key-path a.key --storage-path ./icn_data/a --addr-file a.addr \
         --http-listen-addr "0.0.0.0:7845" \
         --p2p-listen-addr "/ip4/0.0.0.0/tcp/7000" \
         --api-key "$(cat ./secrets/api-key-a)" \
         --tls-cert-path "./secrets/cert.pem" \
         --tls-key-path "./secrets/key.pem" > node.log 2>&1 & pid=$!
export ICN_CA_CERT=cert.pem
a() { ICN_API_KEY="key of a" icn-cli --api-url https://127.0.0.1:7845 "$@"; }
a -q health --wait 60s > health.out
bootstrap=$(grep -o '/ip4/127.0.0.1/tcp/7000/p2p/.*' a.addr | head -1)
icn-node --storage-backend postgresql \
         --db-url "postgresql://user:pass@localhost/icn_node_b" --key-path b.key --storage-path ./icn_data/b \
         --http-listen-addr "0.0.0.0:7846" \
         --p2p-listen-addr "/ip4/0.0.0.0/tcp/7001" \
         --bootstrap-peers "$bootstrap" --join-code "$(a -q federation invite)" \
         --api-key "$(cat ./secrets/api-key-b)" \
         --tls-cert-path "./secrets/cert.pem" \
         --tls-key-path "./secrets/key.pem" > b.log 2>&1 & other=$!
trap 'kill -9 ${pid:-} ${other:-} 2>/dev/null || true' EXIT
ICN_API_KEY="key of b" icn-cli -q --api-url https://127.0.0.1:7846 health --wait 60s > health.out || { cat b.log; false; }
a federation status --wait-nodes 2
curl --cacert cert.pem -H "x-api-key: key of a" "https://your-node.domain.com/events?type=rollback" | grep '"events"'
kill -TERM $other
wait $other
end
unset ICN_CA_CERT

#: Production Node Configuration: the file as it stands, its places put where they are here
export DB_PASSWORD=pass ICN_API_KEY=your-api-key ICN_AUTH_TOKEN=your-token
ICN_DB_URL="postgresql://user:$DB_PASSWORD@localhost/icn_production" \
ICN_HTTP_LISTEN_ADDR=127.0.0.1:7845 ICN_P2P_LISTEN_ADDR=/ip4/127.0.0.1/tcp/0 ICN_KEY_PATH=./production.key \
ICN_TLS_CERT_PATH=cert.pem ICN_TLS_KEY_PATH=key.pem \
icn-node --config configs/production.toml > node.log 2>&1 & pid=$!
export ICN_API_URL=https://127.0.0.1:7845 ICN_CA_CERT=cert.pem
ready
icn-cli info
curl http://127.0.0.1:9090/metrics | grep '^icn_store_\|^icn_tls_certificate_expiry_timestamp_seconds '
end
