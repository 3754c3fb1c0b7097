#!/usr/bin/env bash
# Everything that must hold before a change lands. Needs Go; what else the tests
# need, scripts/servers.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
echo "== what the tests start is installed"
./scripts/servers.sh
./scripts/deploy-tools.sh
export CI=1 # a missing server is a failure, no reason to leave a test out
echo "== the tree is formatted and vetted"
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
  echo "not gofmt-ed:"; echo "$unformatted"; exit 1
fi
go vet ./...
echo "== all binaries build without cgo"
go build -o bin/ ./cmd/...
echo "== what is released for macOS and Windows compiles"
./scripts/release.sh --compile --platforms "darwin/arm64 windows/amd64"
echo "== tests"
go test -timeout 30m ./...
CGO_ENABLED=1 go test -tags rocksdb ./store/rocksdb
CGO_ENABLED=1 go test -tags pkcs11 ./key/hsm
CGO_ENABLED=1 go test -tags pkcs11 -run Token ./launch
echo "== every decoder is fuzzed for 20 s"
./scripts/fuzz.sh 20s
echo "== 5,000 simulated federations"
./scripts/sim.sh 5000
echo "== what is deployed"
./scripts/deploy.sh
echo "== the demo"
go run ./cmd/icn-cli demo --once
