package cli

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A signed statement travels as text, from a machine without a network to any node:
// PEM, with lines for people above the bytes.
//
//	-----BEGIN ICN STATEMENT-----
//	Author: did:key:z6Mk…
//	Federation: bafyrei…
//	Number: 12
//	Says: vote on bafyrei…: yes (where there are options: 1)
//	Until: 2026-12-01 12:00:00 UTC
//
//	hqJYJQ…
//	-----END ICN STATEMENT-----
//
// The lines say nothing that the bytes do not: they are made again from these when
// the text is read, and one that tells something else is refused. For a QR code the
// bytes stand in base45 (RFC 9285) behind qrTag, which takes a camera's fewest dots.
const (
	statementBlock = "ICN STATEMENT"
	qrTag          = "ICN1:"
)

// statementFileMost is more than any statement's text has.
const statementFileMost = 2*icn.MaxStatement + 64<<10

// statementLines are what a statement is and says.
func statementLines(s *icn.Statement) map[string]string {
	says := make([]string, len(s.Ops))
	for i, op := range s.Ops {
		says[i] = flat(icn.OpWords(op))
	}
	lines := map[string]string{"Federation": s.Network.String(), "Author": s.Author.String(), "Number": strconv.FormatUint(s.Number, 10), "Says": strings.Join(says, "; ")}
	if s.Until != 0 {
		lines["Until"] = s.Until.UTC()
	}
	return lines
}

// flat keeps words that somebody else has chosen from looking like more lines.
func flat(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }), " ")
}

// statementText is a statement as text.
func statementText(s *icn.Statement) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: statementBlock, Headers: statementLines(s), Bytes: s.Encode()})
}

// statementCode is a statement for a QR code.
func statementCode(s *icn.Statement) string { return qrTag + base45(s.Encode()) }

// readStatement reads either form. Nothing of it is known to be signed by anybody.
func readStatement(text []byte) (*icn.Statement, error) {
	if code, ok := strings.CutPrefix(strings.TrimSpace(string(text)), qrTag); ok {
		wire, err := unbase45(code)
		if err != nil {
			return nil, err
		}
		return icn.DecodeStatement(wire)
	}
	if i := bytes.Index(text, []byte("-----BEGIN ")); i > 0 {
		text = text[i:] // a letter's first lines
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != statementBlock {
		return nil, fmt.Errorf("statement: %w: it begins neither with -----BEGIN %s----- nor, as from a QR code, with %s", icn.ErrInvalid, statementBlock, qrTag)
	}
	s, err := icn.DecodeStatement(block.Bytes)
	if err != nil {
		return nil, err
	}
	true := statementLines(s)
	for _, name := range []string{"Author", "Federation", "Number", "Says", "Until"} {
		if told, ok := block.Headers[name]; ok && told != true[name] {
			return nil, advised{fmt.Errorf("statement: %w: above it stands %s: %q, but what is signed says %q", icn.ErrCorrupt, name, told, true[name]),
				"Somebody has changed the text. Without that line it can be read, and says what is signed."}
		}
		delete(block.Headers, name)
	}
	for name := range block.Headers { // order: any one will do
		return nil, fmt.Errorf("statement: %w: above it stands a line %q, which means nothing", icn.ErrCorrupt, name)
	}
	return s, nil
}

// base45Digits are those of RFC 9285, which are what a QR code packs best.
const base45Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// base45 writes two bytes as three characters, and a last one as two.
func base45(b []byte) string {
	out := make([]byte, 0, len(b)*3/2+2)
	for ; len(b) > 1; b = b[2:] {
		n := int(b[0])<<8 | int(b[1])
		out = append(out, base45Digits[n%45], base45Digits[n/45%45], base45Digits[n/2025])
	}
	if len(b) == 1 {
		out = append(out, base45Digits[b[0]%45], base45Digits[b[0]/45])
	}
	return string(out)
}

func unbase45(s string) ([]byte, error) {
	bad := fmt.Errorf("statement: %w: what a QR code holds is cut off or damaged", icn.ErrCorrupt)
	if len(s)%3 == 1 || len(s) > statementFileMost {
		return nil, bad
	}
	out := make([]byte, 0, len(s)*2/3)
	for ; len(s) > 0; s = s[min(3, len(s)):] {
		n, scale := 0, 1
		for _, c := range []byte(s[:min(3, len(s))]) {
			d := strings.IndexByte(base45Digits, c)
			if d < 0 {
				return nil, bad
			}
			n, scale = n+d*scale, scale*45
		}
		switch {
		case len(s) == 2 && n < 1<<8:
			out = append(out, byte(n))
		case len(s) > 2 && n < 1<<16:
			out = append(out, byte(n>>8), byte(n))
		default:
			return nil, bad
		}
	}
	return out, nil
}
