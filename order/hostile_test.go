package order_test

import (
	"bytes"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// victim is node 2 of {1,2,3} with learner 4, whose peers say what a script says.
type victim struct {
	t       testing.TB
	script  []byte
	disk    *disk
	e       *order.Engine
	out     *order.Round
	applied uint64
	steps   int // frames that were taken
}

func newVictim(t testing.TB, script []byte) *victim {
	v := &victim{t: t, script: script, disk: newDisk()}
	v.open()
	return v
}

func (v *victim) config(d *disk) order.Config {
	return order.Config{
		ID: 2, Voters: []uint64{1, 2, 3}, Learners: []uint64{4}, Store: d, Applied: v.applied,
		ElectionTicks: 3, HeartbeatTicks: 1, SnapshotTicks: 3, MaxSizePerMsg: 64, MaxInflight: 3,
		MaxCommittedSizePerReady: 100, MaxWindow: 20,
	}
}

func (v *victim) open() {
	e, err := order.Open(v.config(v.disk))
	require.NoError(v.t, err)
	v.e, v.out = e, nil
}

func (v *victim) byte() byte {
	if len(v.script) == 0 {
		return 0
	}
	b := v.script[0]
	v.script = v.script[1:]
	return b
}

// near is a number close to one of the interesting ones; seldom a huge one.
func (v *victim) near(of ...uint64) uint64 {
	b := v.byte()
	if b >= 250 {
		return []uint64{1<<64 - 1, 1<<64 - 2, 1 << 63, 1 << 62, 1 << 33, 0}[b-250]
	}
	n := of[int(b>>4)%len(of)] + uint64(b&15)
	return max(n, 6) - 6
}

func (v *victim) message() *pb.Message {
	s := v.e.Status()
	types := []pb.MessageType{
		pb.MsgApp, pb.MsgApp, pb.MsgAppResp, pb.MsgVote, pb.MsgVoteResp, pb.MsgSnap, pb.MsgHeartbeat,
		pb.MsgHeartbeatResp, pb.MsgTimeoutNow, pb.MsgPreVote, pb.MsgPreVoteResp, pb.MsgProp, pb.MsgAppResp,
	}
	m := &pb.Message{Type: types[int(v.byte())%len(types)].Enum(), To: new(uint64(2))}
	m.From = new([]uint64{1, 3, 4, 9}[v.byte()%4])
	m.Term = new(s.Term)
	if b := v.byte(); b > 160 {
		m.Term = new(v.near(s.Term))
	}
	m.Index, m.Commit = new(v.near(s.Commit, s.Last, s.First)), new(v.near(s.Commit, s.Last))
	m.LogTerm = new(s.Term)
	if b := v.byte(); b > 100 {
		m.LogTerm = new(v.near(s.Term))
	}
	if *m.Index == 0 {
		m.LogTerm = new(uint64(0))
	}
	flags := v.byte()
	if flags&3 == 3 {
		m.Reject, m.RejectHint = new(true), new(v.near(s.Commit, s.Last))
	}
	if flags&4 != 0 && m.GetType() == pb.MsgVote {
		m.Context = []byte("CampaignTransfer")
	}
	switch m.GetType() {
	case pb.MsgApp:
		for range flags >> 4 & 7 {
			m.Entries = append(m.Entries, v.entry(m.GetTerm()))
		}
	case pb.MsgSnap:
		index := v.near(s.Commit, s.Last)
		m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{
			Index: &index, Term: m.LogTerm,
			ConfState: &pb.ConfState{Voters: [][]uint64{{1, 2, 3}, {2}, {1, 3}, {2, 2}, {}}[v.byte()%5], Learners: [][]uint64{{4}, {}, {2}}[v.byte()%3]},
		}, Data: fmt.Appendf(nil, "%s data", number(index+uint64(v.byte()%4)))}
	}
	return m
}

