//go:build wasip1

package main

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/guest"
)

// federation tries what the host offers, and prints what it was told.
func federation(args []string) {
	show := func(what string, x any, err error) { fmt.Println(what, x, err) }
	switch args[0] {
	case "who":
		c, err := guest.Caller()
		show("caller", c, err)
		j, err := guest.Job()
		show("job", j, err)
		show("now", guest.Now(), nil)
	case "read":
		n, err := guest.Balance("")
		show("mana", n, err)
		n, err = guest.Reputation("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")
		show("reputation", n, err)
		b, err := guest.Get("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")
		show("block", string(b), err)
	case "submit":
		for range 3 {
			show("submit", args[1], guest.Submit(args[1]))
		}
	case "spend":
		show("spend", 7, guest.Spend(7))
		show("spend", 7, guest.Spend(7))
		show("spend", 0, guest.Spend(0))
	case "put":
		c, err := guest.Put([]byte("hello world"))
		show("put", c, err)
	case "output":
		show("a", nil, guest.Output("a", []byte("first")))
		show("b", nil, guest.Output("b", []byte("second")))
		show("a", nil, guest.Output("a", []byte("third")))
	case "steps":
		if b, ok := guest.Load(); ok {
			fmt.Println("from", string(b))
		}
		for i := range 3 {
			guest.Progress(i*500, fmt.Sprint("step ", i))
			guest.Log(fmt.Sprint("line ", i))
			show("save", i, guest.Save(fmt.Append(nil, "state ", i)))
		}
	}
}
