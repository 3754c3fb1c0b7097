package shown_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/internal/shown"
)

func TestWhatSteersTerminalsIsNotShown(t *testing.T) {
	for _, x := range []struct{ wrote, text, line string }{
		{"The mill\n\tand the river", "The mill\n\tand the river", "The mill��and the river"},
		{"\x1b[2J\x1b[HAccepted", "�[2J�[HAccepted", "�[2J�[HAccepted"},
		{"\u009b2J", "�2J", "�2J"},
		{"yes\b\b\bno\r", "yes���no�", "yes���no�"},
		{"\u202egnorw\u202c \u2066in\u2069 \u200f", "�gnorw� �in� �", "�gnorw� �in� �"},
		{"one\u2028two\u2029three", "one�two�three", "one�two�three"},
		{"می\u200cخواهم 👩\u200d🌾", "می\u200cخواهم 👩\u200d🌾", "می\u200cخواهم 👩\u200d🌾"},
		{"\xff", "�", "�"},
	} {
		require.Equal(t, x.text, shown.Text(x.wrote))
		require.Equal(t, x.line, shown.Line(x.wrote))
	}
}
