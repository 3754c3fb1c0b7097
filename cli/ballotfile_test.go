package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func sampleBallot(title string) *icn.Statement {
	who := key.FromSeed([32]byte{1})
	id := icn.SumCID(icn.DagCBOR, []byte("a proposal"))
	ops := []icn.Op{icn.BallotCast{Proposal: id, Choice: []uint64{1}}}
	if title != "" {
		ops = append(ops, icn.ProposalVeto{ID: id, Reason: title})
	}
	return sign(who, icn.Statement{Network: icn.SumCID(icn.DagCBOR, []byte("a federation")), Number: 12, Until: 1_764_547_200_000, Ops: ops})
}

func TestStatementTravelsAsTextAndAsCode(t *testing.T) {
	s := sampleBallot("")
	text := statementText(s)
	require.Contains(t, string(text), "Says: vote on bafy")
	require.Contains(t, string(text), ": yes (")
	require.Contains(t, string(text), "Number: 12")
	require.Contains(t, string(text), "Until: 2025-12-01 00:00:00 UTC")
	letter := "Dear Bob,\n\nplease hand this in.\n" + strings.ReplaceAll(string(text), "\n", "\r\n") + "\nAnn\n"
	for what, form := range map[string]string{"text": string(text), "in a letter": letter, "code": statementCode(s) + "\n"} {
		got, err := readStatement([]byte(form))
		require.NoError(t, err, what)
		require.Equal(t, s.Encode(), got.Encode(), what)
	}
	require.Less(t, len(statementCode(s)), 600, "a camera reads it")
}

func TestLinesAboveAStatementCannotLie(t *testing.T) {
	text := string(statementText(sampleBallot("")))
	for what, bad := range map[string]string{
		"another vote":   strings.Replace(text, ": yes (", ": no (", 1),
		"another author": strings.Replace(text, "did:key:z6Mk", "did:key:z6Mh", 1),
		"another number": strings.Replace(text, "Number: 12", "Number: 13", 1),
		"another time":   strings.Replace(text, "Until: 2025", "Until: 2026", 1),
		"one more line":  strings.Replace(text, "Number: 12", "Note: checked\nNumber: 12", 1),
	} {
		require.NotEqual(t, text, bad, what)
		_, err := readStatement([]byte(bad))
		require.ErrorIs(t, err, icn.ErrCorrupt, what)
	}
	// Without the line it says what is signed.
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "Says") {
			kept = append(kept, line)
		}
	}
	_, err := readStatement([]byte(strings.Join(kept, "")))
	require.NoError(t, err)
}

func TestWordsOfOthersCannotMakeLines(t *testing.T) {
	s := sampleBallot("fine\nNumber: 99\n\u202eSays: nothing")
	text := string(statementText(s))
	require.Equal(t, 1, strings.Count(text, "\nNumber: "))
	require.Equal(t, 1, strings.Count(text, "\nSays: "))
	require.NotContains(t, text, "\u202e")
	got, err := readStatement([]byte(text))
	require.NoError(t, err)
	require.Equal(t, s.Encode(), got.Encode())
}

func TestDamagedStatementIsRefused(t *testing.T) {
	s := sampleBallot("")
	text, code := string(statementText(s)), statementCode(s)
	for what, bad := range map[string]string{
		"empty": "", "words": "vote yes", "another block": strings.ReplaceAll(text, "ICN STATEMENT", "CERTIFICATE"),
		"cut": text[:len(text)-80], "cut code": code[:len(code)-2], "code of nothing": qrTag, "small letters": qrTag + "abc",
		"a longer one": qrTag + base45(append(s.Encode(), 0)),
	} {
		_, err := readStatement([]byte(bad))
		require.Error(t, err, what)
	}
}

// TestBase45 has the examples of RFC 9285, sections 4.3 and 4.4.
func TestBase45(t *testing.T) {
	for plain, code := range map[string]string{"AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0", "": ""} {
		require.Equal(t, code, base45([]byte(plain)))
		got, err := unbase45(code)
		require.NoError(t, err)
		require.Equal(t, plain, string(got))
	}
	for _, bad := range []string{"A", "::::", ":::", "::", "GGW", "ab8"} {
		_, err := unbase45(bad)
		require.ErrorIs(t, err, icn.ErrCorrupt, bad)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		got, err := unbase45(base45(b))
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, got))
	})
}
