//go:build linux

package e2e

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/netns"
	"github.com/InterCooperative-Network/icn-core/key"
)

// wires is a ground whose nodes have a network of their own.
type wires struct{ *netns.Net }

func (w wires) command(i int, program string, args ...string) (*exec.Cmd, func() error) {
	return w.Command(i, program, args...)
}

func (w wires) listen(i int) string { return "/ip4/" + w.Addr(i) + "/tcp/7000" }

func (w wires) client(i int, url string) (*client.Client, error) {
	return client.New(url, client.Options{Timeout: patience, HTTP: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.Dial(ctx, i, network, addr)
		},
	}}})
}

func numbers(nodes []*vessel) (out []int) {
	for _, v := range nodes {
		out = append(out, v.i)
	}
	return out
}

// halves parts a fleet: the lesser side has the leader, three of seven clerks, and
// half of the others.
func (f *fleet) halves() (lesser, greater []*vessel) {
	f.Helper()
	fed, err := f.nodes[0].api.Load().FederationStatus(f.Context())
	require.NoError(f, err)
	var clerks, learners []*vessel
	for _, n := range fed.Nodes {
		if n.Clerk {
			clerks = append(clerks, f.at(n.DID))
		} else {
			learners = append(learners, f.at(n.DID))
		}
	}
	require.Len(f, clerks, 7)
	led := f.leader()
	slices.SortFunc(clerks, func(a, b *vessel) int {
		switch {
		case a == led:
			return -1
		case b == led:
			return 1
		}
		return a.i - b.i
	})
	lesser = append(slices.Clone(clerks[:3]), learners[:len(learners)/2+1]...)
	return lesser, f.others(lesser...)
}

// person is a member whose key no node has.
type person struct {
	key.Pair
	network icn.CID
	said    uint64
}

func (f *fleet) person() *person {
	f.Helper()
	pair, err := key.Generate()
	require.NoError(f, err)
	_, err = f.nodes[0].api.Load().FederationMembers(f.Context(), wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "Ada"})
	require.NoError(f, err)
	info, err := f.nodes[0].api.Load().Info(f.Context())
	require.NoError(f, err)
	network, err := icn.ParseCID(info.Network)
	require.NoError(f, err)
	return &person{Pair: pair, network: network}
}

// offer hands in a person's job that may wait only so long to be ordered.
func (p *person) offer(v *vessel, good time.Duration) wire.Said {
	v.f.Helper()
	p.said++
	s := icn.Statement{Network: p.network, Author: p.DID(), Number: p.said, Until: icn.Time(time.Now().Add(good).UnixMilli()),
		Ops: []icn.Op{icn.JobPost{Via: v.did, Budget: 10, Spec: icn.JobSpec{Module: v.f.tiny, Inputs: []icn.CID{v.f.text}}}}}
	s.Sig = [64]byte(p.Sign(s.SigningBytes()))
	said, err := v.api.Load().StatementSay(v.f.Context(), s.Encode())
	require.NoError(v.f, err)
	return said
}

// TestPartitionLosesNoJob: the side of a federation of ten that has no quorum
// orders nothing while it is cut off, the other side goes on; healed, all are
// equally far within moments, and every job that either side accepted has ended,
// once. What waited on the lesser side came in, or expired as its author said.
func TestPartitionLosesNoJob(t *testing.T) {
	netns.Run(t, func(t *testing.T) {
		n := netns.New(t)
		f := newFleet(t, 10, wires{n})
		lesser, greater := f.halves()
		ada := f.person()
		f.level(f.nodes)
		l := newLedger()
		stop := f.storm(l, f.nodes)
		time.Sleep(2 * time.Second) // load before the cut

		require.NoError(t, n.Cut(numbers(lesser)...))
		cut := time.Now()
		f.until("the greater side has a leader of its own", func() bool {
			s, err := greater[0].api.Load().Status(t.Context())
			return err == nil && s.Leader != nil && slices.Contains(greater, f.at(*s.Leader))
		})
		t.Logf("the greater side has a leader %v after the cut", time.Since(cut).Round(time.Millisecond))
		before, other := height(lesser[0]), height(greater[0])
		require.Equal(t, "waiting", ada.offer(lesser[1], 7*time.Second).State)
		expired := icn.JobID(ada.offer(lesser[1], 7*time.Second).Statement, 0)
		late := ada.offer(lesser[1], time.Hour)
		time.Sleep(time.Until(cut.Add(30 * time.Second)))
		require.Equal(t, before, height(lesser[0]), "without a quorum nothing is ordered")
		require.Greater(t, height(greater[0]), other+20, "with one the work goes on")

		stop()
		require.NoError(t, n.Heal(numbers(lesser)...))
		healed := time.Now()
		f.level(f.nodes)
		t.Logf("all heads and roots are the same %v after the healing", time.Since(healed).Round(time.Millisecond))
		f.checkJobs(l)
		for _, v := range f.nodes {
			_, err := v.view(expired)
			require.ErrorIs(t, err, icn.ErrNotFound, "what expired at %s is in", v.name)
			v.knows(icn.JobID(late.Statement, 0))
		}
	})
}

// S17: with B cut off for five seconds a job submitted at A completes, and B tells
// so when it is back.
func TestS17NodeThatWasCutOffLearnsWhatHappened(t *testing.T) {
	netns.Run(t, func(t *testing.T) {
		n := netns.New(t)
		f := newFleet(t, 3, wires{n})
		a, b := f.nodes[0], f.nodes[1]
		require.NoError(t, n.Cut(b.i))
		cut := time.Now()
		s, err := a.api.Load().MeshSubmit(t.Context(), f.job())
		require.NoError(t, err)
		want := a.knows(s.JobID)
		time.Sleep(time.Until(cut.Add(5 * time.Second)))
		_, err = b.view(s.JobID)
		require.ErrorIs(t, err, icn.ErrNotFound)
		require.NoError(t, n.Heal(b.i))
		require.Equal(t, want, b.knows(s.JobID))
		f.level(f.nodes)
	})
}

func height(v *vessel) uint64 {
	v.f.Helper()
	s, err := v.api.Load().Status(v.f.Context())
	require.NoError(v.f, err)
	return s.Height
}
