#!/bin/sh
# Before files go. deb: remove, upgrade; rpm: 0 (removed), 1 (upgraded).
set -e
case "$1" in
remove | deconfigure | 0)
  if [ -d /run/systemd/system ]; then systemctl stop icn-node.service; fi
  if command -v systemctl >/dev/null; then systemctl -q disable icn-node.service; fi
  ;;
esac
