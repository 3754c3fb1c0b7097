package identity_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

// TestPlacesAndAccountsAreGivenOutOnce: whatever is said by whomever, no Raft id
// comes twice, nobody's account is opened twice, the clerks are an odd number of
// active nodes, and what is derived is what a restored fold derives.
func TestPlacesAndAccountsAreGivenOutOnce(t *testing.T) {
	who := rapid.Map(rapid.IntRange(0, 7), func(i int) string { return fmt.Sprint("d", i) })
	rapid.Check(t, func(t *rapid.T) {
		db := state.NewDB()
		f := identity.New(db)
		g := &icn.Genesis{Rules: icn.DefaultRules()}
		for i := range rapid.IntRange(1, 4).Draw(t, "founders") {
			g.Nodes = append(g.Nodes, icn.GenesisNode{DID: did(fmt.Sprint("d", i))})
		}
		opened, last := map[icn.DID]bool{}, uint64(len(g.Nodes))
		open := func(effects []icn.Effect) {
			for _, e := range effects {
				d := e.(icn.OpenAccount).Account
				require.False(t, opened[d], "a second account")
				opened[d] = true
			}
		}
		open(f.Found(g))
		now := icn.Time(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += rapid.SampledFrom([]icn.Time{0, 1, day}).Draw(t, "later")
			code := []byte(rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "code"))
			op := rapid.SampledFrom([]icn.Op{
				icn.NodeAdmit{Node: did(who.Draw(t, "node")), Code: code}, icn.NodeRejoin{}, icn.NodeLeave{},
				icn.InviteCreate{CodeHash: sha256.Sum256(code), Role: icn.RoleNode, Expires: now + 1},
				icn.MemberAdmit{Member: did(who.Draw(t, "member")), Role: icn.RolePerson},
			}).Draw(t, "operation")
			author := did(who.Draw(t, "author"))
			belongs := f.Belongs(author)
			db.Begin()
			effects, events, err := f.Apply(identity.Step{Author: author, Time: now, Rules: g.Rules}, op)
			if err != nil || !belongs || rapid.IntRange(0, 9).Draw(t, "rolled back in ten") == 0 {
				db.Rollback()
				f.Refresh()
				continue
			}
			db.Commit()
			open(effects)
			for _, e := range events {
				var id uint64
				switch e := e.(type) {
				case icn.NodeAdmitted:
					id = e.RaftID
				case icn.NodeRejoined:
					id = e.RaftID
				default:
					continue
				}
				require.Greater(t, id, last, "a place given out before")
				last = id
			}
			clerks, nodes := f.Clerks(g.Rules), f.Nodes()
			require.Equal(t, 1, len(clerks)%2)
			require.Equal(t, nodes[:len(clerks)], clerks)
			again := state.NewDB()
			restored := identity.New(again)
			require.NoError(t, again.Restore(icn.NewReader(db.Snapshot(nil))))
			restored.Refresh()
			require.Equal(t, restored.Nodes(), nodes)
			for _, p := range nodes {
				n, ok := f.Node(p.DID)
				require.True(t, ok && n.Active && n.RaftID == p.RaftID)
			}
		}
	})
}
