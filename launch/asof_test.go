package launch

import (
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// asks is a program whose result is what a host call without arguments answers.
func asks(name string) []byte {
	section := func(id byte, b ...byte) []byte { return append([]byte{id, byte(len(b))}, b...) }
	imp := append([]byte{1, 3, 'i', 'c', 'n', byte(len(name))}, name...)
	out := append([]byte("\x00asm\x01\x00\x00\x00"), section(1, 1, 0x60, 0, 1, 0x7e)...)
	out = append(append(out, section(2, append(imp, 0, 0)...)...), section(3, 1, 0)...)
	return append(append(out, section(7, 1, 3, 'r', 'u', 'n', 0, 1)...), section(10, 1, 4, 0, 0x10, 0, 0x0b)...)
}

// ask runs such a program as a job.
func ask(t *testing.T, api *client.Client, name string) (node.JobView, uint64) {
	t.Helper()
	module, err := api.DagPut(t.Context(), asks(name), client.Put{})
	require.NoError(t, err)
	sub, err := api.MeshSubmit(t.Context(), wire.Submit{Module: module, Grants: icn.JobGrants{Read: true}, Budget: 100, Wait: wire.Duration(30 * time.Second)})
	require.NoError(t, err)
	require.Equal(t, node.JobCompleted, sub.Job.State, "%+v", sub.Job.Failures)
	r, err := api.DagCat(t.Context(), *sub.Job.Receipt.Output)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Len(t, b, 8)
	return *sub.Job, binary.LittleEndian.Uint64(b)
}

// TestAProgramIsToldTheStateAsOfItsAssignment: so whoever runs it again, whenever,
// is told the same, and need not believe the executor.
func TestAProgramIsToldTheStateAsOfItsAssignment(t *testing.T) {
	n, api := begin(t, inMemory())
	const told = 3
	var jobs []node.JobView
	for range told {
		j, balance := ask(t, api, "host_account_get_mana")
		require.NotNil(t, j.Receipt.Transcript)
		s, err := n.jobs.node.Statement(j.Submitter, j.EndedAt, 100)
		require.NoError(t, err)
		held := uint64(0)
		for _, l := range s.Lines {
			if l.Cause == "JobPosted" && *l.Job == j.Job {
				held = l.Balance
			}
		}
		require.Equal(t, held, balance, "what is left while the job's budget is held")
		jobs = append(jobs, j)
	}
	rep, points := ask(t, api, "host_get_reputation")
	require.EqualValues(t, 50, points)
	for _, j := range append(jobs, rep) { // the state went on: what was told stands
		a, err := api.MeshAudit(t.Context(), j.Job, 30*time.Second)
		require.NoError(t, err)
		require.Equal(t, "match", a.Result, a.Reason)
	}
}

// TestAnotherEntryMakesAnotherOutcome: an executor that tells its program something
// else leaves another outcome than those who check it.
func TestAnotherEntryMakesAnotherOutcome(t *testing.T) {
	n, api := begin(t, inMemory())
	j, _ := ask(t, api, "host_account_get_mana")
	as := func(given uint64) node.Output {
		r := run(t, icn.JobSpec{Module: *j.Spec.Module, Grants: icn.JobGrants{Read: true}})
		r.Watch, r.Attempt, r.Job.Submitter, r.Job.Given = &node.Watched{}, 0, j.Submitter, given
		out, err := n.jobs.run(t.Context(), r)
		require.NoError(t, err)
		require.Empty(t, out.Receipt.Outcome.Fault)
		return out
	}
	require.Equal(t, as(j.Posted).Transcript, as(j.Posted).Transcript)
	require.NotEqual(t, as(j.Posted).Transcript, as(j.Ended).Transcript)
	r := run(t, icn.JobSpec{Module: *j.Spec.Module, Grants: icn.JobGrants{Read: true}})
	r.Watch, r.Job.Submitter, r.Job.Given = &node.Watched{}, j.Submitter, j.Ended+1000
	_, err := n.jobs.run(t.Context(), r)
	require.ErrorIs(t, err, node.ErrNotRun, "a node that is behind runs nothing")
}
