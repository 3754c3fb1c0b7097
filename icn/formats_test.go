package icn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// formats is the page that tells what bytes mean.
func formats(t *testing.T) string {
	b, err := os.ReadFile("../docs/formats.md")
	require.NoError(t, err)
	return string(b)
}

// section is what stands under a heading, up to the next one.
func section(t *testing.T, page, heading string) string {
	_, rest, ok := strings.Cut(page, "\n"+heading+"\n")
	require.True(t, ok, "docs/formats.md has no %q", heading)
	if i := strings.Index(rest, "\n#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

var row = regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \|`)

// rows are a section's numbered rows: name and what stands beside it.
func rows(t *testing.T, section string) [][2]string {
	var out [][2]string
	for i, m := range row.FindAllStringSubmatch(section, -1) {
		require.Equal(t, fmt.Sprint(i+1), m[1], "rows are numbered in order")
		out = append(out, [2]string{m[2], m[3]})
	}
	return out
}

func TestFormatsNameEveryKindWithItsFields(t *testing.T) {
	page := formats(t)
	var told []string
	for _, x := range regexp.MustCompile("(?m)^### `([a-z.]+)`$").FindAllStringSubmatch(page, -1) {
		told = append(told, x[1])
	}
	require.ElementsMatch(t, icn.Kinds(), told)
	for _, op := range sampleOps() {
		require.Contains(t, icn.Kinds(), op.Kind())
		s := section(t, page, "### `"+op.Kind()+"`")
		items := int(icn.AppendOp(nil, op)[0] & 0x1f)
		require.Len(t, rows(t, s), items-1, op.Kind())
		require.Contains(t, s, "`op-"+op.Kind()+".golden`")
	}
}

func TestFormatsHaveEachTuplesFields(t *testing.T) {
	page := formats(t)
	for heading, b := range map[string][]byte{
		"## Statement": sampleStatement(icn.NodeLeave{}).Encode(), "## Job specification": sampleSpec().Append(nil), "## Outcome": sampleOutcome().Append(nil), "## Bid": sampleBid().Encode(),
		"## Genesis": sampleGenesis().Block().Data, "## Entry": (&icn.Entry{Index: 1}).Encode(), "### Rules": icn.DefaultRules().Append(nil),
	} {
		n := int(b[0] & 0x1f)
		if n == 24 {
			n = int(b[1])
		}
		require.Len(t, rows(t, section(t, page, heading)), n, heading)
	}
	def := reflect.ValueOf(icn.DefaultRules())
	for i, r := range rows(t, section(t, page, "### Rules")) {
		require.Equal(t, "`"+def.Type().Field(i).Tag.Get("json")+"`", r[0])
		require.Equal(t, fmt.Sprint(def.Field(i).Uint()), r[1], r[0])
	}
}

func TestFormatsNameFilesTagsAndFaults(t *testing.T) {
	page := formats(t)
	files, err := filepath.Glob("testdata/*.golden")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		require.Contains(t, page, "`"+filepath.Base(f)+"`")
	}
	for _, m := range regexp.MustCompile("`([a-z.-]+)\\.golden`").FindAllStringSubmatch(page, -1) {
		require.Contains(t, files, filepath.Join("testdata", m[1]+".golden"))
	}
	for _, tag := range []string{icn.StatementDomain, icn.BidDomain, "icn/checkpoint/v1/", "icn/genesis/v1", "icn/snapshot/v1"} {
		require.Contains(t, section(t, page, "### Signatures and domain tags"), "| `"+tag+"` |")
	}
	for _, f := range []icn.Fault{icn.FaultTrap, icn.FaultExit, icn.FaultGas, icn.FaultWall, icn.FaultMemory, icn.FaultOutput, icn.FaultDepth, icn.FaultRefused, icn.FaultModule} {
		require.Contains(t, section(t, page, "## Outcome"), "`"+string(f)+"`")
	}
}

func TestFormatsShowTheMerkleTree(t *testing.T) {
	tick := (&icn.Entry{Index: 1, Time: sampleTime}).Encode()
	leaf := sha256.Sum256(append([]byte{0}, tick...))
	require.Equal(t, [32]byte(tlog.RecordHash(tick)), leaf)
	pair := sha256.Sum256(slices.Concat([]byte{1}, leaf[:], leaf[:]))
	require.Equal(t, [32]byte(tlog.NodeHash(tlog.Hash(leaf), tlog.Hash(leaf))), pair)
	s := section(t, formats(t), "## The log's Merkle tree")
	require.Contains(t, s, "`"+hex.EncodeToString(leaf[:])+"`")
	require.Contains(t, s, "`"+hex.EncodeToString(pair[:])+"`")
}

// tableRow is a row of the state, as the page describes it.
type tableRow struct {
	table      string
	key, value []byte
}

func (r tableRow) path() [32]byte {
	return sha256.Sum256(slices.Concat([]byte(r.table), []byte{0}, r.key))
}

// rootOf is the state root by the words of the page; it shares no code with the
// one it checks.
func rootOf(all []tableRow) [32]byte {
	switch len(all) {
	case 0:
		return [32]byte{}
	case 1:
		path, value := all[0].path(), sha256.Sum256(all[0].value)
		return sha256.Sum256(slices.Concat([]byte{0}, path[:], value[:]))
	}
	for bit := range 256 {
		var sides [2][]tableRow
		for _, r := range all {
			p := r.path()
			b := p[bit/8] >> (7 - bit%8) & 1
			sides[b] = append(sides[b], r)
		}
		if sides[0] != nil && sides[1] != nil {
			left, right := rootOf(sides[0]), rootOf(sides[1])
			return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
		}
	}
	panic("two rows of one path")
}

func TestFormatsShowTheStateRoot(t *testing.T) {
	db := state.NewDB()
	table := state.NewTable(db, state.Spec[string, uint64]{Name: "t", Key: state.TextKey, Parse: state.ParseTextKey,
		Append: icn.AppendUint, Read: func(r *icn.Reader) uint64 { return r.Uint() }})
	require.Equal(t, rootOf(nil), db.Root())
	s := section(t, formats(t), "## The state root")
	var all []tableRow
	for i, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		table.Put(key, uint64(i+1))
		all = append(all, tableRow{"t", []byte(key), []byte{byte(i + 1)}})
		root := db.Root()
		require.Equal(t, rootOf(all), root)
		if i < 2 {
			require.Contains(t, s, "`"+hex.EncodeToString(root[:])+"`")
		}
	}
}

// TestFormatsNameEveryTable reads a snapshot by the words of the page.
func TestFormatsNameEveryTable(t *testing.T) {
	m, err := core.New(sampleGenesis().Block(), func([32]byte, []byte, []byte) bool { return true })
	require.NoError(t, err)
	r := icn.NewReader(m.Snapshot())
	r.Tuple(5)
	require.Equal(t, "icn/snapshot/v1", r.Text(32))
	require.Equal(t, m.Network(), r.MustCID())
	require.Equal(t, uint64(icn.FoldVersion), r.Uint())
	r.Tuple(2)
	require.Zero(t, r.Uint())
	require.Zero(t, r.Array(64))
	var names []string
	var all []tableRow
	for range r.Array(100) {
		r.Tuple(2)
		names = append(names, r.Text(64))
		n := r.Array(1 << 20)
		from := len(all)
		for range n / 2 {
			all = append(all, tableRow{names[len(names)-1], r.Bytes(1024), r.Bytes(1 << 20)})
		}
		require.True(t, slices.IsSortedFunc(all[from:], func(a, b tableRow) int { return bytes.Compare(a.key, b.key) }))
	}
	require.NoError(t, r.Close())
	require.Equal(t, m.Root(), rootOf(all))
	var told []string
	for _, x := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(section(t, formats(t), "### The tables"), -1) {
		told = append(told, x[1])
	}
	require.Equal(t, names, told, "the tables, in order")
}
