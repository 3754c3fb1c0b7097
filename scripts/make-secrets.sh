#!/usr/bin/env bash
# Makes what docker-compose.yml takes from ./secrets: an API key, the passphrase of
# the node's key, the database's password, and a certificate that this machine signs
# itself, for localhost and the names given. Nothing that is there is replaced.
#
#   scripts/make-secrets.sh                    # then: docker-compose up -d
#   scripts/make-secrets.sh node.coop.example 203.0.113.7
#
#   --to DIR     another folder than ./secrets
#
# For a certificate that everybody trusts, put it at secrets/tls/cert.pem and its key
# at secrets/tls/key.pem.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$here/secrets names=()
while [ $# -gt 0 ]; do
  case $1 in
    --to) dir=${2:?--to wants a folder}; shift ;;
    --help|-h) awk 'NR>1 && /^#/ {sub(/^# ?/, ""); print; next} NR>1 {exit}' "$0"; exit ;;
    -*) echo "${0##*/}: there is no $1; see --help" >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
command -v openssl >/dev/null || { echo "${0##*/}: openssl is needed; install it first" >&2; exit 1; }
for f in api_key.txt key_passphrase.txt db_password.txt tls/cert.pem tls/key.pem; do
  if [ -e "$dir/$f" ]; then
    echo "${0##*/}: $dir/$f is there already, and is not replaced: a node sealed with the old secrets could not start. Move the folder away if you mean it." >&2
    exit 1
  fi
done
umask 077
mkdir -p "$dir/tls"
for f in api_key key_passphrase db_password; do openssl rand -hex 32 > "$dir/$f.txt"; done
alt=DNS:localhost,DNS:icn-node,IP:127.0.0.1
for n in "${names[@]}"; do
  case $n in *[!0-9.]*) [[ $n == *:* ]] && alt+=,IP:$n || alt+=,DNS:$n ;; *) alt+=,IP:$n ;; esac
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
  -subj "/CN=${names[0]:-localhost}" -addext "subjectAltName=$alt" \
  -keyout "$dir/tls/key.pem" -out "$dir/tls/cert.pem" 2>/dev/null
# Compose hands these files to the containers as they are: the node, user 1000 there,
# and the database must be able to read them. The folder keeps everybody else out.
chmod 711 "$dir" "$dir/tls"
if [ "$(id -u)" -eq 0 ]; then
  chown 1000:1000 "$dir"/*.txt "$dir"/tls/*.pem
elif [ "$(id -u)" -ne 1000 ]; then
  chmod 644 "$dir"/*.txt "$dir"/tls/*.pem
  chmod 700 "$dir"
fi
cat <<EOF
Made in $dir: api_key.txt, key_passphrase.txt, db_password.txt, tls/cert.pem, tls/key.pem.
Keep copies of key_passphrase.txt apart from the backups: without it the node's key is lost.
Next: docker-compose up -d
Then: icn-cli --api-url https://localhost:7845 --ca-cert $dir/tls/cert.pem --api-key "\$(cat $dir/api_key.txt)" status
EOF
