package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/InterCooperative-Network/icn-core/examples"
)

// built is where TestMain put the binaries and programs.
var built string

// builtEnv tells a test that runs itself again where they are.
const builtEnv = "ICN_E2E_BUILT"

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if built = os.Getenv(builtEnv); built != "" {
		return m.Run(), nil
	}
	if built, err = os.MkdirTemp("", "icn-e2e-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(built)
	if err := os.Setenv(builtEnv, built); err != nil {
		return 1, err
	}
	if err := build(nil, "-o", built+string(os.PathSeparator), "../cmd/icn-node", "../cmd/icn-cli", "../cmd/icn-verify"); err != nil {
		return 1, err
	}
	if err := build([]string{"GOOS=wasip1", "GOARCH=wasm"}, "-o", filepath.Join(built, "spin.wasm"), "./testdata/spin"); err != nil {
		return 1, err
	}
	if err := os.WriteFile(filepath.Join(built, "tiny.wasm"), examples.Tiny(), 0o600); err != nil {
		return 1, err
	}
	for _, name := range []string{"steps", "../../examples/wordtally"} {
		out := filepath.Join(built, filepath.Base(name)+".wasm")
		if err := build([]string{"GOOS=wasip1", "GOARCH=wasm"}, "-o", out, "./testdata/"+name); err != nil {
			return 1, err
		}
	}
	for name, code := range map[string][]byte{"fails.wasm": fails, "asks.wasm": asks} { // order: each stands alone
		if err := os.WriteFile(filepath.Join(built, name), code, 0o600); err != nil {
			return 1, err
		}
	}
	code = m.Run()
	if database.server != nil && database.err == nil {
		err = database.server.Stop()
	}
	return code, err
}

// fails is a program that does nothing but trap: (func (export "_start") unreachable).
var fails = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x05\x01\x03\x00\x00\x0b")

// asks is a program whose result is its submitter's balance:
// (func (export "run") (result i64) (call $host_account_get_mana)).
var asks = []byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7e\x02\x1d\x01\x03icn\x15host_account_get_mana\x00\x00" +
	"\x03\x02\x01\x00\x07\x07\x01\x03run\x00\x01\x0a\x06\x01\x04\x00\x10\x00\x0b")

func build(env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %v: %w\n%s", args, err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setup, Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node": cmdNode, "at": cmdAt, "p2p": cmdP2P, "listen": cmdListen, "kill9": cmdKill9, "end": cmdEnd,
			"exits": cmdExits, "take": cmdTake, "whois": cmdWhois, "other": cmdOther, "agree": cmdAgree, "mana": cmdMana,
			"postgres": cmdPostgres, "pause": cmdPause, "resume": cmdResume, "gone": cmdGone, "certificate": cmdCertificate, "plain": cmdPlain, "flip": cmdFlip, "signal": cmdSignal, "says": cmdSays,
		},
	})
}

// setup gives a script an environment without anything of the caller's.
func setup(env *testscript.Env) error {
	env.Setenv("PATH", built+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("ICN_HOME", filepath.Join(env.WorkDir, "home"))
	for _, name := range []string{"spin.wasm", "tiny.wasm", "fails.wasm", "steps.wasm", "wordtally.wasm", "asks.wasm"} {
		if err := os.Link(filepath.Join(built, name), filepath.Join(env.WorkDir, name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(env.WorkDir, "text.txt"), examples.Text, 0o600); err != nil {
		return err
	}
	p := &processes{dir: env.WorkDir, vars: env, running: map[string]*process{}}
	env.Values[processesKey{}] = p
	env.Defer(p.killAll)
	return nil
}
