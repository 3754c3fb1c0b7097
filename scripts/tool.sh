#!/usr/bin/env bash
# Builds a program that tests of deployment files use, of a fixed version, into
# bin/tools, unless it is there, and prints its path: scripts/tool.sh NAME
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-}
case $name in
  helm)        source=helm.sh/helm/v4/cmd/helm@v4.3.1 ;;
  kubeconform) source=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 ;;
  kubeschemas) source= ;;
  *) echo "usage: scripts/tool.sh helm|kubeconform|kubeschemas" >&2; exit 2 ;;
esac
folder=$PWD/bin/tools
if [ -z "$source" ]; then # our own, which may have changed
  (cd "tools/$name" && go build -o "$folder/$name" .)
  echo "$folder/$name"
  exit
fi
file=$folder/$name-${source##*@}
if [ ! -x "$file" ]; then
  mkdir -p "$folder"
  new=$(mktemp -d "$folder/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  (cd / && GOBIN=$new GOFLAGS=-mod=mod CGO_ENABLED=0 go install "$source") >&2
  mv "$new/$name" "$file"
fi
echo "$file"
