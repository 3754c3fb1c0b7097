package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
)

// TestTheGuidesCommands runs testdata/guide.sh: the commands of the deployment
// guide as it writes them, on each kind of store.
func TestTheGuidesCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the guide's ports, and a build with RocksDB")
	}
	for _, backend := range []string{"memory", "sled", "sqlite", "postgres", "rocksdb"} {
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			path := built
			port := 0
			switch backend {
			case "rocksdb":
				path = buildRocksDB(t) + string(os.PathListSeparator) + path
			case "postgres":
				if err := startDatabase(); errors.Is(err, pgtest.Missing) && os.Getenv("CI") == "" {
					t.Skip("PostgreSQL is not installed")
				}
				require.NoError(t, database.err)
				port = database.server.Port()
				guideDatabases(t)
			}
			require.NoError(t, os.CopyFS(filepath.Join(dir, "configs"), os.DirFS("../configs")))
			prepareGuide(t, dir)
			script, err := filepath.Abs("testdata/guide.sh")
			require.NoError(t, err)
			c := exec.Command("bash", script, backend)
			c.Dir = dir
			c.Env = []string{"PATH=" + path + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, fmt.Sprint("PGPORT=", port), "PGHOST=127.0.0.1"}
			out, err := c.CombinedOutput()
			if err != nil {
				log, _ := os.ReadFile(filepath.Join(dir, "node.log")) // it may not have come so far
				t.Fatalf("%v\n%s\nnode.log:\n%s", err, out, log)
			}
			require.Contains(t, string(out), "leads to the state")
		})
	}
}

// guideDatabases makes the user and the databases that the guide names.
func guideDatabases(t *testing.T) {
	t.Helper()
	_, err := database.server.Database(t.Context(), "icn")
	require.NoError(t, err)
	require.NoError(t, database.server.Exec(t.Context(), "icn", `CREATE ROLE "user" LOGIN SUPERUSER PASSWORD 'pass'`))
	for _, name := range []string{"icn_dag", "icn_production", "icn_node_a", "icn_node_b"} {
		_, err := database.server.Database(t.Context(), name)
		require.NoError(t, err)
	}
}

// prepareGuide writes what the guide takes for granted: a certificate for its host,
// a name server that knows it, and its snippets as files.
func prepareGuide(t *testing.T, dir string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "your-node.domain.com"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"your-node.domain.com"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &k.PublicKey, k)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
		".curlrc":  "silent\nshow-error\nfail-early\nconnect-to = your-node.domain.com:443:127.0.0.1:7845\ncacert = cert.pem\n",
		"logging.toml": strings.TrimLeft(`
[logging]
level = "info"
format = "json"
output = "var/node.log"

[audit]
enabled = true
log_path = "var/audit.log"
`, "\n"),
		"identity.toml": strings.TrimLeft(`
[identity]
# Use existing key
key_path = "secrets/node.key.enc"
key_passphrase_env = "ICN_KEY_PASSPHRASE"

# Generate new key (default)
generate_new_key = true
`, "\n"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

// buildRocksDB builds a node with RocksDB, which takes cgo and the library.
func buildRocksDB(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/usr/include/rocksdb/c.h"); err != nil && os.Getenv("CI") == "" {
		t.Skip("RocksDB is not installed")
	}
	dir := t.TempDir()
	c := exec.Command("go", "build", "-tags", "rocksdb", "-o", filepath.Join(dir, "icn-node"), "../cmd/icn-node")
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}
