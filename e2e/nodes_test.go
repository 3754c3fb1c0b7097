package e2e

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

type processesKey struct{}

// processes are the nodes of one script.
type processes struct {
	dir     string
	vars    *testscript.Env
	running map[string]*process
}

type process struct {
	cmd *exec.Cmd
	log *os.File
}

func of(ts *testscript.TestScript) *processes { return ts.Value(processesKey{}).(*processes) }

func (p *processes) killAll() {
	for _, x := range p.running { // order: each by itself
		_ = x.cmd.Process.Kill() // it may have ended
		_ = x.cmd.Wait()
		_ = x.log.Close()
	}
}

func (p *processes) addrFile(name string) string { return filepath.Join(p.dir, name+".addr") }

func plain(ts *testscript.TestScript, neg bool, args []string, low int) {
	if neg || len(args) < low {
		ts.Fatalf("usage: see doc.go")
	}
}

func cmdNode(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	p, name := of(ts), args[0]
	if p.running[name] != nil {
		ts.Fatalf("%s runs already", name)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_ = os.Remove(p.addrFile(name)) // there is none before the first start
	cmd := exec.Command(filepath.Join(built, "icn-node"), append(args[1:], "--addr-file", p.addrFile(name))...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, environ(ts), log, log
	ts.Check(cmd.Start())
	p.running[name] = &process{cmd, log}
}

// environ is what a script has set for the nodes it starts.
func environ(ts *testscript.TestScript) []string {
	env := []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	for _, name := range []string{"ICN_API_KEY", "ICN_API_KEY_FILE", "ICN_JOIN_CODE", "ICN_JOIN_CODE_FILE", "ICN_STORAGE_PATH", "ICN_MANA_LEDGER_PATH", "ICN_KEY_PASSPHRASE", "ICN_KEY_PASSPHRASE_FILE", "ICN_MESH_JOB_RETRY_COUNT"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func cmdAt(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Setenv("ICN_API_URL", "@"+of(ts).addrFile(args[0]))
}

func cmdP2P(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	ts.Setenv(args[0], field(ts, args[1], "P2P "))
}

// cmdListen is cmdP2P without the node's name: what it listened on.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	addr, _, _ := strings.Cut(field(ts, args[1], "P2P "), "/p2p/")
	ts.Setenv(args[0], addr)
}

// field is the rest of the first line of a node's address file with a prefix.
func field(ts *testscript.TestScript, name, prefix string) string {
	for line := range strings.Lines(ts.ReadFile(of(ts).addrFile(name))) {
		if v, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(v)
		}
	}
	ts.Fatalf("%s has no address that begins with %s", name, prefix)
	return ""
}

func (p *processes) end(ts *testscript.TestScript, name string, s os.Signal) error {
	x := p.running[name]
	if x == nil {
		ts.Fatalf("%s does not run", name)
	}
	delete(p.running, name)
	ts.Check(x.cmd.Process.Signal(s))
	err := x.cmd.Wait()
	ts.Check(x.log.Close())
	return err
}

func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	var exit *exec.ExitError
	if err := of(ts).end(ts, args[0], syscall.SIGKILL); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		ts.Fatalf("%s had ended by itself: %v", args[0], err)
	}
}

func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Check(of(ts).end(ts, args[0], syscall.SIGTERM))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cmdTake(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("stdout has no match for %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func cmdWhois(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	logs, err := filepath.Glob(filepath.Join(of(ts).dir, "*.log"))
	ts.Check(err)
	for _, path := range logs {
		b, err := os.ReadFile(path)
		ts.Check(err)
		if bytes.Contains(b, []byte("DID "+args[1]+"\n")) {
			ts.Setenv(args[0], strings.TrimSuffix(filepath.Base(path), ".log"))
			return
		}
	}
	ts.Fatalf("no node here is %s", args[1])
}

// cmdOther names a running node that is none of those given.
func cmdOther(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	for _, name := range slices.Sorted(maps.Keys(of(ts).running)) {
		if !slices.Contains(args[1:], name) {
			ts.Setenv(args[0], name)
			return
		}
	}
	ts.Fatalf("no other node runs")
}

func dial(ts *testscript.TestScript, name string) *client.Client {
	c, err := client.New(field(ts, name, "API "), client.Options{APIKey: ts.Getenv("ICN_API_KEY")})
	ts.Check(err)
	return c
}

func cmdAgree(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	var clients []*client.Client
	for _, name := range args {
		clients = append(clients, dial(ts, name))
	}
	for {
		at := make([]wire.Status, len(clients))
		level := true
		for i, c := range clients {
			var err error
			at[i], err = c.Status(context.Background())
			ts.Check(err)
			level = level && at[i].Height == at[0].Height
		}
		if !level {
			continue // each question takes a turn of a node's loop
		}
		for i, s := range at {
			if s.StateRoot != at[0].StateRoot || s.TreeRoot != at[0].TreeRoot {
				ts.Fatalf("%s and %s differ at entry %d", args[i], args[0], s.Height)
			}
			if !s.Totals.Balanced() {
				ts.Fatalf("mana does not add up at %s: %+v", args[i], s.Totals)
			}
		}
		return
	}
}

func cmdMana(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2)
	d, err := icn.ParseDID(args[0])
	ts.Check(err)
	want, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	out, err := exec.Command(filepath.Join(built, "icn-cli"), "--api-url", ts.Getenv("ICN_API_URL"), "--api-key", ts.Getenv("ICN_API_KEY"),
		"--output", "json", "accounts", "balance", d.String()).Output()
	ts.Check(err)
	var v struct{ Balance, Held uint64 }
	ts.Check(wire.Unmarshal(out, &v))
	if v.Balance != want && v.Balance != want+1 || v.Held != 0 {
		ts.Fatalf("%s has %d mana and %d held, want %d and none", d, v.Balance, v.Held, want)
	}
}
