package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"rsc.io/qr"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// here is a command line with a wallet of its own.
type here struct {
	t       *testing.T
	home    string
	env     map[string]string
	out     string
	errs    string
	network icn.CID
}

func newHere(t *testing.T) *here {
	h := &here{t: t, home: t.TempDir(), env: map[string]string{}, network: icn.SumCID(icn.DagCBOR, []byte("a federation"))}
	t.Setenv("ICN_HOME", h.home)
	return h
}

func (h *here) run(args ...string) int {
	var out, errs bytes.Buffer
	code := Main(context.Background(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(n string) string { return h.env[n] }})
	h.out, h.errs = out.String(), errs.String()
	return code
}

// does runs a command that must succeed.
func (h *here) does(args ...string) string {
	h.t.Helper()
	require.Zero(h.t, h.run(args...), "%v: %s", args, h.errs)
	return h.out
}

// member is a federation of whom one member's key is known: enough for what a wallet
// asks. Statements go to say.
func (h *here) member(did icn.DID, counts *icn.DID, say http.HandlerFunc) {
	mux := http.NewServeMux()
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			b, err := wire.Marshal(v)
			require.NoError(h.t, err)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(b)
		}
	}
	mux.HandleFunc("GET /info", answer(wire.Info{Network: h.network.String()}))
	mux.HandleFunc("GET /account/{did}/mana", func(w http.ResponseWriter, r *http.Request) {
		answer(node.AccountView{DID: did, Key: *counts, Next: 1})(w, r)
	})
	mux.HandleFunc("POST /statements", say)
	s := httptest.NewServer(mux)
	h.t.Cleanup(s.Close)
	h.env["ICN_API_URL"] = s.URL
}

func (h *here) wallet() *key.Wallet { return key.OpenWallet(filepath.Join(h.home, "keys")) }

func TestInterruptedRotationGoesOnWithTheSameKey(t *testing.T) {
	h := newHere(t)
	h.env["ICN_ID_PASSPHRASE"] = "correct horse"
	h.does("id", "new", "ann")
	ann, err := h.wallet().Get("ann")
	require.NoError(t, err)
	counts := ann.DID
	var said []icn.KeyRotate
	lost := true
	h.member(ann.DID, &counts, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		s, err := icn.DecodeStatement(b)
		require.NoError(t, err)
		require.True(t, key.Verify(ann.Key, s.SigningBytes(), s.Sig[:]), "signed with the old key")
		o := s.Ops[0].(icn.KeyRotate)
		require.True(t, key.Verify(o.Key, icn.RotationBytes(h.network, ann.DID, o.Key), o.Proof[:]), "the new key agrees")
		_, err = os.Stat(filepath.Join(h.home, "keys", "ann.key.next"))
		require.NoError(t, err, "the key is on disk before anybody hears of it")
		said = append(said, o)
		if lost {
			panic(http.ErrAbortHandler)
		}
		counts = o.Key
		_, _ = w.Write([]byte(`{"state":"applied","index":7,"number":1,"statement":"` + s.ID().String() + `"}`))
	})

	require.Equal(t, 5, h.run("id", "rotate", "ann"), h.errs)
	require.Contains(t, h.does("id", "show", "ann"), "being replaced")
	lost = false
	require.Contains(t, h.does("id", "rotate", "ann"), "signs with its new key")
	require.Len(t, said, 2)
	require.Equal(t, said[0].Key, said[1].Key)
	now, err := h.wallet().Open("ann", "correct horse")
	require.NoError(t, err)
	require.Equal(t, said[0].Key, icn.DID(now.Public()))
	require.Equal(t, ann.DID, now.DID())
}

func TestRefusedRotationChangesNothing(t *testing.T) {
	h := newHere(t)
	h.does("id", "new", "ann", "--no-passphrase")
	ann, err := h.wallet().Get("ann")
	require.NoError(t, err)
	h.member(ann.DID, &ann.DID, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"status":403,"code":"denied","title":"Denied","detail":"not this author's to say"}`))
	})
	require.Equal(t, 4, h.run("id", "rotate"), h.errs)
	now, err := h.wallet().Get("ann")
	require.NoError(t, err)
	require.Equal(t, ann, now)
}

func TestPassphraseOfAFile(t *testing.T) {
	h := newHere(t)
	file := filepath.Join(t.TempDir(), "pass")
	h.env["ICN_ID_PASSPHRASE_FILE"] = file
	require.Equal(t, 3, h.run("id", "new", "ann"))
	require.Contains(t, h.errs, "ICN_ID_PASSPHRASE_FILE")
	require.NoError(t, os.WriteFile(file, []byte("correct horse\n"), 0o600))
	h.does("id", "new", "ann")
	_, err := h.wallet().Open("ann", "correct horse")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, 6, h.run("id", "new", "bob"))
}

func TestNothingIsAskedForANameThatIsTaken(t *testing.T) {
	h := newHere(t)
	h.does("id", "new", "ann", "--no-passphrase")
	require.Equal(t, 7, h.run("id", "new", "ann"))
	require.Equal(t, 6, h.run("id", "new", "Ann"))
	require.Equal(t, 6, h.run("id", "new", "bob"))
	require.Contains(t, h.errs, "--no-passphrase")
}

func TestQRCodeOnATerminalIsTheCode(t *testing.T) {
	c, err := qr.Encode("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", qr.L)
	require.NoError(t, err)
	dark := map[bool]map[rune][2]bool{ // upper and lower half
		false: {'█': {false, false}, '▀': {false, true}, '▄': {true, false}, ' ': {true, true}},
		true:  {' ': {false, false}, '▄': {false, true}, '▀': {true, false}, '█': {true, true}},
	}
	for colours, blocks := range dark { // order: each by itself
		for n, line := range qrLines(c, colours) {
			line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[30;107m"), "\x1b[0m")
			cells := []rune(line)
			require.Len(t, cells, c.Size+2*quietZone)
			for x, r := range cells {
				y := 2*n - quietZone
				require.Equal(t, [2]bool{c.Black(x-quietZone, y), c.Black(x-quietZone, y+1)}, blocks[r], "line %d, cell %d", n, x)
			}
		}
	}
}
