package proof_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// FuzzVote: what is read as a vote's file is written again byte for byte, and checking
// it ends, with a refusal unless it is one of those that are good.
func FuzzVote(f *testing.F) {
	w, _, v := rich(f)
	good := v.Encode()
	f.Add(good)
	v.Casts, v.Roll = nil, nil
	f.Add(v.Encode())
	small := w.export(w.propose("member-00", icn.Proposal{}), nil)
	f.Add(small.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := proof.DecodeVote(b)
		if err != nil {
			require.True(t, errors.Is(err, icn.ErrInvalid) || errors.Is(err, icn.ErrUnknownKind), "%v", err)
			return
		}
		require.Equal(t, b, v.Encode())
		if _, err := v.Verify(proof.Expect{}); err == nil {
			require.Equal(t, good, b)
		}
	})
}

// FuzzReceipt likewise.
func FuzzReceipt(f *testing.F) {
	w := newWorld(f, named(4)...)
	w.vote(w.propose("member-00", icn.Proposal{}), "member-01", icn.No)
	w.tick(1)
	good := w.receipt(2, 0).Encode()
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := proof.DecodeReceipt(b)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		require.Equal(t, b, x.Encode())
		if _, err := x.Verify(proof.Expect{}); err == nil {
			require.Equal(t, good, b)
		}
	})
}