func number(n uint64) []byte {
	return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

func (v *victim) entry(term uint64) *pb.Entry {
	x := &pb.Entry{Term: &term, Data: []byte("payload")}
	b := v.byte()
	if b&7 == 1 && term > 1 {
		x.Term = new(term - 1)
	}
	if b&0x18 == 0x18 {
		cc := &pb.ConfChangeV2{}
		for range v.byte() % 3 {
			c := v.byte()
			cc.Changes = append(cc.Changes, &pb.ConfChangeSingle{Type: pb.ConfChangeType(c % 5).Enum(), NodeId: new(uint64(c >> 5))})
		}
		if b&0x20 != 0 {
			cc.Transition = pb.ConfChangeTransitionJointImplicit.Enum()
		}
		x.Type = pb.EntryConfChangeV2.Enum()
		x.Data, _ = proto.Marshal(cc)
		if b&0xc0 == 0xc0 {
			x.Data = []byte{0xff}
		}
	}
	return x
}

// act does what the next bytes of the script say.
func (v *victim) act() {
	switch b := v.byte(); b % 16 {
	case 0, 1, 2, 3, 4, 5, 6:
		m := v.message()
		if v.e.Step(m.GetFrom(), order.EncodeFrame(m)) == nil {
			v.steps++
		}
	case 7:
		for range b >> 4 {
			v.e.Tick()
		}
	case 8, 9, 10:
		v.finish()
		v.begin()
		if b&16 == 0 {
			v.finish()
		}
	case 11:
		_ = v.e.Propose([][]byte{[]byte("mine"), []byte("also")})
	case 12:
		w := &store.Batch{}
		if v.e.Compact(v.e.Status().Applied, []byte("state"), uint64(b>>4), w) == nil {
			_ = v.disk.Apply(w)
		}
	case 13:
		v.e.ForgetLeader()
		v.e.Campaign()
	case 14:
		v.e.Reconcile([]uint64{1, 2, uint64(b >> 4)}, nil)
		v.e.ReportSnapshot(4, b&16 == 0)
		v.e.ReportUnreachable(3)
		v.e.TransferLeader(uint64(b >> 4))
	case 15:
		if b > 128 {
			v.open()
		}
	}
}

func (v *victim) begin() {
	r, ok := v.e.Ready()
	if !ok {
		return
	}
	b := &store.Batch{}
	r.Write(b)
	require.NoError(v.t, v.disk.Apply(b))
	v.out = &r
}

func (v *victim) finish() {
	if v.out != nil {
		v.applied = max(v.applied, v.out.Applied)
		v.e.Advance(*v.out)
		v.out = nil
	}
}

// rest does all rounds, and compares with what a restart would find.
func (v *victim) rest() {
	for v.finish(); ; v.finish() {
		if v.begin(); v.out == nil {
			break
		}
	}
	d := newDisk()
	d.now = maps.Clone(v.disk.now)
	again, err := order.Open(v.config(d))
	require.NoError(v.t, err)
	a, b := v.e.Status(), again.Status()
	require.Equal(v.t, []any{a.First, a.Last, a.Commit, a.Snapshot}, []any{b.First, b.Last, b.Commit, b.Snapshot})
	require.Equal(v.t, fmt.Sprint(a.Voters, a.Learners), fmt.Sprint(b.Voters, b.Learners))
}

func (v *victim) run() {
	for n := 0; len(v.script) > 0; n++ {
		v.act()
		if n%32 == 31 {
			v.rest()
		}
	}
	v.rest()
}

// Whatever its peers say, a node neither panics nor stores what it could not
// start from again.
func FuzzHostilePeers(f *testing.F) {
	r := mrand.New(mrand.NewPCG(1, 1))
	for range 20 {
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		seedRaft(t, 1)
		newVictim(t, script[:min(len(script), 4000)]).run()
	})
}

func TestHostilePeersDoNotPanic(t *testing.T) {
	seedRaft(t, 1)
	r := mrand.New(mrand.NewPCG(2, 2))
	steps := 0
	for range 1500 {
		script := make([]byte, 1200)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		v := newVictim(t, script)
		v.run()
		steps += v.steps
	}
	t.Log(steps, "frames taken")
	require.Greater(t, steps, 20000)
}

// FuzzFrame mutates real frames: what is decoded encodes to the same bytes.
func FuzzFrame(f *testing.F) {
	c := newCluster(1, voters(1, 2, 3))
	c.frames = func(p packet) { f.Add(p.frame) }
	l := c.elect()
	_ = c.propose(l, "a", "b")
	c.settle()
	_ = c.compact(l, 0)
	c.add(4)
	c.reconcile([]uint64{1, 2, 3, 4}, nil, 2)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := order.DecodeFrame(frame)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, frame, order.EncodeFrame(m))
		v := newVictim(t, nil)
		_ = v.e.Step(m.GetFrom(), bytes.Clone(frame))
		v.rest()
	})
}

