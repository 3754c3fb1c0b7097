#!/usr/bin/env bash
# Makes the plain manifests in deploy/kubernetes from the Helm chart, and, with
# --schemas, the JSON schemas that they are checked against.
#
#   scripts/kubernetes.sh [--schemas] [--to FOLDER]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
to=$root/deploy/kubernetes
schemas=
while [ $# -gt 0 ]; do
  case $1 in
    --schemas) schemas=yes ;;
    --to) to=${2:?--to wants a folder}; shift ;;
    -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;;
    *) echo "$1 is not known; see --help" >&2; exit 2 ;;
  esac
  shift
done
kubernetes=v1.37.2
operator=v0.85.0
helm=$("$root/scripts/tool.sh" helm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# render FOLDER TEMPLATE-PATTERN SETTING... puts what the chart makes into a folder.
render() {
  local folder=$1 pattern=$2 file
  shift 2
  rm -rf "$work/out"
  "$helm" template icn-node "$root/deploy/helm/icn-node" --output-dir "$work/out" "$@" >/dev/null
  rm -rf "${to:?}/$folder"
  mkdir -p "$to/$folder"
  for file in "$work"/out/icn-node/templates/$pattern; do
    { echo "# made by: scripts/kubernetes.sh"; grep -v -e '^# Source: ' -e 'app.kubernetes.io/managed-by: Helm' "$file"; } > "$to/$folder/$(basename "$file")"
  done
}

render deployment '*.yaml'
render statefulset '*.yaml' --set mode=statefulset,replicas=1
render monitoring 'servicemonitor.yaml' --set monitoring.serviceMonitor.enabled=true

if [ -n "$schemas" ]; then
  # folder_of MODULE is where the Go proxy's copy of it lies.
  folder_of() { (cd / && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }
  api=$(folder_of "k8s.io/kubernetes@$kubernetes")
  crds=$(folder_of "github.com/prometheus-operator/prometheus-operator@$operator")
  rm -rf "$to/schemas"
  "$("$root/scripts/tool.sh" kubeschemas)" --to "$to/schemas" --swagger "$api/api/openapi-spec/swagger.json" \
    --crd "$crds/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" \
    Deployment.apps/v1 StatefulSet.apps/v1 Service.v1 ConfigMap.v1 Secret.v1 ServiceAccount.v1 NetworkPolicy.networking.k8s.io/v1 \
    PodDisruptionBudget.policy/v1 HorizontalPodAutoscaler.autoscaling/v2
fi
