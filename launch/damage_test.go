package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
)

// patient is a node at rest that damage is done to.
type patient struct {
	t    *testing.T
	cfg  config.Config
	file icn.CID // pinned, of several blocks
}

// backends are the stores that outlive a process, by name.
func backends(t *testing.T) map[string]func(dir string) config.Storage {
	out := map[string]func(string) config.Storage{}
	for _, name := range []string{"pebble", "sqlite"} {
		out[name] = func(dir string) config.Storage {
			c := config.Default().Storage
			c.Backend, c.Path = name, filepath.Join(dir, "store")
			return c
		}
	}
	if s, err := pgtest.Start(); err == nil {
		t.Cleanup(func() { require.NoError(t, s.Stop()) })
		n := 0
		out["postgresql"] = func(string) config.Storage {
			n++
			url, err := s.Database(context.Background(), fmt.Sprintf("patient%d", n))
			require.NoError(t, err)
			c := config.Default().Storage
			c.Backend, c.ConnectionString = "postgresql", url
			return c
		}
	} else if os.Getenv("CI") != "" || !errors.Is(err, pgtest.Missing) {
		require.NoError(t, err)
	}
	return out
}

func admitPatient(t *testing.T, s config.Storage) *patient {
	t.Helper()
	c := config.Default()
	c.Network.HTTPListenAddr, c.Storage = "127.0.0.1:0", s
	c.Identity.KeyPath = filepath.Join(t.TempDir(), "key")
	p := &patient{t: t, cfg: c}
	n, err := Start(t.Context(), c, Options{})
	require.NoError(t, err)
	api := reach(t, n)
	text := make([]byte, 700_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(text)
	added, err := api.DagAdd(t.Context(), bytes.NewReader(text))
	require.NoError(t, err)
	p.file = added.CID
	require.NoError(t, n.node.Blocks().Pin(t.Context(), p.file, 0))
	for i := range 20 {
		_, err := n.node.Do(t.Context(), icn.InviteCreate{CodeHash: [32]byte{byte(i + 1)}, Role: icn.RoleNode, Expires: icn.Time(4e12)})
		if err != nil {
			_, err = n.node.Do(t.Context(), icn.AuditHead{Lines: uint64(i)})
		}
		require.NoError(t, err)
	}
	now, err := api.Status(t.Context())
	require.NoError(t, err)
	_, err = n.node.Proof(t.Context(), now.Height) // waits until it is certified
	require.NoError(t, err)
	require.NoError(t, n.Close())
	return p
}

// examine is what verify --deep finds; an error of opening is a finding, too.
func (p *patient) examine() (found []error) {
	o, err := OpenAtRest(p.t.Context(), p.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return []error{err}
	}
	v, err := backup.Inspect(p.t.Context(), o.History, o.Blocks, backup.Inspection{Deep: true, Checker: Checker()})
	if err != nil {
		v.Problems = append(v.Problems, err)
	}
	if err := o.Close(); err != nil && len(v.Problems) == 0 {
		v.Problems = append(v.Problems, err)
	}
	return v.Problems
}

// rows opens the store alone.
func (p *patient) rows(f func(s, federation store.Store)) {
	p.t.Helper()
	s, err := OpenStore(p.t.Context(), p.cfg.Storage, slog.New(slog.DiscardHandler))
	require.NoError(p.t, err)
	v, err := s.Get([]byte("m/network"))
	require.NoError(p.t, err)
	c, err := icn.CastCID(v)
	require.NoError(p.t, err)
	f(s, node.NetworkStore(s, c))
	require.NoError(p.t, s.Close())
}

func (p *patient) change(s store.Store, k []byte, f func(v []byte) []byte) {
	p.t.Helper()
	v, err := s.Get(k)
	require.NoError(p.t, err)
	b := &store.Batch{}
	if v = f(append([]byte(nil), v...)); v == nil {
		b.Delete(k)
	} else {
		b.Put(k, v)
	}
	require.NoError(p.t, s.Apply(b))
}

func flipLast(v []byte) []byte { v[len(v)-1] ^= 1; return v }
func gone([]byte) []byte       { return nil }

// leaves are the blocks of the pinned file.
func (p *patient) leaves(s store.Store) (out []icn.CID) {
	d, err := dag.Open(s, dag.Options{})
	require.NoError(p.t, err)
	require.NoError(p.t, d.Each(func(x dag.Stored) error {
		if x.CID != p.file {
			out = append(out, x.CID)
		}
		return nil
	}))
	require.Greater(p.t, len(out), 2)
	return out
}

func blockKey(c icn.CID) []byte { return []byte("b/" + c.KeyString()) }

// TestEveryDamageToAStoreIsNamed: one row changed or gone, in each kind of store;
// what verify says leads to it.
func TestEveryDamageToAStoreIsNamed(t *testing.T) {
	for backend, make := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			p := admitPatient(t, make(t.TempDir()))
			require.Empty(t, p.examine())
			for name, damage := range map[string]func(s, f store.Store) (want string, mend func(s, f store.Store)){
				"a byte of a block": func(s, _ store.Store) (string, func(s, f store.Store)) {
					c := p.leaves(s)[1]
					p.change(s, blockKey(c), flipLast)
					return c.String(), func(s, _ store.Store) { p.change(s, blockKey(c), flipLast) }
				},
				"a missing block": func(s, _ store.Store) (string, func(s, f store.Store)) {
					c := p.leaves(s)[2]
					var was []byte
					p.change(s, blockKey(c), func(v []byte) []byte { was = v; return nil })
					return c.String(), func(s, _ store.Store) { b := &store.Batch{}; b.Put(blockKey(c), was); require.NoError(t, s.Apply(b)) }
				},
				"a byte of an entry": func(_, f store.Store) (string, func(s, f store.Store)) {
					p.change(f, node.EntryKey(7), flipLast)
					return "entry 7", func(_, f store.Store) { p.change(f, node.EntryKey(7), flipLast) }
				},
				"a missing entry": func(_, f store.Store) (string, func(s, f store.Store)) {
					var was []byte
					p.change(f, node.EntryKey(5), func(v []byte) []byte { was = v; return nil })
					return "entry 5", func(_, f store.Store) {
						b := &store.Batch{}
						b.Put(node.EntryKey(5), was)
						require.NoError(t, f.Apply(b))
					}
				},
				"a hash of the tree": func(_, f store.Store) (string, func(s, f store.Store)) {
					p.change(f, node.HashKey(0), flipLast)
					return "entry 1", func(_, f store.Store) { p.change(f, node.HashKey(0), flipLast) }
				},
				"the certified checkpoint": func(_, f store.Store) (string, func(s, f store.Store)) {
					var was []byte
					p.change(f, []byte("m/certified"), func(v []byte) []byte { was = v; return []byte(strings.Replace(string(v), "\n", "\nx", 1)) })
					return "checkpoint", func(_, f store.Store) {
						b := &store.Batch{}
						b.Put([]byte("m/certified"), was)
						require.NoError(t, f.Apply(b))
					}
				},
			} {
				var want string
				var mend func(s, f store.Store)
				p.rows(func(s, f store.Store) { want, mend = damage(s, f) })
				found := p.examine()
				require.NotEmpty(t, found, name)
				require.Contains(t, fmt.Sprint(found), want, name)
				p.rows(mend)
				require.Empty(t, p.examine(), "%s: mended", name)
			}
		})
	}
}

