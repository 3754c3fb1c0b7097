#!/usr/bin/env bash
# Checks the Helm chart and the plain manifests without a cluster: the chart is linted
# and rendered with many sets of values, all of it is checked strictly against the
# schemas of Kubernetes and of the Prometheus operator, parts must fit together, the
# node must accept its configuration, and what is committed must be what the chart
# makes. Wants Go alone.
set -euo pipefail
case ${1:-} in -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chart=deploy/helm/icn-node
peer=/dns4/icn-node-0.icn-node-p2p/tcp/7000/p2p/12D3KooWGzh5kSnWWbFBSDzLoRSSUiwFAECr6mUsHfJW8pVZRFPZ
helm=$(scripts/tool.sh helm)
kubeconform=$(scripts/tool.sh kubeconform)
CGO_ENABLED=0 go build -o "$work/icn-node" ./cmd/icn-node

echo "== what is committed is what the chart and the schemas' sources make"
scripts/kubernetes.sh --schemas --to "$work/made"
if ! diff -r deploy/kubernetes "$work/made" >&2; then
  echo "deploy/kubernetes is out of date; run: scripts/kubernetes.sh --schemas" >&2
  exit 1
fi

strictly() { # FILE-OR-FOLDER…
  "$kubeconform" -strict -summary -schema-location 'deploy/kubernetes/schemas/{{.ResourceKind}}{{.KindSuffix}}.json' "$@"
}

echo "== lint and schemas"
strictly deploy/kubernetes/deployment deploy/kubernetes/statefulset deploy/kubernetes/monitoring
set_of_values() { # SETTING…
  local args=() s
  for s in "$@"; do args+=(--set "$s"); done
  "$helm" lint --strict --quiet "$chart" "${args[@]}"
  "$helm" template icn-node "$chart" "${args[@]}" > "$work/one.yaml"
  strictly "$work/one.yaml"
}
set_of_values mode=deployment
set_of_values tls.enabled=false
set_of_values tls.clientCAKey=ca.crt
set_of_values secrets.create=true secrets.apiKey=a secrets.keyPassphrase=b
set_of_values monitoring.serviceMonitor.enabled=true
set_of_values monitoring.enabled=false networkPolicy.enabled=false podDisruptionBudget.enabled=false serviceAccount.create=false
set_of_values networkPolicy.restrictEgress=true 'networkPolicy.apiFrom[0].podSelector.matchLabels.app=haproxy'
set_of_values mode=statefulset replicas=1
set_of_values mode=statefulset "p2p.bootstrapPeers={$peer}" backup.every=24h audit.enabled=true persistence.storageClassName=fast
set_of_values mode=statefulset "p2p.bootstrapPeers={$peer}" federation.joinCodesSecret=icn-join-codes autoscaling.enabled=true

echo "== mistakes are found"
refused() { # WHAT SED-EXPRESSION FILE
  sed "$2" "$3" > "$work/wrong.yaml"
  if cmp -s "$3" "$work/wrong.yaml"; then echo "$1: nothing was changed in $3" >&2; exit 1; fi
  if strictly "$work/wrong.yaml" > "$work/said" 2>&1; then
    echo "$1 was not found in $3" >&2
    exit 1
  fi
}
d=deploy/kubernetes/deployment
refused "a misspelt field" 's/readinessProbe/readynessProbe/' $d/deployment.yaml
refused "a misspelt field deep inside" 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' $d/deployment.yaml
refused "a missing selector" '/^  selector:/,/app: icn-node/d' $d/deployment.yaml
refused "a word for a number" 's/replicas: 3/replicas: three/' $d/deployment.yaml
refused "a kind of another version" 's#policy/v1#policy/v1beta1#' $d/poddisruptionbudget.yaml
refused "a misspelt field of the operator's" 's/interval:/intervall:/' deploy/kubernetes/monitoring/servicemonitor.yaml

echo "== the parts fit together"
cd tools/kubeschemas
test -z "$(gofmt -l . | tee /dev/stderr)"
go vet .
CI=1 ICN_HELM=$helm ICN_NODE=$work/icn-node go test -count=1 .
echo "The chart and the manifests are in order."
