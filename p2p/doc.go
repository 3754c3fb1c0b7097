// Package p2p keeps the links of a federation: one authenticated, encrypted
// go-libp2p connection to each other node (TCP with noise and yamux, or QUIC)
// and on it one long-lived stream per kind of traffic and direction.
//
// The invariant it keeps: a frame is handed to the [Handler] only if it came
// over a connection whose key is the sender's DID, and only while
// [Handler.Admitted] says that this DID may speak. A stranger can knock, and
// nothing else. Nothing is unbounded: queues, frames, streams, connections and
// rates have limits, and the announced length of a frame costs no memory.
//
// Where two nodes cannot reach each other, a third of the federation can relay
// (circuit relay v2), help them to a direct connection (DCUtR), and say whether a
// node can be dialed (AutoNAT v2): all of it off unless [Config] says otherwise,
// and for members only.
//
// It knows DIDs and frames only. It does not know statements, raft or blocks,
// does not retry a lost frame, does not persist addresses, and has no DHT: a
// federation knows its nodes by address.
//
//	h, err := p2p.New(p2p.Config{Key: key, Listen: p2p.DefaultListen("/ip4/0.0.0.0/tcp/7000")}, handler)
//	h.Want(map[icn.DID][]string{other: {"/ip4/10.0.1.100/tcp/7000"}})
//	ok := h.Send(other, p2p.Live, frame)
//	block, err := h.Call(ctx, other, p2p.Block, cid.Bytes())
//	for ev := range h.Events() { … }
package p2p
