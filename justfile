# Recipes only call scripts or go.

# Download what the build needs
setup:
    go mod download

# Build all binaries into bin/
build:
    CGO_ENABLED=0 go build -o bin/ ./cmd/...

# icn-verify as one HTML page that works offline: bin/icn-verify.html
verify-page:
    ./scripts/verify-page.sh

# Everything that must hold before a change lands
test:
    ./scripts/test.sh

# The quick loop
check:
    ./scripts/check.sh

# Images, packages, charts, playbooks, monitoring, for real: just deploy-test, or one of them: just deploy-test monitoring
deploy-test *parts:
    ./scripts/deploy.sh {{parts}}

# Look for bugs with random input, each decoder for a while: just fuzz 60s
fuzz time="20s":
    ./scripts/fuzz.sh {{time}}

# The same for ten minutes each: some three hours on two cores
soak:
    ./scripts/fuzz.sh 10m

# Compare with peers, in one interleaved run
bench:
    ./scripts/bench.sh

# Simulate federations: just sim 500
sim seeds="200":
    ./scripts/sim.sh {{seeds}}

# A three-node federation on this machine
demo:
    go run ./cmd/icn-cli demo
