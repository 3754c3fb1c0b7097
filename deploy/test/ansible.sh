#!/usr/bin/env bash
# The playbooks make three clean machines into one federation, change nothing when they
# run again, and upgrade it node by node, the leader last. A machine that is lost comes
# back from a backup, and the firewall lets in whom it should.
set -euo pipefail
case ${1:-} in
-h | --help)
  echo 'deploy/test/ansible.sh [DEB]: runs the playbooks against three booted machines. As root.'
  echo '  DEB   the package to install (default: it is built)'
  exit 0 ;;
esac
. "$(dirname "$0")/machine.sh"
as_root
"$ROOT/scripts/deploy-tools.sh"
work=$(mktemp -d)
net=icn-ansible-$$
outside=$net-out
trap 'end_machines; ip netns del "$net" 2>/dev/null || true; ip netns del "$outside" 2>/dev/null || true' EXIT
deb=${1:-}
if [ -z "$deb" ]; then
  say "the package is built"
  "$ROOT/scripts/release.sh" --out "$work/release" --platforms linux/amd64 > /dev/null
  deb=$(ls "$work"/release/*_amd64.deb)
fi

say "three clean machines are booted, on one network of their own"
ip netns add "$net"
ip -n "$net" link set lo up
for n in 1 2 3; do
  new_machine "node-$n"
  boot "node-$n" "--network-namespace-path=/run/netns/$net"
done
# Ansible enters them as it would a chroot; this is its chroot command.
cat > "$work/enter" <<'END'
#!/bin/sh
dir=$1
shift
exec nsenter -t "$(cat "$dir.leader")" -m -u -i -n -p -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
END
chmod +x "$work/enter"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=icn -addext 'subjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:10.77.0.1' \
  -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
{
  echo "icn_nodes:"
  echo "  vars: {icn_federation_name: north, icn_deb: $deb, icn_tls_cert: $work/tls.crt, icn_tls_key: $work/tls.key, ansible_connection: community.general.chroot,"
  echo "         ansible_chroot_exe: $work/enter, ansible_python_interpreter: /usr/bin/python3, ansible_remote_tmp: /var/tmp, icn_become: false, icn_backup_every: 1h}"
  echo "  hosts:"
  for n in 1 2 3; do
    echo "${leader[node-$n]}" > "$work/node-$n.leader"
    echo "    node-$n: {ansible_host: $work/node-$n, icn_http_listen_addr: '127.0.0.$n:7845', icn_p2p_listen_addr: /ip4/127.0.0.$n/tcp/7000, icn_api_key: key-of-node-$n, icn_key_passphrase: sealed-$n}"
  done
} > "$work/inventory.yml"
cat > "$work/without.yml" <<END
icn_nodes:
  hosts:
    node-4: {ansible_connection: community.general.chroot, ansible_host: $work/node-4, ansible_python_interpreter: /usr/bin/python3, ansible_remote_tmp: /var/tmp,
             icn_become: false, icn_service_manager: none, icn_deb: $deb, icn_api_key: key-of-node-4}
END
export ANSIBLE_CONFIG=$ROOT/deploy/ansible/ansible.cfg ANSIBLE_NOCOLOR=1
inventory=$work/inventory.yml
play() { # NAME PLAYBOOK OPTION…
  local log=$work/$1.log
  shift
  (cd "$ROOT/deploy/ansible" && ansible-playbook -i "$inventory" "$@") > "$log" 2>&1 || { tail -40 "$log" >&2; journal; fail "ansible-playbook $*"; }
}
journal() { # what nodes said that do not run
  local n
  for n in "${!leader[@]}"; do at "$n" systemctl is-active -q icn-node || at "$n" journalctl -u icn-node -n 8 --no-pager >&2 || true; done
}
recap() { sed -n '/^PLAY RECAP/,$p' "$work/$1.log" | sed '/^$/d; 1d; s/^/   /'; }
url=() # of nodes that answer elsewhere than at first
cli() { # N ARGUMENT…
  local n=$1
  shift
  at "node-$n" env ICN_API_URL="${url[$n]:-https://127.0.0.$n:7845}" ICN_API_KEY="key-of-node-$n" ICN_CA_CERT=/etc/icn/tls.crt icn-cli "$@"
}

say "the playbooks are in order"
(cd "$ROOT/deploy/ansible" && ansible-playbook -i inventory/example.yml --syntax-check site.yml upgrade.yml >/dev/null 2>&1) || fail "ansible-playbook --syntax-check"

say "the first run: node 1 founds the federation, nodes 2 and 3 come with a join code"
play first-1 site.yml --limit node-1
recap first-1
address=$(at node-1 sed -n 's/^P2P \(.*tcp.*\)$/\1/p' /run/icn/addr | head -1)
[ -n "$address" ] || fail "node 1 has no address for the others"
for n in 2 3; do
  code=$(cli 1 federation invite --output json | jq -r '[.. | .code? // empty][0]')
  sed -i "s|^    node-$n: {|&icn_bootstrap_peers: ['$address'], icn_join_code: '$code', |" "$work/inventory.yml"
done
play first-23 site.yml --limit node-2,node-3
recap first-23
grep -q 'changed=[1-9]' "$work/first-23.log" || fail "the first run changed nothing"
cli 1 federation status --wait-nodes 3 --wait 120s > "$work/status" || { cat "$work/status"; fail "the three nodes are not one federation"; }
grep -rlq 'key-of-node\|sealed-' "$work"/first-*.log && fail "a secret stands in the output of Ansible"
at node-2 sh -c 'head -1 /var/lib/icn/node.key | grep -q age' || fail "the node's key is not sealed"
at node-2 sh -c '[ "$(stat -c "%U %a" /etc/icn/secrets/api-key)" = "root 600" ]' || fail "others can read the secrets"

say "the second run changes nothing"
play second site.yml
recap second
[ "$(grep -c 'changed=0 .*failed=0' "$work/second.log")" -eq 3 ] || { grep -B3 '^changed' "$work/second.log"; fail "the second run changed something"; }

say "the upgrade: one node at a time, the leader last; the federation is whole at the end"
mkdir "$work/next"
dpkg-deb -R "$deb" "$work/next/tree"
sed -i 's/^Version: .*/&+next/' "$work/next/tree/DEBIAN/control"
dpkg-deb -Zgzip -z1 --root-owner-group -b "$work/next/tree" "$work/next/icn-core.deb" >/dev/null
lead=$(cli 1 status --output json | jq -r .leader)
before=$(for n in 1 2 3; do at "node-$n" systemctl show -P MainPID icn-node; done)
play upgrade upgrade.yml -e "icn_deb=$work/next/icn-core.deb"
recap upgrade
order=$(for n in 1 2 3; do echo "$(at "node-$n" systemctl show -P ExecMainStartTimestampMonotonic icn-node) $(cli "$n" info --output json | jq -r .did)"; done | sort -n)
[ "$(tail -1 <<< "$order" | cut -d' ' -f2)" = "$lead" ] || { echo "$order"; fail "the leader ($lead) was not the last"; }
[ "$before" != "$(for n in 1 2 3; do at "node-$n" systemctl show -P MainPID icn-node; done)" ] || fail "no node was started again"
for n in 1 2 3; do
  at "node-$n" dpkg-query -W -f '${Version}' icn-core | grep -q '+next' || fail "node $n was not upgraded"
  cli "$n" health --wait 60s > /dev/null || fail "node $n is not healthy after the upgrade"
done
cli 2 federation status --wait-nodes 3 --wait 60s >/dev/null || fail "the federation is not whole after the upgrade"

say "the machine of node 2 is lost; a new one takes its backup and its key, behind a firewall"
ip netns add "$outside"
ip link add icn-in netns "$net" type veth peer name icn-out netns "$outside"
ip -n "$net" addr add 10.77.0.1/24 dev icn-in
ip -n "$outside" addr add 10.77.0.2/24 dev icn-out
ip -n "$outside" addr add 10.77.0.3/24 dev icn-out
ip -n "$net" link set icn-in up
ip -n "$outside" link set icn-out up
did=$(cli 2 info --output json | jq -r .did)
echo "from before" > "$work/node-2/root/text"
before=$(cli 2 dag put /root/text --output json | jq -r .cid)
cli 2 dag backup --output /root/backup.tar.gz > "$work/backup.log"
cp "$work/node-2/root/backup.tar.gz" "$work/node-2/var/lib/icn/node.key" "$work/"
halt node-2
rm -rf "$work/node-2"
echo "from after" > "$work/node-1/root/text"
after=$(cli 1 dag put /root/text --output json | jq -r .cid)
new_machine node-2
boot node-2 "--network-namespace-path=/run/netns/$net" --capability=CAP_NET_ADMIN
echo "${leader[node-2]}" > "$work/node-2.leader"
back=(--limit node-2 -e "icn_deb=$work/next/icn-core.deb" -e "icn_restore=$work/backup.tar.gz" -e icn_firewall=true -e '{"icn_api_allow": ["10.77.0.2/32"]}'
  -e icn_http_listen_addr=10.77.0.1:7845 -e icn_p2p_listen_addr=/ip4/10.77.0.1/tcp/7000)
if (play keyless site.yml "${back[@]}") 2>/dev/null; then fail "a store without its key is started"; fi
grep -q 'give icn_node_key' "$work/keyless.log" || { tail -40 "$work/keyless.log"; fail "it is not said that the key is missing"; }
play back-1 site.yml "${back[@]}" -e "icn_node_key=$work/node.key"
url[2]=https://10.77.0.1:7845
[ "$(cli 2 info --output json | jq -r .did)" = "$did" ] || fail "node 2 is another node"
cli 2 federation status --wait-nodes 3 --wait 120s > "$work/status" || { cat "$work/status"; fail "the federation is not whole after the restore"; }
[ "$(cli 2 dag get "$before")" = "from before" ] || fail "what the backup held is not there"
[ "$(cli 2 dag get "$after")" = "from after" ] || fail "what came after the backup does not arrive"
at node-2 test ! -e /var/cache/icn-restore || fail "the backup's copy stays on the machine"
play back-2 site.yml "${back[@]}" -e "icn_node_key=$work/node.key"
recap back-2
grep -q 'changed=0 .*failed=0' "$work/back-2.log" || fail "the second run changed something"

say "its firewall: P2P is open, the API to one address alone, also after a restart of the machine"
from() { # ADDRESS PORT SCHEME [EXIT CODE THAT IS RIGHT, TOO]: whether a connection from there comes about
  ip netns exec "$outside" curl --silent --insecure --interface "$1" --connect-timeout 3 --max-time 6 -o /dev/null "$3://10.77.0.1:$2/livez" || [ $? -eq "${4:-0}" ]
}
api() { from "$1" 7845 https; }
p2p() { from "$1" 7000 http 1; } # connected, and what answers is no HTTP
shut() { # what the rules have to bring about
  api 10.77.0.2 || fail "who may use the API does not reach it"
  if api 10.77.0.3; then fail "who may not use the API reaches it"; fi
  p2p 10.77.0.3 || fail "other nodes do not reach the P2P port"
}
at node-2 nft list table inet icn | sed 's/^/   /'
shut
at node-2 nft delete table inet icn # the network stays when the machine is restarted
api 10.77.0.3 || fail "it was not the firewall that refused"
halt node-2
boot node-2 "--network-namespace-path=/run/netns/$net" --capability=CAP_NET_ADMIN
poll 60 api 10.77.0.2 || fail "node 2 does not answer after a restart of its machine"
shut
cli 1 federation status --wait-nodes 3 --wait 60s > /dev/null || fail "the federation is not whole behind the firewall"

say "a mistake in the configuration stops before anything is replaced"
at node-1 cp /etc/icn/config.toml /root/config.before
if (play wrong site.yml --limit node-1 -e icn_storage_backend=floppy) 2>/dev/null; then fail "a wrong backend is taken"; fi
at node-1 cmp /etc/icn/config.toml /root/config.before
cli 1 health
say "a machine without systemd (icn_service_manager: none): all is in place, and the node starts with it"
for n in 1 2 3; do halt "node-$n"; done
new_machine node-4
inside node-4 true
inventory=$work/without.yml
play without-1 site.yml
play without-2 site.yml
recap without-2
grep -q 'changed=0 .*failed=0' "$work/without-2.log" || fail "the second run changed something"
chroot --userspec=icn:icn "$work/node-4" "${clean[@]}" ICN_API_KEY="$(cat "$work/node-4/etc/icn/secrets/api-key")" icn-node --config /etc/icn/config.toml \
  --http-listen-addr 127.0.0.1:0 --addr-file /var/lib/icn/addr > "$work/by-hand" 2>&1 &
hand=$!
trap 'kill $hand 2>/dev/null || true; end_machines; ip netns del "$net" 2>/dev/null || true; ip netns del "$outside" 2>/dev/null || true' EXIT
poll 60 test -f "$work/node-4/var/lib/icn/addr" || { cat "$work/by-hand"; fail "icn-node does not start with what the role wrote"; }
inside node-4 icn-cli --api-url @/var/lib/icn/addr health --wait 60s
inside node-4 env ICN_API_KEY=key-of-node-4 icn-cli --api-url @/var/lib/icn/addr info --output json | jq -e '.name == "node-4"' > /dev/null || fail "the node does not have the name, or the key, that the inventory gives"
kill -TERM "$hand"
wait "$hand" || fail "icn-node does not end in order"
say "ansible: everything holds"
