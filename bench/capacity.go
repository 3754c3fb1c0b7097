package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
)

// transfers is what PostgreSQL does for one operation on capacity: two balances
// change, and a row tells of it, all or none.
const transfers = `\set a random(1, 100000)
\set b random(1, 100000)
\set lo least(:a, :b)
\set hi greatest(:a, :b)
BEGIN;
UPDATE accounts SET balance = balance - 1 WHERE id = :lo;
UPDATE accounts SET balance = balance + 1 WHERE id = :hi;
INSERT INTO history (a, b, amount) VALUES (:lo, :hi, 1);
COMMIT;
`

// measureCapacity compares signed operations on accounts over HTTP, each durable
// when it is answered, with transfers in PostgreSQL, in turns; then it measures
// statements that carry many operations.
func measureCapacity(ctx context.Context, bin, dir string, each time.Duration) error {
	pg, err := startTransfers(ctx, dir)
	if err != nil {
		return err
	}
	if pg != nil {
		defer pg.server.Stop()
	}
	ours, err := start(ctx, bin, filepath.Join(dir, "node"), nil)
	if err != nil {
		return err
	}
	defer ours.stop()
	who, err := authors(ctx, ours.api, 64)
	if err != nil {
		return err
	}
	b := &sayBench{who: who[:32], p: ours}
	for _, clients := range []int{1, 8, 32} {
		if err := b.compare(ctx, pg, clients, each); err != nil {
			return err
		}
	}
	return (&sayBench{who: who[32:], p: ours}).batches(each)
}

// massClients is how many hand in large statements.
const massClients = 8

// sayBench hands in statements. Each client speaks for some of the authors, in turn.
type sayBench struct {
	who []*author
	p   *process
	ops func(n int) []icn.Op // what a statement of n operations says; nil: spending
}

func (b *sayBench) compare(ctx context.Context, pg *transferBench, clients int, each time.Duration) error {
	const rounds = 4
	var sum, peer phase
	var all result
	for range rounds {
		p, r := b.measure(clients, each/2, 1, 15_000)
		sum.add(p)
		all.took = append(all.took, r.took...)
		if pg != nil {
			peer.add(pg.measure(ctx, clients, each/2))
		}
	}
	if sum.err != nil {
		return sum.err
	}
	if peer.err != nil {
		return peer.err
	}
	fmt.Printf("capacity operations over HTTP, signed and durable, %d client(s): %.0f/s, p50 %v, %v server CPU each\n", clients, sum.rate(), all.at(.5), sum.each())
	if pg != nil {
		fmt.Printf("    PostgreSQL transfers (pgbench, prepared, synchronous_commit on): %.0f/s, %v server CPU each; ratio %.2f\n", peer.rate(), peer.each(), sum.rate()/peer.rate())
	}
	return nil
}

// measure has each client say statements of so many operations; rate is how many
// statements a second are signed in advance.
func (b *sayBench) measure(clients int, each time.Duration, operations, rate int) (phase, result) {
	ops := spending(operations)
	if b.ops != nil {
		ops = b.ops(operations)
	}
	wires := make([]*socket, clients)
	for i := range wires {
		w, err := dialSocket(strings.TrimPrefix(b.p.url, "http://"))
		if err != nil {
			return phase{err: err}, result{}
		}
		defer w.conn.Close()
		wires[i] = w
	}
	for _, a := range b.who {
		a.prepare(int(each.Seconds()*float64(rate))/len(b.who), ops)
	}
	turns := make([]int, clients)
	head := "POST /statements HTTP/1.1\r\nHost: icn\r\nx-api-key: " + apiKey + "\r\nContent-Type: application/cbor\r\n"
	settle()
	before := cpuOf(b.p.cmd.Process.Pid)
	r := load(clients, each, func(w int) error {
		a := b.who[turns[w]*clients+w]
		turns[w] = (turns[w] + 1) % (len(b.who) / clients)
		status, body, err := wires[w].do(head, a.next(ops))
		if err != nil || status != 200 {
			return fmt.Errorf("statement: %d %s %v", status, body, err)
		}
		return nil
	})
	return phase{len(r.took), r.over, cpuOf(b.p.cmd.Process.Pid) - before, r.err}, r
}

// batches are statements of as many operations as there may be.
func (b *sayBench) batches(each time.Duration) error {
	sum, _ := b.measure(massClients, each, icn.MaxOps, 150)
	if sum.err != nil {
		return sum.err
	}
	rate := sum.rate() * icn.MaxOps
	fmt.Printf("statements of %d operations, signed and durable, %d clients: %.0f operations/s, %v server CPU each, %.0f statements/s\n",
		icn.MaxOps, massClients, rate, (sum.cpu / time.Duration(max(sum.n*icn.MaxOps, 1))).Round(10*time.Nanosecond), sum.rate())
	return nil
}

// transferBench is PostgreSQL with accounts.
type transferBench struct {
	server           *pgtest.Server
	bin, script, url string
}

// startTransfers is nil where PostgreSQL is not installed.
func startTransfers(ctx context.Context, dir string) (*transferBench, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if len(found) == 0 {
		fmt.Println("capacity: pgbench is not installed (scripts/servers.sh installs it), so transfers are not compared")
		return nil, nil
	}
	s, err := pgtest.Start()
	if err != nil {
		return nil, err
	}
	b := &transferBench{server: s, bin: found[0], script: filepath.Join(dir, "transfer.sql")}
	if b.url, err = s.Database(ctx, "transfers"); err != nil {
		return b, err
	}
	if err := os.WriteFile(b.script, []byte(transfers), 0o600); err != nil {
		return b, err
	}
	return b, s.Exec(ctx, "transfers", `CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
		CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int NOT NULL, b int NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
		INSERT INTO accounts SELECT n, 1000 FROM generate_series(1, 100000) n; ANALYZE accounts`)
}

func (b *transferBench) measure(ctx context.Context, clients int, each time.Duration) phase {
	settle()
	before := b.server.CPU()
	rate, err := pgbench(ctx, pgbenchOptions{bin: b.bin, script: b.script, url: b.url, clients: clients, each: each})
	ran := max(time.Second, each.Truncate(time.Second))
	return phase{n: int(rate * ran.Seconds()), over: ran, cpu: b.server.CPU() - before, err: err}
}
