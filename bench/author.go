package main

import (
	"context"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// author is a member who says statements, signed with a key that no node sees.
type author struct {
	pair    key.Pair
	network icn.CID
	number  uint64
	ready   [][]byte // signed in advance, so that a server and not its load is measured
}

// authors takes members into a federation, each with an account.
func authors(ctx context.Context, api *client.Client, n int) ([]*author, error) {
	st, err := api.Status(ctx)
	if err != nil {
		return nil, err
	}
	network, err := icn.ParseCID(st.Network)
	if err != nil {
		return nil, err
	}
	out := make([]*author, n)
	for i := range out {
		p, err := key.Generate()
		if err != nil {
			return nil, err
		}
		if _, err := api.FederationMembers(ctx, wire.Member{DID: p.DID(), Role: icn.RolePerson, Name: fmt.Sprintf("author %d", i)}); err != nil {
			return nil, err
		}
		out[i] = &author{pair: p, network: network}
	}
	return out, nil
}

// say is a new statement in its wire form.
func (a *author) say(ops ...icn.Op) []byte {
	a.number++
	s := &icn.Statement{Network: a.network, Author: a.pair.DID(), Number: a.number, Ops: ops}
	s.Sig = [64]byte(a.pair.Sign(s.SigningBytes()))
	return s.Encode()
}

// prepare signs n statements that next will hand out.
func (a *author) prepare(n int, ops []icn.Op) {
	for len(a.ready) < n {
		a.ready = append(a.ready, a.say(ops...))
	}
}

func (a *author) next(ops []icn.Op) []byte {
	if len(a.ready) == 0 {
		return a.say(ops...)
	}
	w := a.ready[0]
	a.ready = a.ready[1:]
	return w
}

// spending is a batch of operations on the author's account.
func spending(n int) []icn.Op {
	ops := make([]icn.Op, n)
	for i := range ops {
		ops[i] = icn.ManaSpend{Amount: 1, For: "bench"}
	}
	return ops
}
