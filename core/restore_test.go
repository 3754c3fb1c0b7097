package core_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// order is how the tables follow each other in a snapshot.
var order = []string{"head", "rules", "number", "timer", "node", "member", "invite", "key", "key-owner", "expulsion", "guardians", "recovery", "clerk-choice", "clerks", "next-node", "account", "mana-totals", "job", "open-jobs", "profile", "executor", "settled", "reputation", "frozen",
	"proposal", "ballot", "delegation", "open-proposals", "veto-group", "paused-credential", "upgrade-notice"}

// rewrite changes the tables of a snapshot, and writes it again in good form.
func rewrite(t testing.TB, snapshot []byte, change func(map[string]map[string]string)) []byte {
	tables := rows(t, snapshot)
	require.Len(t, tables, len(order))
	tail := func() []byte {
		b := icn.AppendArray(nil, len(order))
		for _, name := range order {
			b = icn.AppendText(icn.AppendArray(b, 2), name)
			b = icn.AppendArray(b, 2*len(tables[name]))
			for _, k := range slices.Sorted(maps.Keys(tables[name])) {
				b = icn.AppendBytes(icn.AppendBytes(b, []byte(k)), []byte(tables[name][k]))
			}
		}
		return b
	}
	before := tail()
	front := snapshot[:len(snapshot)-len(before)]
	require.Equal(t, snapshot, slices.Concat(front, before))
	change(tables)
	return slices.Concat(front, tail())
}

// busy has a job that waits, one that runs, and a checkpoint due.
func busy(t *testing.T) *federation {
	f := newFederation(t, founding())
	f.say("ann", post("n1", 100))
	f.say("n4", post("n2", 50))
	f.say("n2", assign(f.job(0), 1, "n1"))
	return f
}

func uints(ns ...uint64) string {
	b := icn.AppendArray(nil, len(ns))
	for _, n := range ns {
		b = icn.AppendUint(b, n)
	}
	return string(b)
}

func TestASnapshotWhosePartsContradictEachOtherIsRefused(t *testing.T) {
	f := busy(t)
	good := f.m.Snapshot()
	ann, n3 := did("ann"), did("n3")
	id := ""
	f.m.Jobs(func(c icn.CID, j mesh.Job) bool { id = c.KeyString(); return j.Submitter != ann })
	timer := mesh.TimerPrefix + id
	_, err := core.Restore(f.genesis, key.Verify, rewrite(t, good, func(x map[string]map[string]string) {
		require.Equal(t, x["job"][id], jobFor(f, id, 100, 1))
	}))
	require.NoError(t, err)
	for name, change := range map[string]func(map[string]map[string]string){ // order: each case stands alone
		"a key without its owner": func(x map[string]map[string]string) {
			x["key"][string(ann[:])] = string(icn.AppendUint(icn.AppendDID(icn.AppendArray(nil, 2), n3), 1))
		},
		"a member that is not on the roll": func(x map[string]map[string]string) {
			x["member"][string(ann[:])] = memberRow(2, "Ann", 0, 0, 0)
		},
		"a suspension without timer": func(x map[string]map[string]string) {
			x["member"][string(ann[:])] = memberRow(2, "Ann", 0, 1, uint64(f.now)+5, [2]uint64{0, 1})
		},
		"a member twice on the roll": func(x map[string]map[string]string) {
			x["member"][string(ann[:])] = memberRow(2, "Ann", 0, 0, 0, [2]uint64{0, 2}, [2]uint64{1, 0})
		},
		"a timer of no suspension": func(x map[string]map[string]string) {
			x["timer"]["identity/suspended/"+ann.String()] = x["timer"][timer]
		},
		"a recovery without guardians": func(x map[string]map[string]string) {
			b := icn.AppendArray(icn.AppendArray(nil, 3), 1)
			b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 2), n3), did("new"))
			x["recovery"][string(ann[:])] = string(icn.AppendTime(icn.AppendDID(b, icn.DID{}), 0))
		},
		"other clerks than there are": func(x map[string]map[string]string) { x["clerks"][""] = string(icn.AppendArray(nil, 0)) },
		"no word of the clerks":       func(x map[string]map[string]string) { delete(x["clerks"], "") },
		"a job without its timer":     func(x map[string]map[string]string) { delete(x["timer"], timer) },
		"a timer at another time":     func(x map[string]map[string]string) { x["timer"][timer] = string(icn.AppendTime(nil, f.now)) },
		"a timer of no job": func(x map[string]map[string]string) {
			x["timer"][mesh.TimerPrefix+block("x").KeyString()] = x["timer"][timer]
		},
		"a timer of nobody": func(x map[string]map[string]string) { x["timer"]["nobody"] = x["timer"][timer] },
		"a timer for another's": func(x map[string]map[string]string) {
			x["timer"]["mesh/x"] = x["timer"][timer]
			delete(x["timer"], timer)
		},
		"a checkpoint without timer": func(x map[string]map[string]string) { delete(x["timer"], "checkpoint") },
		"nothing for the checkpoint": func(x map[string]map[string]string) { x["head"][""] = uints(3, uint64(f.now), 0) },
		"another size than the tree": func(x map[string]map[string]string) { x["head"][""] = uints(4, uint64(f.now), 1) },
		"no rules":                   func(x map[string]map[string]string) { delete(x["rules"], "") },
		"rules of another version": func(x map[string]map[string]string) {
			r := founding().Rules
			r.Version = 2
			x["rules"][""] = string(r.Append(nil))
		},
		"an account out of nowhere": func(x map[string]map[string]string) { x["account"]["\x00"+string(n3[1:])] = uints(5, 0, 0, 0, 0) },
		"more than was issued": func(x map[string]map[string]string) {
			x["account"][string(n3[:])] = uints(1001, 0, uint64(epoch), 0, 0)
		},
		"held for another": func(x map[string]map[string]string) {
			x["account"][string(ann[:])] = uints(1000, 0, uint64(epoch), 0, 0)
			x["account"][string(n3[:])] = uints(900, 100, uint64(epoch), 0, 0)
		},
		"a job without account": func(x map[string]map[string]string) {
			delete(x["account"], string(ann[:]))
			x["mana-totals"][""] = uints(4000, 0, 0, 0, 0, 3950, 50)
		},
		"a job less":        func(x map[string]map[string]string) { delete(x["job"], id); delete(x["timer"], timer) },
		"sums that are off": func(x map[string]map[string]string) { x["mana-totals"][""] = uints(5000, 0, 0, 1, 0, 4850, 150) },
		"a job for nothing": func(x map[string]map[string]string) {
			x["job"][id] = jobFor(f, id, 0, 1)
			x["account"][string(ann[:])] = uints(1000, 0, uint64(epoch), 0, 0)
			x["mana-totals"][""] = uints(5000, 0, 0, 0, 0, 4950, 50)
		},
		"a phase that none is": func(x map[string]map[string]string) {
			j := jobFor(f, id, 100, 3)
			require.NotEqual(t, x["job"][id], j)
			x["job"][id] = j
		},
	} {
		bad := rewrite(t, good, change)
		require.NotEqual(t, good, bad, name)
		_, err := core.Restore(f.genesis, key.Verify, bad)
		require.Error(t, err, name)
	}
}

