package wasm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

func TestTheTranscriptTellsWhatWasAskedAndFollowsFromTheRun(t *testing.T) {
	h := world()
	h.Grants.Read = true
	first, second := hosted(t, wasm.Input{Host: h}, "read"), hosted(t, wasm.Input{Host: h}, "read")
	if !bytes.Equal(first.Transcript, second.Transcript) {
		t.Errorf("%x\n%x", first.Transcript, second.Transcript)
	}
	r := icn.NewReader(first.Transcript)
	var lines []string
	for range r.Array(10) {
		r.Tuple(4)
		lines = append(lines, fmt.Sprintf("%s %s %d %x", r.Text(20), r.Text(100), r.Uint(), r.Bytes(8)))
	}
	if got := strings.Join(lines, "\n"); r.Close() != nil || got != "mana did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp 0 3200000000000000\n"+
		"reputation did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp 3 \n"+
		"block bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e 0 " {
		t.Errorf("%v\n%s", r.Err(), got)
	}
	other := h
	other.Ask = func(context.Context, wasm.Question, icn.DID) (uint64, bool, error) { return 51, true, nil }
	if got := hosted(t, wasm.Input{Host: other}, "read"); bytes.Equal(got.Transcript, first.Transcript) {
		t.Error("another answer leaves the same transcript")
	}
	if got := hosted(t, wasm.Input{Host: world()}, "read"); got.Transcript != nil {
		t.Errorf("what was refused stands in the transcript: %x", got.Transcript)
	}
}

// question is a module that asks something of n bytes of memory, all of them x.
func question(name string, x byte, n uint32) []byte {
	leb := func(v uint32) (b []byte) {
		for ; v >= 0x40; v >>= 7 {
			b = append(b, byte(v)|0x80)
		}
		return append(b, byte(v))
	}
	fill := slices.Concat([]byte{0x41, 0, 0x41}, leb(uint32(x)), []byte{0x41}, leb(n), []byte{0xfc, 0x0b, 0})
	ask := slices.Concat([]byte{0x41, 0, 0x41}, leb(n))
	if name == "host_dag_get" {
		return handmade{types: [][2][]byte{{{i32, i32, i32, i32}, {i32}}}, imports: []string{"icn." + name}, typ: []byte{0},
			body: slices.Concat(fill, ask, []byte{0x41, 0, 0x41, 0, 0x10, 0, 0xac}), result: i64, pages: 2}.bytes()
	}
	return handmade{types: [][2][]byte{{{i32, i32}, {i64}}}, imports: []string{"icn." + name}, typ: []byte{0},
		body: slices.Concat(fill, ask, []byte{0x10, 0}), result: i64, pages: 2}.bytes()
}

// TestNoSizeOfAQuestionMakesARunDiverge: what can be asked can be asked again. (Once,
// a question of more than 64 KiB could not be.)
func TestNoSizeOfAQuestionMakesARunDiverge(t *testing.T) {
	h := world()
	h.Grants.Read = true
	for _, name := range []string{"host_account_get_mana", "host_get_reputation", "host_dag_get"} {
		for _, n := range []uint32{1, 399, 400, 401, 65534, 65535, 65536, 65537} {
			code := question(name, 'a', n)
			first, second := runModule(t, code, h), runModule(t, code, h)
			if !bytes.Equal(first.Stdout, second.Stdout) || first.Gas != second.Gas || first.Fault != "" || first.Transcript != nil {
				t.Errorf("%s of %d bytes: %x %d %q, then %x %d", name, n, first.Stdout, first.Gas, first.Fault, second.Stdout, second.Gas)
			}
			if got := int64(binary.LittleEndian.Uint64(first.Stdout)); got != -1 {
				t.Errorf("%s of %d bytes that say nothing: %d", name, n, got)
			}
		}
	}
}