func TestFramesThatContradictTheLogAreCorrupt(t *testing.T) {
	c := newCluster(21, voters(1, 2, 3))
	l := c.elect()
	for i := range 10 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	c.ticks(5)
	f := c.nodes[l.id%3+1]
	s := f.e.Status()
	say := func(n *node, from uint64, m *pb.Message) error {
		m.To, m.From = &n.id, &from
		if m.Term == nil {
			m.Term = &s.Term
		}
		return n.e.Step(from, order.EncodeFrame(m))
	}
	beyond := s.Last + 1
	require.ErrorIs(t, say(f, l.id, &pb.Message{Type: pb.MsgHeartbeat.Enum(), Commit: &beyond}), icn.ErrCorrupt)
	require.ErrorIs(t, say(l, f.id, &pb.Message{Type: pb.MsgAppResp.Enum(), Index: &beyond}), icn.ErrCorrupt)
	other := s.Term + 1
	require.ErrorIs(t, say(f, l.id, &pb.Message{Type: pb.MsgApp.Enum(), Term: &other, Index: &s.Commit, LogTerm: &other}), icn.ErrCorrupt)
	require.ErrorIs(t, say(f, l.id, &pb.Message{Type: pb.MsgApp.Enum(), Term: &other, Entries: []*pb.Entry{{Term: &other}}}), icn.ErrCorrupt)
	// and what was agreed on still holds
	require.NoError(t, c.propose(l, "after"))
	c.settle()
	c.ok(t)
	require.Contains(t, c.payloads, "after")
}

// An uncommitted tail is overwritten, and before the next round a heartbeat
// commits what only the old tail had.
func TestHeartbeatBeyondATruncatedTailIsCorrupt(t *testing.T) {
	v := newVictim(t, nil)
	app := func(from, term, commit uint64, terms ...uint64) error {
		m := &pb.Message{Type: pb.MsgApp.Enum(), To: new(uint64(2)), From: &from, Term: &term, Commit: &commit}
		for _, x := range terms {
			m.Entries = append(m.Entries, &pb.Entry{Term: &x, Data: []byte("x")})
		}
		return v.e.Step(from, order.EncodeFrame(m))
	}
	require.NoError(t, app(1, 1, 0, 1, 1, 1, 1))
	v.rest()
	require.EqualValues(t, 4, v.e.Status().Last)
	require.NoError(t, app(3, 2, 0, 2, 2))
	require.EqualValues(t, 2, v.e.Status().Last)
	heartbeat := &pb.Message{Type: pb.MsgHeartbeat.Enum(), To: new(uint64(2)), From: new(uint64(3)), Term: new(uint64(2)), Commit: new(uint64(3))}
	require.ErrorIs(t, v.e.Step(3, order.EncodeFrame(heartbeat)), icn.ErrCorrupt)
	*heartbeat.Commit = 2
	require.NoError(t, v.e.Step(3, order.EncodeFrame(heartbeat)))
	v.rest()
	require.EqualValues(t, 2, v.e.Status().Commit)
}

func TestFramesNoEngineSendsAreInvalid(t *testing.T) {
	v := newVictim(t, nil)
	ok := func() *pb.Message {
		return &pb.Message{Type: pb.MsgHeartbeat.Enum(), To: new(uint64(2)), From: new(uint64(1)), Term: new(uint64(1))}
	}
	for name, change := range map[string]func(m *pb.Message){
		"forwarded proposal": func(m *pb.Message) { m.Type = pb.MsgProp.Enum() },
		"local message":      func(m *pb.Message) { m.Type = pb.MsgHup.Enum() },
		"storage message":    func(m *pb.Message) { m.Type = pb.MsgStorageAppendResp.Enum() },
		"forget leader":      func(m *pb.Message) { m.Type = pb.MsgForgetLeader.Enum() },
		"no term":            func(m *pb.Message) { m.Term = nil },
		"absurd term":        func(m *pb.Message) { m.Term = new(uint64(1 << 60)) },
		"other sender":       func(m *pb.Message) { m.From = new(uint64(3)) },
		"absurd index":       func(m *pb.Message) { m.Commit = new(uint64(1 << 63)) },
		"transfer flag":      func(m *pb.Message) { m.Context = []byte("CampaignTransfer") },
	} {
		m := ok()
		change(m)
		require.ErrorIs(t, v.e.Step(1, order.EncodeFrame(m)), icn.ErrInvalid, name)
	}
	frame := order.EncodeFrame(ok())
	require.ErrorIs(t, v.e.Step(1, append(bytes.Clone(frame), 0)), icn.ErrInvalid, "trailing byte")
	require.ErrorIs(t, v.e.Step(1, frame[:len(frame)-1]), icn.ErrInvalid, "truncated")
	require.ErrorIs(t, v.e.Step(1, nil), icn.ErrInvalid)
	require.ErrorIs(t, v.e.Step(1, make([]byte, order.MaxFrame+1)), icn.ErrInvalid)
	m := ok()
	m.To = new(uint64(5))
	require.ErrorIs(t, v.e.Step(1, order.EncodeFrame(m)), icn.ErrNotFound)
	require.Zero(t, v.e.Status().Term, "nothing has changed")
	require.NoError(t, v.e.Step(1, frame))
}