func memberRow(role uint64, name string, since, standing, until uint64, spans ...[2]uint64) string {
	b := icn.AppendUint(icn.AppendText(icn.AppendUint(icn.AppendArray(nil, 6), role), name), since)
	b = icn.AppendArray(icn.AppendUint(icn.AppendUint(b, standing), until), len(spans))
	for _, s := range spans {
		b = append(b, uints(s[0], s[1])...)
	}
	return string(b)
}

// jobFor is the row of a waiting job of ann's with another budget and phase.
func jobFor(f *federation, id string, budget, phase uint64) string {
	c, err := icn.CastCID([]byte(id))
	require.NoError(f, err)
	j := mustJob(f, c)
	b := icn.AppendDID(icn.AppendDID(icn.AppendArray(nil, 16), j.Submitter), j.Via)
	b = j.Spec.Append(icn.AppendUint(b, budget))
	b = icn.AppendUint(icn.AppendTime(b, j.PostedAt), phase)
	b = icn.AppendUint(icn.AppendUint(b, uint64(j.Attempt)), uint64(j.Tries))
	b = icn.AppendArray(icn.AppendArray(b, 0), 0)
	b = icn.AppendTime(icn.AppendTime(b, j.From), j.Due)
	b = icn.AppendUint(icn.AppendCID(icn.AppendCID(b, j.State), j.Began), j.Given)
	return string(icn.AppendArray(b, 0))
}

func TestASnapshotOfSomethingElseIsRefused(t *testing.T) {
	f := busy(t)
	good := f.m.Snapshot()
	other := founding()
	other.Name = "another"
	_, err := core.Restore(other.Block(), key.Verify, good)
	require.ErrorContains(t, err, "another network")
	_, err = core.Restore(f.genesis, key.Verify, append(slices.Clone(good), 0))
	require.ErrorContains(t, err, "trailing")
	for n := range good {
		_, err = core.Restore(f.genesis, key.Verify, good[:n])
		require.Error(t, err, "cut to %d bytes", n)
	}
	for words, i := range map[string]int{"not a snapshot": 5, "fold version": 58} { // order: each stands alone
		bad := slices.Clone(good)
		bad[i]++
		_, err = core.Restore(f.genesis, key.Verify, bad)
		require.ErrorContains(t, err, words)
	}
}
