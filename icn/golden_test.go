package icn_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

var update = flag.Bool("update", false, "write the golden files anew")

type golden struct {
	name  string
	about string
	bytes []byte
	// again decodes and encodes the bytes.
	again func([]byte) ([]byte, error)
}

func statementAgain(b []byte) ([]byte, error) {
	s, err := icn.DecodeStatement(b)
	if err != nil {
		return nil, err
	}
	return s.Encode(), nil
}

func entryAgain(b []byte) ([]byte, error) {
	e, err := icn.DecodeEntry(b)
	if err != nil {
		return nil, err
	}
	return e.Encode(), nil
}

func bidAgain(b []byte) ([]byte, error) {
	x, err := icn.DecodeBid(b)
	if err != nil {
		return nil, err
	}
	return x.Encode(), nil
}

func genesisAgain(b []byte) ([]byte, error) {
	g, err := icn.DecodeGenesis(b)
	if err != nil {
		return nil, err
	}
	return g.Block().Data, nil
}

func opAgain(b []byte) ([]byte, error) {
	r := icn.NewReader(b)
	op := icn.ReadOp(r)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return icn.AppendOp(nil, op), nil
}

func motionAgain(b []byte) ([]byte, error) {
	r := icn.NewReader(b)
	m := icn.ReadMotion(r)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return icn.AppendMotion(nil, m), nil
}

func tallyAgain(b []byte) ([]byte, error) {
	r := icn.NewReader(b)
	t := icn.ReadTally(r)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return t.Bytes(), nil
}

func specAgain(b []byte) ([]byte, error) {
	r := icn.NewReader(b)
	s := icn.ReadJobSpec(r)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return s.Append(nil), nil
}

// jobBlockAgain reads the block that names a job, with a reader of its own: the
// package writes it and never reads it.
func jobBlockAgain(b []byte) ([]byte, error) {
	r := icn.NewReader(b)
	r.Tuple(2)
	statement, op := r.MustCID(), r.Uint()
	if err := r.Close(); err != nil {
		return nil, err
	}
	return icn.AppendUint(icn.AppendCID(icn.AppendArray(nil, 2), statement), op), nil
}

func goldens() []golden {
	var out []golden
	for _, op := range sampleOps() {
		out = append(out, golden{"op-" + op.Kind(), fmt.Sprintf("The operation %s, without its statement.", op.Kind()), icn.AppendOp(nil, op), opAgain})
	}
	for _, m := range sampleMotions() {
		out = append(out, golden{"motion-" + m.MotionKind(), fmt.Sprintf("The motion %s, without its proposal.", m.MotionKind()), icn.AppendMotion(nil, m), motionAgain})
	}
	cancel, all := sampleStatement(icn.JobCancel{Job: rawCID("job")}), sampleStatement(sampleOps()...)
	post := sampleStatement(sampleOps()[5])
	tick := icn.Entry{Index: 1, Time: sampleTime}
	entry := icn.Entry{Index: 1000, Time: sampleTime + 1, Statement: cancel, Wire: cancel.Encode()}
	bare := sampleGenesis()
	bare.Members, bare.Nodes = nil, bare.Nodes[:1]
	genesis := sampleGenesis().Block()
	spec := sampleSpec()
	out = append(out,
		golden{"statement", "A signed statement of one operation. The author's key is the Ed25519 key of the seed 01 (32 times).\nIts CID is " + cancel.ID().String() + ".", cancel.Encode(), statementAgain},
		golden{"statement-batch", "A statement with an operation of each kind.\nIts CID is " + all.ID().String() + ".", all.Encode(), statementAgain},
		golden{"statement-post", "The statement that posts the sample job.\nIts CID is " + post.ID().String() + ", its job is " + icn.JobID(post.ID(), 0).String() + ".", post.Encode(), statementAgain},
		golden{"entry", "The statement of statement.golden as entry 1000 of a log.", entry.Encode(), entryAgain},
		golden{"entry-tick", "An entry without a statement.", tick.Encode(), entryAgain},
		golden{"bid", "A signed bid for the sample job. The executor's key is that of the seed 04.\nIts CID is " + sampleBid().CID().String() + ".", sampleBid().Encode(), bidAgain},
		golden{"genesis", "A genesis of two members and two nodes.\nThe network's name is " + genesis.CID.String() + ".", genesis.Data, genesisAgain},
		golden{"genesis-alone", "The genesis of a node alone.", bare.Block().Data, genesisAgain},
		golden{"tally", "The result of a vote by instant run-off.", sampleTally().Bytes(), tallyAgain},
		golden{"spec", "A job's specification.\nIts CID is " + spec.CID().String() + ".", spec.Append(nil), specAgain},
		golden{"job-id", "The block whose CID names operation 0 of the statement of statement-post.golden.\nIts CID is " + icn.JobID(post.ID(), 0).String() + ".",
			icn.AppendUint(icn.AppendCID(icn.AppendArray(nil, 2), post.ID()), 0), jobBlockAgain},
	)
	return out
}

func (g golden) text() string {
	var b strings.Builder
	for line := range strings.Lines(g.about) {
		b.WriteString("; " + strings.TrimSuffix(line, "\n") + "\n")
	}
	b.WriteString(annotate(g.bytes))
	return b.String()
}

func TestBytesAreAsPublished(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			path := filepath.Join("testdata", g.name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(g.text()), 0o644))
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(text), g.text(), "a byte of a published format changed")
			published, err := strip(string(text))
			require.NoError(t, err)
			again, err := g.again(published)
			require.NoError(t, err)
			require.Equal(t, published, again)
		})
	}
}

// TestBytesAreDagCBOR asks the IPLD project's own codec.
func TestBytesAreDagCBOR(t *testing.T) {
	for _, g := range goldens() {
		n := basicnode.Prototype.Any.NewBuilder()
		require.NoError(t, dagcbor.Decode(n, bytes.NewReader(g.bytes)), g.name)
		var again bytes.Buffer
		require.NoError(t, dagcbor.Encode(n.Build(), &again), g.name)
		require.Equal(t, g.bytes, again.Bytes(), g.name)
	}
}

func TestEveryKindIsPublished(t *testing.T) {
	for _, kind := range icn.Kinds() {
		_, err := os.Stat(filepath.Join("testdata", "op-"+kind+".golden"))
		require.NoError(t, err)
	}
	require.Len(t, sampleOps(), len(icn.Kinds()))
	for _, kind := range icn.MotionKinds() {
		_, err := os.Stat(filepath.Join("testdata", "motion-"+kind+".golden"))
		require.NoError(t, err)
	}
	require.Len(t, sampleMotions(), len(icn.MotionKinds()))
}

func TestJobIsNamedByStatementAndPlace(t *testing.T) {
	st := sampleStatement(sampleOps()[5]).ID()
	for op := range 3 {
		block := append([]byte{0x82}, append(icn.AppendCID(nil, st), byte(op))...)
		require.Equal(t, icn.SumCID(icn.DagCBOR, block), icn.JobID(st, op))
	}
	require.NotEqual(t, icn.JobID(st, 0), icn.JobID(sampleStatement(sampleOps()[4]).ID(), 0))
}
