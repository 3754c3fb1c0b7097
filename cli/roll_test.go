package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func someDID(t *testing.T) icn.DID {
	p, err := key.Generate()
	require.NoError(t, err)
	return p.DID()
}

func TestAListOfMembersIsReadAsPeopleWriteIt(t *testing.T) {
	ann, bob := someDID(t), someDID(t)
	want := []wire.Member{{DID: ann, Role: icn.RolePerson, Name: "Ann, of the mill"}, {DID: bob, Role: icn.RoleOrg, Name: "Bakery"}}
	for name, text := range map[string]string{
		"without a header":   ann.String() + `,"Ann, of the mill"` + "\n" + bob.String() + ",Bakery,organisation\n",
		"columns by name":    "Role,Name,DID\n" + `,"Ann, of the mill",` + ann.String() + "\n Organisation , Bakery , " + bob.String(),
		"from a spreadsheet": "\xef\xbb\xbfdid,name,role\r\n" + ann.String() + `,"Ann, of the mill",person` + "\r\n" + bob.String() + ",Bakery,organisation\r\n",
		"as it is written":   string(wire.RollCSV([]icn.Voter{{Member: ann, Role: icn.RolePerson, Name: "Ann, of the mill"}, {Member: bob, Role: icn.RoleOrg, Name: "Bakery"}})),
	} {
		got, err := readRoll([]byte(text))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestAListWithMistakesNamesEachLine(t *testing.T) {
	ann := someDID(t).String()
	_, err := readRoll([]byte("did,name\n" + ann + ",Ann\n" + ann + ",Ann\nx,Bob\n" + someDID(t).String() + ",a,b,c\n"))
	require.ErrorIs(t, err, icn.ErrInvalid)
	for _, words := range []string{"line 3", "stands in line 2", "line 4", "line 5", "4 columns"} {
		require.ErrorContains(t, err, words)
	}
	for text, words := range map[string]string{"": "nobody on it", "did,age\n": `no column "age"`, "name\nx\n": "no column is named did", ann + ",\"open": "quote"} {
		_, err := readRoll([]byte(text))
		require.ErrorIs(t, err, icn.ErrInvalid)
		require.ErrorContains(t, err, words)
	}
}

func TestARequestForAKeyThatWasChangedIsRefused(t *testing.T) {
	_, err := readRecovery([]byte("{}"))
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = readRecovery([]byte(`{"icn":"recovery/v1","proof":"AAAA"}`))
	require.Error(t, err)
}
