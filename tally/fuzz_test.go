package tally_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// FuzzCount reads bytes as a vote of any method whose lists may be in any disorder:
// there is a tally all the same. What CheckChoice lets through says something or
// abstains, as the recount has it; where the lists are in order, so do all numbers.
func FuzzCount(f *testing.F) {
	f.Add(uint8(1), uint8(0), []byte{0, 1, 1, 1, 1, 1, 2, 0, 2})
	f.Add(uint8(2), uint8(3), []byte{0, 3, 1, 2, 3, 1, 2, 2, 1, 9, 4})
	f.Add(uint8(3), uint8(2), []byte{0, 2, 1, 2, 3, 1, 2})
	f.Add(uint8(4), uint8(2), []byte{0, 2, 60, 40, 1, 2, 100, 0})
	f.Add(uint8(5), uint8(2), []byte{0, 2, 6, 8, 1, 2, 10, 0})
	f.Fuzz(func(t *testing.T, method, n uint8, data []byte) {
		v := tally.Vote{Method: icn.Method(method), Options: options(int(n % 70)), Needed: 2, Threshold: uint64(n) * 1e17}
		next := func() (b byte) {
			if len(data) > 0 {
				b, data = data[0], data[1:]
			}
			return b
		}
		inOrder := true
		for i := byte(0); len(data) > 0 && len(v.Roll) < 40; i++ {
			who := icn.DID{i}
			does := next()
			if does&0x80 != 0 {
				who, inOrder = icn.DID{next()}, false
			}
			v.Roll = append(v.Roll, who)
			if does&1 == 0 {
				b := tally.Ballot{Voter: who, Proxy: does&2 != 0}
				for range next() % 70 {
					c := uint64(next())
					if does&4 != 0 {
						c <<= 56
					}
					b.Choice = append(b.Choice, c)
				}
				if err := tally.CheckChoice(v.Method, len(v.Options), b.Choice); err != nil {
					require.ErrorIs(t, err, icn.ErrInvalid)
					require.False(t, says(v.Method, len(v.Options), b.Choice))
				} else if len(b.Choice) > 0 {
					require.True(t, says(v.Method, len(v.Options), b.Choice) || v.Method == icn.YesNo && b.Choice[0] == icn.Abstain)
				}
				v.Ballots = append(v.Ballots, b)
			}
			if does&8 != 0 {
				v.Delegations = append(v.Delegations, tally.Delegation{From: who, To: icn.DID{next()}})
			}
		}
		got := v.Count()
		v.Decided()
		if inOrder && v.Method >= icn.YesNo && v.Method <= icn.Quadratic {
			want := recount(v)
			want.Reason = got.Reason
			require.Equal(t, want, got)
		}
	})
}
