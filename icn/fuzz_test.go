package icn_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// fuzzForm feeds a decoder: what it accepts it writes again byte for byte, and
// the IPLD project's codec reads it as the same DAG-CBOR.
func fuzzForm(f *testing.F, again func([]byte) ([]byte, error)) {
	for _, g := range goldens() {
		f.Add(g.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		back, err := again(b)
		require.Equal(t, before, b, "the input is the caller's")
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			return
		}
		require.Equal(t, b, back)
		n := basicnode.Prototype.Any.NewBuilder()
		require.NoError(t, dagcbor.Decode(n, bytes.NewReader(b)))
		var theirs bytes.Buffer
		require.NoError(t, dagcbor.Encode(n.Build(), &theirs))
		require.Equal(t, b, theirs.Bytes())
	})
}

func FuzzStatement(f *testing.F) {
	fuzzForm(f, func(b []byte) ([]byte, error) {
		s, err := icn.DecodeStatement(b)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(s.SigningBytes(), icn.SigningBytesOf(b)) {
			return nil, errors.New("two answers to what is signed")
		}
		return s.Encode(), nil
	})
}

func FuzzEntry(f *testing.F) { fuzzForm(f, entryAgain) }

func FuzzOp(f *testing.F) { fuzzForm(f, opAgain) }

func FuzzBid(f *testing.F) { fuzzForm(f, bidAgain) }

func FuzzGenesis(f *testing.F) { fuzzForm(f, genesisAgain) }

func FuzzSpec(f *testing.F) { fuzzForm(f, specAgain) }

func FuzzRules(f *testing.F) {
	f.Add(icn.DefaultRules().Append(nil))
	fuzzForm(f, func(b []byte) ([]byte, error) {
		r := icn.NewReader(b)
		rules := icn.ReadRules(r)
		if err := r.Close(); err != nil {
			return nil, err
		}
		return rules.Append(nil), nil
	})
}

func FuzzProposal(f *testing.F) {
	f.Add(icn.Stamped(sampleTime, nil))
	f.Add(icn.Stamped(0, []byte("wire")))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, wire, err := icn.OpenStamped(b)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, b, icn.Stamped(at, wire))
	})
}

func FuzzBinaryCID(f *testing.F) {
	f.Add(rawCID("x").Bytes())
	f.Add(sampleGenesis().Block().CID.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := icn.CastCID(b)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, b, c.Bytes())
		back, err := icn.ParseCID(c.String())
		require.NoError(t, err)
		require.Equal(t, c, back)
	})
}

// FuzzCIDText: a CID has a text in many bases; whichever is read, its binary form
// is the one.
func FuzzCIDText(f *testing.F) {
	f.Add(rawCID("x").String())
	f.Add(strings.ToUpper(rawCID("x").String()))
	f.Add("zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := icn.ParseCID(s)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		back, err := icn.CastCID(c.Bytes())
		require.NoError(t, err)
		require.Equal(t, c, back)
	})
}

func FuzzDID(f *testing.F) {
	f.Add(who(1).String())
	f.Add("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := icn.ParseDID(s)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, s, d.String())
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(sampleCheckpoint().Text())
	f.Add(icn.Checkpoint{Network: rawCID("x")}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := icn.ParseCheckpoint(text)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, text, c.Text())
	})
}

// FuzzNote: what is accepted the Go project's reader of signed notes accepts as
// well, with the same text and the same signatures; and what it is written again
// as is read the same.
func FuzzNote(f *testing.F) {
	f.Add(sampleNote())
	for _, x := range notes() {
		f.Add(x.note)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, sigs, err := icn.ParseNote(text)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			require.Zero(t, c)
			require.Nil(t, sigs)
			return
		}
		require.True(t, strings.HasPrefix(text, c.Text()+"\n"))
		again, sigsAgain, err := icn.ParseNote(c.Note(sigs))
		require.NoError(t, err)
		require.Equal(t, c, again)
		require.Equal(t, sigs, sigsAgain)
		ours, theirs := openOurs(text, signers(sigs)...), openTheirs(text, signers(sigs)...)
		require.Equal(t, theirs, ours)
	})
}
