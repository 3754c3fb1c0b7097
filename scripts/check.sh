#!/usr/bin/env bash
# The quick loop: under two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
test -z "$(gofmt -l . | tee /dev/stderr)"
go vet ./...
go test -short ./...
