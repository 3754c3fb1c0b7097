#!/usr/bin/env bash
# Disaster recovery with PostgreSQL: everything is destroyed, and comes back.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec go test ./e2e -count=1 -v -run 'TestDisasterRecovery$'
