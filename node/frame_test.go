package node

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestBeaconOfALaterReleaseMaySayMore(t *testing.T) {
	b := beacon{RaftID: 3, Boot: 4, Head: 5, Release: "0.2.0"}
	said := b.encode()[1:]
	got, err := decodeBeacon(said)
	require.NoError(t, err)
	require.Equal(t, b, got)
	more := icn.AppendText(append(icn.AppendArray(nil, beaconFields+1), said[1:]...), "and the weather")
	got, err = decodeBeacon(more)
	require.NoError(t, err)
	require.Equal(t, b, got)
	_, err = decodeBeacon(append(said, 0))
	require.ErrorIs(t, err, icn.ErrInvalid, "bytes behind it that it did not announce")
	_, err = decodeBeacon(append(icn.AppendArray(nil, beaconFields-2), said[1:]...))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

// What nodes send each other is read within its bounds, and what was read and is
// written again is the same.
func FuzzFrames(f *testing.F) {
	d := icn.DID{1}
	f.Add(beacon{RaftID: 1, Release: "x"}.encode())
	f.Add(refusal{Author: d, Reason: "late"}.encode())
	f.Add(uintsFrame(frameSeen, 1, 2))
	f.Add(listFrame(frameSubmit, [][]byte{{1}, {2}}))
	f.Add(append([]byte{frameWelcome}, Welcome{Genesis: []byte{1}, RaftID: 2, Peers: []Peer{{DID: d, RaftID: 3, Addrs: []string{"/ip4/10.0.0.1/tcp/1"}}}}.Encode()...))
	f.Add(append([]byte{0}, knockRequest{Name: "a", Code: "b", Addrs: []string{"c"}}.encode()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		tag, body := b[0], b[1:]
		same := func(again []byte, err error) {
			if err == nil {
				require.Equal(t, body, again)
			} else {
				require.ErrorIs(t, err, icn.ErrInvalid)
			}
		}
		if x, err := decodeRefusal(body); err == nil {
			require.Error(t, x.err())
			same(x.encode()[1:], nil)
		}
		if x, err := DecodeWelcome(body); err == nil {
			require.LessOrEqual(t, len(x.Peers), 4096)
			same(x.Encode(), nil)
		}
		x, err := decodeKnock(body)
		same(x.encode(), err)
		l, err := decodeList(body, 1<<12, 1<<16)
		same(listFrame(tag, l)[1:], err)
		n, err := decodeUints(body, 3)
		same(uintsFrame(tag, n...)[1:], err)
		if x, err := decodeBeacon(body); err == nil {
			again, err := decodeBeacon(x.encode()[1:])
			require.NoError(t, err)
			require.Equal(t, x, again)
		}
	})
}
