#!/bin/sh
# After files are gone. The node's state and keys are never deleted by a removal: the
# key is the node's place in its federation. dpkg --purge deletes them only when told
# so by ICN_PURGE_DATA=yes.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
case "$1" in
purge)
  if [ "$ICN_PURGE_DATA" = yes ]; then
    rm -rf /var/lib/icn /etc/icn
    if getent passwd icn >/dev/null; then userdel icn; fi
    if getent group icn >/dev/null; then groupdel icn; fi
    exit 0
  fi
  rmdir /etc/icn/secrets /etc/icn /var/lib/icn 2>/dev/null || true
  for kept in /var/lib/icn /etc/icn/secrets; do
    if [ -e "$kept" ]; then echo "kept: $kept (the node's state and keys). When nobody needs them any more: rm -r $kept"; fi
  done
  ;;
remove | 0)
  if [ -e /var/lib/icn ]; then echo "kept: /var/lib/icn (the node's state and key)"; fi
  ;;
esac
