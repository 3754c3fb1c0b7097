package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestARollIsThatOfItsTime(t *testing.T) {
	a := assemble(t, 2, nil)
	before, err := a.c.GovernanceRoll(ctx, "", 0)
	require.NoError(t, err)
	require.Len(t, before.Roll, 2)
	guests := []wire.Member{{DID: a.stranger().DID(), Role: icn.RolePerson, Name: "Guest, the first"}, {DID: a.stranger().DID(), Role: icn.RoleOrg, Name: "Mill"}}
	said, err := a.c.FederationMembersBatch(ctx, guests)
	require.NoError(t, err)
	require.Equal(t, "applied", said.State)

	for at, want := range map[string]int{ // order: each stands alone
		"": 4, fmt.Sprint(said.Index): 4, fmt.Sprint(said.Index - 1): 2, fmt.Sprint(before.Index): 2,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 4,
	} {
		v, err := a.c.GovernanceRoll(ctx, at, icn.Members)
		require.NoError(t, err, at)
		require.Len(t, v.Roll, want, at)
		require.Equal(t, fmt.Sprintf("%x", icn.RollHash(v.Roll)), v.Hash)
	}
	orgs, err := a.c.GovernanceRoll(ctx, "", icn.Organisations)
	require.NoError(t, err)
	require.Equal(t, []icn.Voter{{Member: guests[1].DID, Role: icn.RoleOrg, Name: "Mill"}}, orgs.Roll)

	got := a.do(call{method: http.MethodGet, path: "/governance/roll?format=csv&electorate=persons"})
	require.Equal(t, http.StatusOK, got.status)
	require.True(t, strings.HasPrefix(got.body, "did,name,role\n"))
	require.Contains(t, got.body, guests[0].DID.String()+`,"Guest, the first",person`)
	for query, status := range map[string]int{"at=soon": 400, "at=0": 400, "electorate=nobody": 400, "format=xml": 400, "when=now": 400, "at=1000000": 503, "at=2001-01-01": 404} {
		require.Equal(t, status, a.do(call{method: http.MethodGet, path: "/governance/roll?" + query}).status, query)
	}

	_, err = a.c.FederationMembersBatch(ctx, append(guests, wire.Member{DID: a.stranger().DID(), Role: icn.RolePerson, Name: "x"}))
	require.ErrorIs(t, err, icn.ErrConflict, "all of them, or none")
	m, err := a.c.FederationMember(ctx, guests[0].DID)
	require.NoError(t, err)
	require.Equal(t, "Guest, the first", m.Name)
	require.Equal(t, said.Index, m.Spans[0].From)
	_, err = a.c.FederationMember(ctx, a.stranger().DID())
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func TestAnEntryIsFoundByItsTime(t *testing.T) {
	a := assemble(t, 2, nil)
	for range 5 {
		a.text(nil)
	}
	now, err := a.c.GovernanceRoll(ctx, "", 0)
	require.NoError(t, err)
	for i := uint64(1); i <= now.Index; i++ {
		e, err := a.node.Entry(i)
		require.NoError(t, err)
		last, err := a.node.IndexAt(e.Time)
		require.NoError(t, err)
		require.GreaterOrEqual(t, last, i)
		if last < now.Index {
			next, err := a.node.Entry(last + 1)
			require.NoError(t, err)
			require.Greater(t, next.Time, e.Time)
		}
	}
	first, err := a.node.Entry(1)
	require.NoError(t, err)
	none, err := a.node.IndexAt(first.Time - 1)
	require.NoError(t, err)
	require.Zero(t, none)
}
