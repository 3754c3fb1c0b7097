package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
)

// measureDatabase compares single puts over HTTP into PostgreSQL with what its own
// benchmark inserts into the same server: a row of the same size, in turns.
func measureDatabase(ctx context.Context, bin, dir string, each time.Duration) error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if len(found) == 0 {
		fmt.Println("postgresql: pgbench is not installed, so puts are not compared")
		return nil
	}
	s, err := pgtest.Start()
	if err != nil {
		return err
	}
	defer s.Stop()
	url, err := s.Database(ctx, "icn_bench")
	if err != nil {
		return err
	}
	other, err := s.Database(ctx, "pgbench")
	if err != nil {
		return err
	}
	if err := s.Exec(ctx, "pgbench", "CREATE TABLE kv (k bytea PRIMARY KEY, v bytea NOT NULL)"); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	script := filepath.Join(dir, "insert.sql")
	value := strings.Repeat("5a", 1040)
	text := "INSERT INTO kv VALUES (decode(md5(random()::text) || md5(random()::text), 'hex'), '\\x" + value + "');\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return err
	}
	ours, err := start(ctx, bin, filepath.Join(dir, "node"), []string{"--storage-backend", "postgresql", "--db-url", url})
	if err != nil {
		return err
	}
	defer ours.stop()
	auth := " HTTP/1.1\r\nHost: icn\r\nx-api-key: " + apiKey + "\r\n"
	b := &blockBench{name: "icn-node", addr: strings.TrimPrefix(ours.url, "http://"), pid: ours.cmd.Process.Pid, put: func(w *socket, data []byte) (string, error) {
		status, body, err := w.do("POST /dag/put"+auth+"Content-Type: application/octet-stream\r\n", data)
		if err != nil || status != 201 {
			return "", fmt.Errorf("put: %d %s %v", status, body, err)
		}
		return "", nil
	}}
	var sum phase
	var peer float64
	const rounds = 4
	for range rounds {
		sum.add(b.measure("put", 32, each))
		r, err := pgbench(ctx, pgbenchOptions{bin: found[0], script: script, url: other, clients: 32, each: each})
		if err != nil {
			return err
		}
		peer += r / rounds
	}
	if sum.err != nil {
		return sum.err
	}
	fmt.Printf("postgresql, put 1 KiB over HTTP, 32 clients: %.0f/s, durable, %v server CPU each; pgbench inserts of the row: %.0f/s; ratio %.2f\n", sum.rate(), sum.each(), peer, sum.rate()/peer)
	return nil
}

var transactions = regexp.MustCompile(`tps = ([0-9.]+)`)

type pgbenchOptions struct {
	bin, script, url string
	clients          int
	each             time.Duration
}

func pgbench(ctx context.Context, o pgbenchOptions) (float64, error) {
	c := exec.CommandContext(ctx, o.bin, "-n", "-c", strconv.Itoa(o.clients), "-j", strconv.Itoa(min(o.clients, 2)), "-M", "prepared",
		"-T", strconv.Itoa(max(1, int(o.each.Seconds()))), "-f", o.script, o.url)
	out, err := c.CombinedOutput()
	m := transactions.FindSubmatch(out)
	if err != nil || m == nil {
		return 0, errors.Join(err, fmt.Errorf("pgbench: %s", out))
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
