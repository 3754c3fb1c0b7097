#!/usr/bin/env bash
# The release is built twice, in two folders, and is equal; its deb is installed,
# started, upgraded, removed and purged on a clean machine; its rpm holds the same. What
# is in the deb for arm64 is run in an emulator: arm64.sh.
set -euo pipefail
case ${1:-} in
-h | --help)
  echo 'deploy/test/packages.sh: builds the release twice, compares, and tries deb, rpm and unit. As root.'
  echo '  ICN_PLATFORMS    what is built (default linux/amd64 and linux/arm64; release.sh knows more)'
  echo '  ICN_TEST_CACHE   where the small Debian is kept between runs (default bin/cache)'
  exit 0 ;;
esac
. "$(dirname "$0")/machine.sh"
as_root
"$ROOT/scripts/deploy-tools.sh"
work=$(mktemp -d)
trap end_machines EXIT

(cd "$ROOT/tools/manpages" && go test ./... > "$work/said" 2>&1) || { cat "$work/said"; fail "the tests of tools/manpages"; }

say "the release is built, and once more in another folder by a compiler without a cache"
for folder in here some/where/else; do git clone -q "$ROOT" "$work/$folder/icn"; done
commit=$(git -C "$work/here/icn" rev-parse HEAD)
export ICN_TOOLS=$ROOT/bin/tools
"$work/here/icn/scripts/release.sh" --out "$work/one" --platforms "${ICN_PLATFORMS:-linux/amd64 linux/arm64}"
GOCACHE=$work/gocache "$work/some/where/else/icn/scripts/release.sh" --out "$work/two" --platforms linux/amd64 > /dev/null
rm -rf "$work/gocache"
[ "$(wc -l < "$work/two/SHA256SUMS")" -eq 4 ] || fail "the second build made something else"
while read -r line; do grep -qxF "$line" "$work/one/SHA256SUMS" || fail "two builds of one commit differ: $line"; done < "$work/two/SHA256SUMS"
(cd "$work/one" && sha256sum --quiet -c SHA256SUMS)
deb=$(ls "$work"/one/*_amd64.deb) rpm=$(ls "$work"/one/*.x86_64.rpm)
ls "$work"/one/*_arm64.deb "$work"/one/*.aarch64.rpm >/dev/null
jq -e '.bomFormat == "CycloneDX" and (.components | length) > 100 and ([.components[] | select(.name == "github.com/tetratelabs/wazero" and .version != "")] | length) == 1' \
  "$work"/one/*_linux_amd64.cdx.json >/dev/null || fail "the bill of materials lacks what is in the programs"

say "the deb and the rpm hold what they should"
dpkg-deb -x "$deb" "$work/deb.d"
rpm -qlp "$rpm" > "$work/rpm.files"
mkdir "$work/rpm.d"
rpm --root "$work/rpm.d" --install --nodeps --noscripts "$rpm" 2> "$work/said" || { cat "$work/said"; fail "rpm does not take the rpm"; }
for f in usr/bin/icn-node usr/bin/icn-cli usr/bin/icn-verify etc/icn/config.toml lib/systemd/system/icn-node.service usr/lib/sysusers.d/icn.conf usr/lib/tmpfiles.d/icn.conf \
  usr/share/man/man1/icn-cli-mesh-run.1.gz usr/share/man/man1/icn-verify.1.gz usr/share/man/man5/icn-config.toml.5.gz usr/share/man/man8/icn-node.8.gz \
  usr/share/bash-completion/completions/icn-cli usr/share/fish/vendor_completions.d/icn-cli.fish; do
  other=${f/#lib/usr/lib}
  [ -f "$work/deb.d/$f" ] || fail "the deb lacks /$f"
  cmp "$work/deb.d/$f" "$work/rpm.d/$other"
  grep -qx "/$other" "$work/rpm.files" || fail "the rpm lacks /$other"
done
[ "$(rpm -qcp "$rpm")" = /etc/icn/config.toml ] || fail "the rpm would overwrite /etc/icn/config.toml"
[ "$(rpm -qp --qf '%{ARCH} %{LICENSE}' "$rpm")" = 'x86_64 Apache-2.0' ] || fail "the rpm is of another architecture or licence"
rpm -qp --scripts "$rpm" > "$work/rpm.scripts"
grep -q 'useradd --system' "$work/rpm.scripts" || fail "the rpm does not make the user"
"$work/deb.d/usr/bin/icn-node" version --output json | jq -e --arg c "$commit" '.commit == $c and .changed == false and .arch == "amd64"' >/dev/null ||
  fail "icn-node version does not say what it was built from"
# Static programs are meant to be static; systemctl works where debhelper is not; a first release closes no bug of Debian's.
lintian --allow-root --suppress-tags statically-linked-binary,no-changelog,maintainer-script-calls-systemctl,initial-upload-closes-no-bugs --fail-on error,warning "$deb" || fail "lintian finds mistakes in the deb"
find "$work/deb.d/usr/share/man" -name '*.gz' -exec sh -c 'zcat "$1" | mandoc -T lint -W error >/dev/null || { echo "$1"; exit 1; }' _ {} \; > "$work/pages"
[ ! -s "$work/pages" ] || fail "these man pages cannot be read: $(cat "$work/pages")"

say "the unit is in order, and holds the service tight"
new_machine node
cp "$deb" "$work/node/root/icn.deb"
inside node apt-get -qq install --no-install-recommends -y /root/icn.deb > "$work/installed" 2>&1 || { cat "$work/installed"; fail "the deb is not installed"; }
grep -q 'systemctl start icn-node' "$work/installed" || fail "the installation does not say what to do next"
inside node systemd-analyze verify /lib/systemd/system/icn-node.service > "$work/verify" 2>&1 || { cat "$work/verify"; fail "systemd-analyze verify"; }
[ ! -s "$work/verify" ] || { cat "$work/verify"; fail "systemd-analyze verify has something to say"; }
systemd-analyze security --offline=true --threshold=25 --root="$work/node" icn-node.service > "$work/score" || { cat "$work/score"; fail "the unit is too open"; }
tail -1 "$work/score"

say "on a clean machine, without systemd: the configuration is in order, the node starts by hand"
inside node icn-node config check /etc/icn/config.toml
inside node sh -c '[ "$(stat -c "%U %a" /var/lib/icn /etc/icn/secrets | tr "\n" " ")" = "icn 750 root 700 " ]' || fail "folders have other owners or modes than they should"
inside node man -P cat icn-node > "$work/page" 2>/dev/null
grep -q 'Run a node of a federation' "$work/page" || fail "man icn-node shows nothing"
inside node bash -c '. /usr/share/bash-completion/completions/icn-cli && complete -p icn-cli' > /dev/null || fail "the completion is not loaded"
inside node icn-cli __complete federation inv > "$work/completed" 2>/dev/null
grep -q '^invite' "$work/completed" || fail "icn-cli completes nothing"
chroot --userspec=icn:icn "$work/node" "${clean[@]}" icn-node --config /etc/icn/config.toml --http-listen-addr 127.0.0.1:0 --addr-file /var/lib/icn/addr > "$work/by-hand" 2>&1 &
hand=$!
trap 'kill $hand 2>/dev/null || true; end_machines' EXIT
poll 60 test -f "$work/node/var/lib/icn/addr" || { cat "$work/by-hand"; fail "icn-node does not start"; }
inside node icn-cli --api-url @/var/lib/icn/addr health --wait 60s
kill -TERM "$hand" && wait "$hand" || fail "icn-node does not end in order"

say "booted, with systemd: the service starts, says so, is watched, reloads, and comes back"
boot node
at node systemctl is-enabled icn-node >/dev/null
at node systemctl start icn-node || { at node journalctl -u icn-node --no-pager -n 20; fail "the service does not start"; }
at node icn-cli health --wait 60s
property() { at node systemctl show -P "$1" icn-node; }
[ "$(property Type) $(property SubState)" = "notify running" ] || fail "the service is not what it says"
[ -n "$(property StatusText)" ] || fail "the service does not say how it stands"
echo "   $(property StatusText); $(at node icn-cli info --output json | jq -r .did)"
did=$(at node icn-cli info --output json | jq -r .did)
at node systemctl reload icn-node
[ "$(property SubState)" = running ] || fail "the service does not reload"
(cd "$ROOT" && GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -o "$work/node/root/wordcount.wasm" ./examples/wordcount)
echo 'one two two' > "$work/node/root/text"
at node icn-cli mesh run /root/wordcount.wasm --input /root/text > "$work/counted" || fail "no job runs within the unit's limits"
grep -q two "$work/counted" || { cat "$work/counted"; fail "the job's output is not there"; }
mkdir -p "$work/node/etc/systemd/system/icn-node.service.d"
printf '[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n' > "$work/node/etc/systemd/system/icn-node.service.d/patience.conf"
at node systemctl daemon-reload
at node systemctl restart icn-node # with a shorter patience, from here on
pid=$(property MainPID)
at node sh -c "kill -STOP $pid" # as if it hung: the watchdog must notice
changed() { [ "$(property MainPID)" != "$pid" ] && [ "$(property SubState)" = running ]; }
poll 120 changed || fail "a node that hangs is not started again"
[ "$(property NRestarts)" -ge 1 ] || fail "it was not the watchdog that started the node again"
at node journalctl -u icn-node --no-pager > "$work/journal"
grep -qi 'watchdog timeout' "$work/journal" || fail "the journal does not tell of the watchdog"
at node icn-cli health --wait 60s

say "upgraded over itself: what was changed in the configuration stays, the node is the same"
at node sed -i 's/^# Until/# Changed by hand. Until/' /etc/icn/config.toml
at node apt-get -qq install --reinstall -y /root/icn.deb > "$work/upgraded" 2>&1 || { cat "$work/upgraded"; fail "the upgrade"; }
at node grep -q 'Changed by hand' /etc/icn/config.toml || fail "the upgrade has overwritten the configuration"
at node icn-cli health --wait 60s
[ "$(at node icn-cli info --output json | jq -r .did)" = "$did" ] || fail "the upgraded node is another one"

say "removed: the data stays; purged: keys stay, unless told otherwise"
at node apt-get -qq remove -y icn-core > "$work/removed" 2>&1
grep -q 'kept: /var/lib/icn' "$work/removed" || fail "the removal does not say what it keeps"
at node sh -c 'test -f /var/lib/icn/node.key && test -d /var/lib/icn/node.sled && test -f /etc/icn/config.toml && ! test -e /usr/bin/icn-node' || fail "the removal took too much, or too little"
at node sh -c '! systemctl is-active -q icn-node' || fail "the removed service runs"
at node dpkg --purge icn-core > "$work/purged" 2>&1
at node sh -c 'test -f /var/lib/icn/node.key && ! test -e /etc/icn/config.toml' || fail "the purge took the key, or left the configuration"
at node sh -c 'apt-get -qq install -y /root/icn.deb && ICN_PURGE_DATA=yes dpkg --purge icn-core' > "$work/purged" 2>&1
at node sh -c '! test -e /var/lib/icn && ! test -e /etc/icn && ! getent passwd icn' || fail "the purge left data although it was told not to"
halt node
"$ROOT/deploy/test/arm64.sh" "$work"/one/*_arm64.deb
say "packages: everything holds"
