package proof_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

func receipt(t testing.TB, x proof.Receipt) proof.Receipt {
	file := x.Encode()
	back, err := proof.DecodeReceipt(file)
	require.NoError(t, err)
	require.Equal(t, file, back.Encode())
	require.Equal(t, "receipt", proof.Kind(file))
	return back
}

func TestAReceiptShowsThatABallotIsInTheLog(t *testing.T) {
	w := newWorld(t, named(4)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.No)
	w.rotate("member-02", "another key")
	w.say("member-02", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}, icn.BallotCast{Proposal: id, For: did("member-02"), Choice: []uint64{icn.No}})
	at := uint64(len(w.log))
	w.tick(1)
	x := receipt(t, w.receipt(at, 1))
	got, err := x.Verify(proof.Expect{Network: w.genesis.CID})
	require.NoError(t, err)
	require.Equal(t, at, got.Entry)
	require.Equal(t, did("member-02"), got.Author)
	require.Equal(t, "ballot.cast", got.Operation)
	require.Equal(t, &proof.CastReport{Proposal: id, Voter: did("member-02"), Choice: []uint64{icn.No}}, got.Ballot)
	require.Len(t, got.Checked, 3)
	require.Less(t, len(x.Encode()), 4096, "it is small")
}

func TestForgedReceiptsAreNamed(t *testing.T) {
	w := newWorld(t, named(4)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.No)
	at := uint64(len(w.log))
	w.rotate("member-02", "another key")
	w.vote(id, "member-02", icn.No)
	w.tick(1)
	x := w.receipt(at, 0)
	entry := func(name string, index uint64) []byte {
		s := w.signed(name, icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}})
		e := icn.Entry{Index: index, Time: w.now, Wire: s.Encode()}
		return e.Encode()
	}
	for name, c := range map[string]struct {
		x    proof.Receipt
		want proof.Expect
		why  string
	}{
		"another ballot in its place": {x: with(x, func(x *proof.Receipt) { x.Entry = entry("member-01", at) }), why: "it is not in the log of"},
		"beyond the log":              {x: with(x, func(x *proof.Receipt) { x.Entry = entry("member-01", 99) }), why: "it is not in the log of"},
		"before the log":              {x: with(x, func(x *proof.Receipt) { x.Entry = entry("member-01", 0) }), why: "it is not in the log of"},
		"a path that is too short":    {x: with(x, func(x *proof.Receipt) { x.Hashes = x.Hashes[1:] }), why: "it is not in the log of"},
		"an operation that is not there": {x: with(x, func(x *proof.Receipt) { x.Op = 1 }),
			why: "it has 1 operations, the receipt is about number 1, counted from 0"},
		"an empty entry":        {x: w.receipt(uint64(len(w.log)), 0), why: "nobody said anything in it"},
		"a key nobody shows":    {x: with(w.receipt(at+2, 0), func(x *proof.Receipt) { x.Rotations = nil }), why: "the signature is by no key of"},
		"one clerk alone":       {x: with(x, func(x *proof.Receipt) { x.Note = w.sign(w.point(), "n3") }), why: "1 of 3 clerks"},
		"of another network":    {x: x, want: proof.Expect{Network: newWorld(t).genesis.CID}, why: "the file is of the network"},
		"contradicted":          {x: x, want: proof.Expect{Notes: []string{w.sign(contrary(w.point()), "n1")}}, why: "two checkpoints of"},
		"compared with no note": {x: x, want: proof.Expect{Notes: []string{"a letter"}}, why: "the checkpoint to compare with"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := receipt(t, c.x).Verify(c.want)
			require.ErrorContains(t, err, c.why)
		})
	}
	_, err := x.Verify(proof.Expect{Notes: []string{x.Note, w.sign(icn.Checkpoint{Network: w.genesis.CID, Size: 1}, "n1")}})
	require.NoError(t, err, "the same one, and one of another size, contradict nothing")
	file := x.Encode()
	for at := range file {
		forged := bytes.Clone(file)
		forged[at] ^= 1 << (at % 8)
		back, err := proof.DecodeReceipt(forged)
		if err == nil {
			_, err = back.Verify(proof.Expect{})
		}
		require.Error(t, err, "byte %d of %d", at, len(file))
	}
}

func with(x proof.Receipt, change func(*proof.Receipt)) proof.Receipt {
	change(&x)
	return x
}
