package icn_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// annotate writes CBOR one item a line, its bytes in hex and what they mean. It
// is a decoder of its own: it shares no code with the one it explains.
func annotate(b []byte) string {
	a := annotator{b: b}
	a.item(0)
	if len(a.b) > 0 {
		a.line(0, len(a.b), "trailing bytes")
	}
	return a.out.String()
}

type annotator struct {
	b   []byte
	out strings.Builder
}

func (a *annotator) line(depth, n int, meaning string) {
	fmt.Fprintf(&a.out, "%s%s ; %s\n", strings.Repeat("  ", depth), hex.EncodeToString(a.b[:n]), meaning)
	a.b = a.b[n:]
}

// head is an item's major type, argument and length of both.
func (a *annotator) head() (major byte, arg uint64, n int) {
	major, arg = a.b[0]>>5, uint64(a.b[0]&31)
	if arg < 24 {
		return major, arg, 1
	}
	n = 1 + 1<<(arg-24)
	arg = 0
	for _, x := range a.b[1:n] {
		arg = arg<<8 + uint64(x)
	}
	return major, arg, n
}

func (a *annotator) item(depth int) {
	major, arg, n := a.head()
	switch major {
	case 0:
		a.line(depth, n, fmt.Sprint(arg))
	case 2:
		v := a.b[n : n+int(arg)]
		meaning := fmt.Sprintf("%d bytes", arg)
		if arg == 34 && v[0] == 0xed && v[1] == 0x01 {
			meaning = icn.DID(v[2:]).String()
		}
		a.line(depth, n+int(arg), meaning)
	case 3:
		a.line(depth, n+int(arg), fmt.Sprintf("%q", a.b[n:n+int(arg)]))
	case 4:
		a.line(depth, n, fmt.Sprintf("array of %d", arg))
		for range arg {
			a.item(depth + 1)
		}
	case 6:
		_, size, m := (&annotator{b: a.b[n:]}).head()
		end := n + m + int(size)
		c, err := icn.CastCID(a.b[n+m+1 : end])
		a.line(depth, end, fmt.Sprintf("link %s %v", c, err)[:5+len(c.String())])
	case 7:
		a.line(depth, n, map[uint64]string{20: "false", 21: "true", 22: "null"}[arg])
	default:
		panic(fmt.Sprintf("CBOR major type %d", major))
	}
}

// strip reads the bytes back out of an annotated text.
func strip(text string) ([]byte, error) {
	var h strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		h.WriteString(strings.Join(strings.Fields(line), ""))
	}
	return hex.DecodeString(h.String())
}
