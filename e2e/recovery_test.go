package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
)

// TestDisasterRecovery runs testdata/recovery.sh: a node with its database and its key
// is lost, and scripts/recover.sh brings back what scripts/backup.sh has saved.
func TestDisasterRecovery(t *testing.T) {
	if err := startDatabase(); errors.Is(err, pgtest.Missing) && os.Getenv("CI") == "" {
		t.Skip("PostgreSQL is not installed")
	}
	require.NoError(t, database.err)
	dir := t.TempDir()
	tiny, err := os.ReadFile(filepath.Join(built, "tiny.wasm"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tiny.wasm"), tiny, 0o600))
	script, err := filepath.Abs("testdata/recovery.sh")
	require.NoError(t, err)
	scripts, err := filepath.Abs("../scripts")
	require.NoError(t, err)
	c := exec.Command("bash", script, scripts)
	c.Dir = dir
	c.Env = []string{"PATH=" + built + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", database.server.Port()), "PGUSER=icn"}
	out, err := c.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "node.log")) // it may not have come so far
		t.Fatalf("%v\n%s\nnode.log:\n%s", err, out, log)
	}
	t.Logf("%s", out)
}
