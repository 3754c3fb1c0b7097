package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
)

// upper is a runner that needs no sandbox: it answers with its arguments.
func upper(_ context.Context, r node.Run) (node.Output, error) {
	return node.Output{Stdout: []byte(strings.ToUpper(strings.Join(r.Job.Spec.Args, " "))), Receipt: icn.JobReceipt{Outcome: icn.Outcome{Gas: 1}, ABI: 1}}, nil
}

func verifyBatch(items []node.SigItem) []bool {
	in := make([]key.Item, len(items))
	for i, x := range items {
		in[i] = key.Item{Key: x.Key, Msg: x.Msg, Sig: x.Sig}
	}
	return key.VerifyBatch(in)
}

// alone starts a federation of one.
func alone(t testing.TB, s store.Store, pair key.Pair) (*node.Node, func()) {
	t.Helper()
	d, err := dag.Open(s, dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := node.New(node.Config{Key: pair, Store: s, Blocks: d, Runner: upper, Verify: key.Verify, VerifyBatch: verifyBatch,
		Rules: icn.DefaultRules(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	for n.State() != "running" {
		time.Sleep(time.Millisecond)
	}
	return n, func() { cancel(); wg.Wait() }
}

func newPair(t testing.TB) key.Pair {
	p, err := key.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func runJob(t testing.TB, n *node.Node, word string) node.JobView {
	t.Helper()
	id, said, err := n.PostJob(t.Context(), icn.JobSpec{Module: icn.SumCID(icn.Raw, []byte("module")), Args: []string{word}}, 50)
	if err != nil || said.State != "applied" {
		t.Fatalf("%+v %v", said, err)
	}
	v, err := n.WaitJob(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJobIsRunSettledAndProven(t *testing.T) {
	n, stop := alone(t, memory.New(), newPair(t))
	defer stop()
	v := runJob(t, n, "hello")
	if v.State != node.JobCompleted || v.Receipt == nil || v.Receipt.Output == nil || *v.Receipt.Output != icn.SumCID(icn.Raw, []byte("HELLO")) {
		t.Fatalf("%+v %+v", v, v.Receipt)
	}
	b, err := n.Blocks().Get(t.Context(), *v.Receipt.Output)
	if err != nil || string(b.Data) != "HELLO" {
		t.Errorf("%s %v", b.Data, err)
	}
	p, err := n.Proof(t.Context(), v.Ended)
	if err != nil {
		t.Fatal(err)
	}
	f, err := n.Federation()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(f.Network, []icn.DID{n.Me()}, key.Verify); err != nil {
		t.Error(err)
	}
	p.Entry[len(p.Entry)-1] ^= 1
	if err := p.Verify(f.Network, []icn.DID{n.Me()}, key.Verify); !errors.Is(err, icn.ErrCorrupt) {
		t.Errorf("a changed entry is proven: %v", err)
	}
}

func TestS32StateSurvivesARestart(t *testing.T) {
	dir, pair := t.TempDir(), newPair(t)
	roots := func(n *node.Node) (string, uint64) {
		s, err := n.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.StateRoot, s.Height
	}
	s, err := pebble.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	n, stop := alone(t, s, pair)
	for range 5 {
		runJob(t, n, "again")
	}
	_, height := roots(n)
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = pebble.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, stop = alone(t, s, pair)
	defer stop()
	if _, h := roots(n); h < height {
		t.Errorf("entry %d after the restart, %d before", h, height)
	}
	if v := runJob(t, n, "still"); v.State != node.JobCompleted {
		t.Errorf("%+v", v)
	}
	if err := n.View(func(m *core.Machine) { err = m.CheckAccounts() }); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestStoreOfAnotherNodeIsRefused(t *testing.T) {
	s := memory.New()
	_, stop := alone(t, s, newPair(t))
	stop()
	n := node.New(node.Config{Key: newPair(t), Store: s, Verify: key.Verify, Log: slog.New(slog.DiscardHandler)})
	if err := n.Run(t.Context()); !errors.Is(err, icn.ErrDenied) || !strings.Contains(err.Error(), "belongs to node did:key:") {
		t.Error(err)
	}
}

// TestLoopKnowsItsRecordsBeforeItsOrderSpeaks: what was folded once is there
// before any other node could be asked.
func TestLoopKnowsItsRecordsBeforeItsOrderSpeaks(t *testing.T) {
	s, pair := memory.New(), newPair(t)
	n, stop := alone(t, s, pair)
	for range 3 {
		runJob(t, n, "again")
	}
	var genesis icn.Block
	var head core.Head
	var root [32]byte
	if err := n.View(func(m *core.Machine) { genesis = m.Genesis().Block() }); err != nil {
		t.Fatal(err)
	}
	l, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	again, err := node.NewLoop(node.LoopConfig{
		Signer: pair, Genesis: genesis, Store: node.NetworkStore(s, genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
		Send: func(icn.DID, node.Kind, []byte) {}, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
		Log: slog.New(slog.DiscardHandler),
	}, icn.Time(time.Now().UnixMilli()))
	if err != nil {
		t.Fatal(err)
	}
	again.View(func(m *core.Machine) { head, root = m.Head(), m.Root() })
	if head.Index < l.Height || head.Index == l.Height && fmt.Sprintf("%x", root) != l.StateRoot {
		t.Errorf("at entry %d with root %x; before, at %d with %s", head.Index, root, l.Height, l.StateRoot)
	}
	if err := again.Turn(icn.Time(time.Now().UnixMilli())); err != nil {
		t.Fatal(err)
	}
	again.View(func(m *core.Machine) {
		if err := m.CheckAccounts(); err != nil || m.Head().Index < head.Index {
			t.Errorf("after its order spoke: at entry %d, %v", m.Head().Index, err)
		}
	})
}

func TestSameStatementThroughTheAPITwiceIsOneEntry(t *testing.T) {
	n, stop := alone(t, memory.New(), newPair(t))
	defer stop()
	member := newPair(t)
	if _, err := n.Do(t.Context(), icn.MemberAdmit{Member: member.DID(), Role: icn.RolePerson, Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	f, err := n.Federation()
	if err != nil {
		t.Fatal(err)
	}
	s := &icn.Statement{Network: f.Network, Author: member.DID(), Number: 1, Ops: []icn.Op{
		icn.JobPost{Via: n.Me(), Budget: 20, Spec: icn.JobSpec{Module: icn.SumCID(icn.Raw, []byte("m"))}}}}
	s.Sig = [64]byte(member.Sign(s.SigningBytes()))
	first, err := n.Say(t.Context(), s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	second, err := n.Say(t.Context(), s.Encode())
	if err != nil || first.Index != second.Index {
		t.Errorf("%+v, then %+v %v", first, second, err)
	}
	s.Ops = []icn.Op{icn.JobCancel{Job: icn.JobID(s.ID(), 0)}}
	s.Sig = [64]byte(member.Sign(s.SigningBytes()))
	if _, err := n.Say(t.Context(), s.Encode()); !errors.Is(err, icn.ErrConflict) {
		t.Errorf("another statement with the same number: %v", err)
	}
}

func BenchmarkJobAlone(b *testing.B) {
	s, err := pebble.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	n, stop := alone(b, s, newPair(b))
	defer stop()
	for b.Loop() {
		runJob(b, n, "x")
	}
}

// TestLogThatIsAheadGoesOn: once the clock said 2031, and now it is right again.
// What waits for a time waits no longer than it says, and the operator is told.
func TestLogThatIsAheadGoesOn(t *testing.T) {
	s, pair := memory.New(), newPair(t)
	at := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	var genesis icn.Block
	n, stop := alone(t, s, pair)
	if err := n.View(func(m *core.Machine) { genesis = m.Genesis().Block() }); err != nil {
		t.Fatal(err)
	}
	stop()
	open := func(now int64) *node.Loop {
		l, err := node.NewLoop(node.LoopConfig{
			Signer: pair, Genesis: genesis, Store: node.NetworkStore(s, genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
			Send: func(icn.DID, node.Kind, []byte) {}, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
			Log: slog.New(slog.DiscardHandler),
		}, icn.Time(now))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	say := func(l *node.Loop, now int64, op icn.Op) {
		t.Helper()
		var got error = errors.New("not ordered")
		if _, err := l.SayOps([]icn.Op{op}, 0, func(a node.Answer) { got = a.Err }); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := l.Turn(icn.Time(now)); err != nil {
				t.Fatal(err)
			}
		}
		if got != nil {
			t.Fatal(got)
		}
	}
	say(open(at), at, icn.MemberAdmit{Member: newPair(t).DID(), Role: icn.RolePerson, Name: "Ada"})

	today := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).UnixMilli()
	l := open(today)
	say(l, today, icn.MemberAdmit{Member: newPair(t).DID(), Role: icn.RolePerson, Name: "Grace"})
	later := today + 3_600_000
	say(l, later, icn.MemberAdmit{Member: newPair(t).DID(), Role: icn.RolePerson, Name: "Hedy"})
	var head core.Head
	l.View(func(m *core.Machine) { head = m.Head() })
	if moved := int64(head.Time) - at; moved < 3_600_000 || moved > 3_700_000 {
		t.Errorf("in an hour the log's time moved by %d ms", moved)
	}
	var st node.Status
	l.Status(&st)
	if !strings.Contains(st.Alarms["log time"], "2031-01-01") {
		t.Errorf("alarms: %v", st.Alarms)
	}
}
