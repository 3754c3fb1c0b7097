#!/bin/sh
# After files are in place. deb: configure [OLD VERSION]; rpm: 1 (first), 2 (upgrade).
set -e
case "$1" in
configure) if [ -n "$2" ]; then first=no; else first=yes; fi ;;
1) first=yes ;;
2) first=no ;;
*) exit 0 ;;
esac

# As sysusers.d and tmpfiles.d say, also where these are not there.
if ! getent group icn >/dev/null; then groupadd --system icn; fi
if ! getent passwd icn >/dev/null; then
  useradd --system --gid icn --home-dir /var/lib/icn --no-create-home --shell /usr/sbin/nologin --comment 'ICN node' icn
fi
mkdir -p /var/lib/icn /etc/icn/secrets
chown icn:icn /var/lib/icn
chmod 0750 /var/lib/icn
chown root:icn /etc/icn
chmod 0750 /etc/icn
chmod 0700 /etc/icn/secrets

if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$first" = yes ]; then
  if command -v systemctl >/dev/null; then systemctl -q enable icn-node.service; fi
  cat <<'NEXT'
icn-core is installed; icn-node is enabled, and not started yet. Next:
  1. say what this node is:   /etc/icn/config.toml   (man icn-config.toml)
  2. look for mistakes:       icn-node config check /etc/icn/config.toml
  3. start it:                systemctl start icn-node
  4. ask how it is:           icn-cli health --wait 30s
NEXT
elif [ -d /run/systemd/system ]; then
  systemctl try-restart icn-node.service || echo "icn-node does not start again: see journalctl -u icn-node -e" >&2
fi