// TestTroubleOfTheHostIsNeverSeenByTheProgram: an honest machine whose disk or link
// fails would else come to another result than others.
func TestTroubleOfTheHostIsNeverSeenByTheProgram(t *testing.T) {
	for _, trouble := range []error{icn.ErrNotFound, icn.ErrUnavailable, icn.ErrInvalid, icn.ErrDenied, icn.ErrCorrupt, errors.New("disk on fire")} {
		block, number := world(), world()
		block.Grants.Read, number.Grants.Read = true, true
		block.Block = func(context.Context, icn.CID) ([]byte, error) { return nil, trouble }
		number.Ask = func(context.Context, wasm.Question, icn.DID) (uint64, bool, error) { return 0, true, trouble }
		for what, h := range map[string]wasm.Host{"block": block, "number": number} { // order: each stands alone
			if res, err := tryHosted(t, wasm.Input{Host: h}, "read"); !errors.Is(err, wasm.ErrHost) || !errors.Is(err, trouble) {
				t.Errorf("%s, %v: %v; the program printed %s", what, trouble, err, res.Stdout)
			}
		}
	}
	blind := world()
	blind.Grants.Read, blind.Ask = true, nil
	if _, err := tryHosted(t, wasm.Input{Host: blind}, "read"); !errors.Is(err, wasm.ErrHost) {
		t.Error(err)
	}
	if _, err := tryHosted(t, wasm.Input{Host: world(), Stdin: iotest.ErrReader(icn.ErrInvalid)}, "cat"); !errors.Is(err, wasm.ErrHost) {
		t.Error(err)
	}
}

func TestACancelledQuestionEndsTheRun(t *testing.T) {
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	h := world()
	h.Grants.Read = true
	h.Ask = func(ctx context.Context, _ wasm.Question, _ icn.DID) (uint64, bool, error) {
		cancel()
		<-ctx.Done()
		return 0, false, ctx.Err()
	}
	_, err = r.Run(ctx, program(code), wasm.Input{Args: []string{"guest", "read"}, Host: h}, wasm.DefaultLimits())
	if !errors.Is(err, context.Canceled) || errors.Is(err, wasm.ErrHost) {
		t.Error(err)
	}
}

// asksThenCounts asks for its balance, and then counts to two million, so that its
// gas and the clock are looked at.
var asksThenCounts = handmade{types: [][2][]byte{{{}, {i64}}}, imports: []string{"icn.host_account_get_mana"}, typ: []byte{0},
	body: slices.Concat([]byte{0x10, 0},
		[]byte{0x03, 0x40, 0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0, 0x41, 0, 0x28, 2, 0, 0x41, 0x80, 0x89, 0xfa, 0, 0x49, 0x0d, 0, 0x0b}), result: i64}

// slowly runs it, in a time of its own, on a host whose answers take that long.
func slowly(t *testing.T, wall time.Duration, answer func(context.Context) error) (res wasm.Result, err error) {
	synctest.Test(t, func(t *testing.T) {
		r, err2 := wasm.NewRunner(wasm.Config{})
		if err2 != nil {
			t.Fatal(err2)
		}
		defer r.Close()
		h := world()
		h.Grants.Read = true
		h.Ask = func(ctx context.Context, _ wasm.Question, _ icn.DID) (uint64, bool, error) {
			return 50, true, answer(ctx)
		}
		res, err = r.Run(t.Context(), program(asksThenCounts.bytes()), wasm.Input{Host: h}, wasm.Limits{Wall: wall})
	})
	return res, err
}

// TestTheWallClockStandsStillWhileTheHostLooksForAnAnswer: a slow link is not the
// program's fault.
func TestTheWallClockStandsStillWhileTheHostLooksForAnAnswer(t *testing.T) {
	res, err := slowly(t, time.Second, func(context.Context) error {
		time.Sleep(10 * time.Second)
		return nil
	})
	if err != nil || res.Fault != "" || res.Gas < 10_000_000 {
		t.Error(err, res.Fault, res.Message, res.Gas)
	}
}

func TestAnswersThatTakeTooLongAreTheHostsTrouble(t *testing.T) {
	_, err := slowly(t, time.Hour, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, wasm.ErrHost) || !errors.Is(err, icn.ErrUnavailable) || !strings.Contains(err.Error(), "15s") {
		t.Error(err)
	}
}