// TestDamageToFilesIsFound: bytes flipped and files cut off under the store. What
// is not found must have done no harm.
func TestDamageToFilesIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for backend, make := range backends(t) {
		if backend == "postgresql" {
			continue // its files are its server's, which has checksums of its own
		}
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			p := admitPatient(t, make(dir))
			saved := filepath.Join(t.TempDir(), "saved")
			require.NoError(t, os.CopyFS(saved, os.DirFS(dir)))
			whole := p.portrait()
			r := rand.New(rand.NewPCG(1, 2))
			harmless := 0
			rounds := 40
			if backend == "pebble" {
				rounds = 4 // it takes seconds to look for what might have been flipped
			}
			for i := range rounds {
				require.NoError(t, os.RemoveAll(dir))
				require.NoError(t, os.CopyFS(dir, os.DirFS(saved)))
				what := damageFile(t, p.cfg.Storage.Path, r, i%4 == 0)
				found := p.examine()
				if len(found) > 0 {
					continue
				}
				require.True(t, whole == p.portrait(), "%s was not found", what)
				harmless++
			}
			t.Logf("%d of %d damages did no harm", harmless, rounds)
			require.Less(t, harmless, rounds/2)
		})
	}
}

// portrait is everything that a node knows.
func (p *patient) portrait() string {
	p.t.Helper()
	o, err := OpenAtRest(p.t.Context(), p.cfg, slog.New(slog.DiscardHandler))
	require.NoError(p.t, err)
	blocks := map[string]string{}
	require.NoError(p.t, o.Blocks.Each(func(x dag.Stored) error { blocks[x.CID.String()] = string(x.Data); return nil }))
	out := fmt.Sprintf("%d %x %x %v", o.History.Entries, o.History.Tree, o.History.State, blocks)
	require.NoError(p.t, o.Close())
	return out
}

// damageFile flips a byte of a file of a store, or cuts it off.
func damageFile(t *testing.T, dir string, r *rand.Rand, cut bool) string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files = append(files, path)
		return nil
	}))
	tables := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return filepath.Ext(f) != ".sst" })
	if r.IntN(4) > 0 && len(tables) > 0 { // Pebble's content; the rest is mostly of the past
		files = tables
	}
	path := files[r.IntN(len(files))]
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	at := r.IntN(max(1, len(b)))
	switch {
	case len(b) == 0:
	case cut:
		b = b[:at]
	default:
		b[at] ^= 1 << r.IntN(8)
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return fmt.Sprintf("%s at byte %d of %d, cut off: %v", filepath.Base(path), at, len(b), cut)
}

// TestABackupOfEachStoreComesBackIntoEachOther: equal roots, every block.
func TestABackupOfEachStoreComesBackIntoEachOther(t *testing.T) {
	all := backends(t)
	for from, make := range all {
		p := admitPatient(t, make(t.TempDir()))
		want := p.portrait()
		file := filepath.Join(t.TempDir(), "backup.tar.gz")
		o, err := OpenAtRest(t.Context(), p.cfg, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		to, err := backup.NewFile(file)
		require.NoError(t, err)
		_, err = backup.Make(t.Context(), backup.From{History: o.History, Blocks: o.Blocks, Signer: o.Key}, to)
		require.NoError(t, errors.Join(err, o.Close()))
		for into, make := range all {
			back := &patient{t: t, cfg: p.cfg}
			back.cfg.Storage = make(t.TempDir())
			s, err := OpenStores(t.Context(), back.cfg, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			source, err := backup.Sources(file)
			require.NoError(t, err)
			_, err = backup.Restore(t.Context(), source, backup.Into{Blocks: s.Blocks, Log: s.Log, Checker: Checker()})
			require.NoError(t, errors.Join(err, s.Close()), "%s into %s", from, into)
			require.True(t, want == back.portrait(), "%s into %s", from, into)
			require.Empty(t, back.examine(), "%s into %s", from, into)
		}
	}
}
