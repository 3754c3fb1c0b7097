package icn_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestStatementsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyStatement(t)
		wire := s.Encode()
		back, err := icn.DecodeStatement(wire)
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, s, back)
		require.Equal(t, wire, back.Encode())
		require.Equal(t, s.SigningBytes(), icn.SigningBytesOf(wire))
		require.Equal(t, icn.SumCID(icn.DagCBOR, wire), s.ID())
	})
}

func TestSigningBytesBeginWithTheirDomain(t *testing.T) {
	s, b := sampleStatement(icn.NodeLeave{}), sampleBid()
	require.Equal(t, icn.StatementDomain, string(s.SigningBytes()[:len(icn.StatementDomain)]))
	require.Equal(t, icn.BidDomain, string(b.SigningBytes()[:len(icn.BidDomain)]))
	require.Equal(t, s.Encode()[1:len(s.Encode())-66], s.SigningBytes()[len(icn.StatementDomain)+1:])
	require.Equal(t, b.Encode()[1:len(b.Encode())-66], b.SigningBytes()[len(icn.BidDomain)+1:])
}

// TestSigningBytesOfAnythingElse: bytes that no decoder accepted have no signed
// part, and asking for it is no crash.
func TestSigningBytesOfAnythingElse(t *testing.T) {
	for n := range 67 {
		require.Nil(t, icn.SigningBytesOf(make([]byte, n)), "%d bytes", n)
	}
	require.Nil(t, icn.SigningBytesOf(nil))
	wire := sampleStatement(icn.NodeLeave{}).Encode()
	require.Nil(t, icn.SigningBytesOf(wire[:len(wire)-1]), "cut off")
	require.Nil(t, icn.SigningBytesOf(append(wire, 0)), "longer by a byte")
	wire[0] = 0x85
	require.Nil(t, icn.SigningBytesOf(wire), "another tuple")
}

func TestEntriesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &icn.Entry{Index: number(t, "index"), Time: anyTime(t, "time")}
		if rapid.Bool().Draw(t, "statement") {
			e.Statement = anyStatement(t)
			e.Wire = e.Statement.Encode()
		}
		leaf := e.Encode()
		back, err := icn.DecodeEntry(leaf)
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, e, back)
		require.Equal(t, leaf, back.Encode())
	})
}

func TestTickHasOneForm(t *testing.T) {
	want := (&icn.Entry{Index: 3, Time: 4}).Encode()
	require.Equal(t, []byte{0x83, 3, 4, 0xf6}, want)
	require.Equal(t, want, (&icn.Entry{Index: 3, Time: 4, Wire: []byte{}}).Encode())
}

func TestStatementWithoutItsWireFormIsNoTick(t *testing.T) {
	s := sampleStatement(icn.NodeLeave{})
	want := (&icn.Entry{Index: 3, Time: 4, Statement: s, Wire: s.Encode()}).Encode()
	require.Equal(t, want, (&icn.Entry{Index: 3, Time: 4, Statement: s}).Encode())
}

func TestBidsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &icn.Bid{Network: anyCID(t, "network"), Job: anyCID(t, "job"), Attempt: rapid.Uint32().Draw(t, "attempt"), Executor: anyDID(t, "executor"),
			Pass: rapid.Bool().Draw(t, "pass"), Price: number(t, "price"), FreeSlots: number(t, "slots")}
		copy(b.Sig[:], rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
		back, err := icn.DecodeBid(b.Encode())
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, b, back)
	})
}

func TestGenesesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &icn.Genesis{Name: text(t, 128, "name"), Created: anyTime(t, "created"), Rules: icn.DefaultRules()}
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			g.Members = append(g.Members, icn.GenesisMember{DID: who(byte(i + 1)), Role: icn.Role(rapid.IntRange(2, 3).Draw(t, "role")), Name: text(t, 128, "member")})
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "nodes") {
			g.Nodes = append(g.Nodes, icn.GenesisNode{DID: who(byte(i + 100)), Name: text(t, 64, "node")})
		}
		g.Rules.ManaPerHour = rapid.Uint64Range(0, 1<<30).Draw(t, "rate")
		back, err := icn.DecodeGenesis(g.Block().Data)
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, g, back)
	})
}

func TestProposalsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := anyTime(t, "time")
		wire := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "wire")
		at, back, err := icn.OpenStamped(icn.Stamped(now, wire))
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, now, at)
		require.Equal(t, string(wire), string(back))
		require.Equal(t, len(wire) == 0, back == nil)
	})
	for _, bad := range [][]byte{nil, make([]byte, 7), make([]byte, 9+icn.MaxStatement), {0, 0x20, 0, 0, 0, 0, 0, 1}} {
		_, _, err := icn.OpenStamped(bad)
		require.ErrorIs(t, err, icn.ErrInvalid)
	}
}
