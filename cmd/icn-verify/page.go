//go:build js

// In a browser the same program is the inside of one page, which scripts/verify-page.sh
// puts together: it hands over what the user chose, and shows what comes back.
package main

import (
	"strings"
	"syscall/js"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// main offers icnVerify(file, network, notes) to the page: bytes, a CID or "", an array
// of texts. It gives {holds, text, json}.
func main() {
	js.Global().Set("icnVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		file := make([]byte, args[0].Length())
		js.CopyBytesToGo(file, args[0])
		var notes []string
		for i := range args[2].Length() {
			notes = append(notes, args[2].Index(i).String())
		}
		return verify(file, strings.TrimSpace(args[1].String()), notes)
	}))
	js.Global().Call("icnReady")
	select {}
}

func verify(file []byte, network string, notes []string) map[string]any {
	want := proof.Expect{Notes: notes}
	if network != "" {
		var err error
		if want.Network, err = icn.ParseCID(network); err != nil {
			return map[string]any{"holds": false, "text": err.Error(), "json": ""}
		}
	}
	r := proof.Check(file, want)
	var text strings.Builder
	r.WriteText(&text)
	raw, err := r.JSON()
	if err != nil {
		raw = []byte(err.Error())
	}
	return map[string]any{"holds": r.Holds, "text": text.String(), "json": string(raw)}
}
