package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestWhatOthersWroteDoesNotSteerTheTerminal(t *testing.T) {
	for _, x := range []struct{ wrote, shown string }{
		{"The mill\n\tand the river", "The mill\n\tand the river"},
		{"\x1b[2J\x1b[HAccepted", "�[2J�[HAccepted"},
		{"\u009b2J", "�2J"},
		{"yes\b\b\bno\r", "yes���no�"},
		{"\u202egnorw\u202c", "�gnorw�"},
		{"می\u200cخواهم 👩\u200d🌾", "می\u200cخواهم 👩\u200d🌾"},
	} {
		var out, errs bytes.Buffer
		p := printer{out: &out}
		p.line("%s", x.wrote)
		require.Equal(t, x.shown+"\n", out.String())
		a := app{Streams: Streams{Err: &errs}}
		a.note("%s", x.wrote)
		require.Equal(t, x.shown+"\n", errs.String())
	}
	var out, errs bytes.Buffer
	printer{out: &out}.grid([]string{"title"}, [][]string{{"\x1b[2JMill"}})
	require.Contains(t, out.String(), "�[2JMill")
	printer{out: &out}.fields([2]string{"Does", "\x1b[31m"})
	report(&errs, icn.ErrInvalid)
	require.NotContains(t, out.String()+errs.String(), "\x1b")
}

func TestASentenceNamesWhomTheFederationKnows(t *testing.T) {
	ann, err := icn.ParseDID("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
	require.NoError(t, err)
	name := func(d icn.DID) string {
		if d == ann {
			return "Ann"
		}
		return d.String()
	}
	require.Equal(t, "give 5 to Ann: for did:key:zBroken", withNames("give 5 to "+ann.String()+": for did:key:zBroken", name))
}
