package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// askWhere begins a request for the addresses of a node, which follows it by its DID.
const askWhere = 4

// seekEvery is how often a node looks for those that it has no link to.
const seekEvery = 3 * time.Second

// seek asks linked nodes where the others are: both ends of a link may have moved
// while they were apart. What it is told is a hint; whoever answers there must
// still prove the key.
func (n *Node) seek(ctx context.Context, l *Loop) {
	if n.cfg.Directory == nil {
		return
	}
	tick := time.NewTicker(seekEvery)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var linked []icn.DID
		for _, x := range n.cfg.Directory.Links() {
			if x.Connected {
				linked = append(linked, x.DID)
			}
		}
		if len(linked) == 0 {
			if turn%5 == 4 {
				n.askBelongs(ctx, l, turn/5)
			}
			continue
		}
		learned := false
		for _, d := range l.Roster() {
			if !slices.Contains(linked, d) {
				learned = n.askWhere(ctx, linked[turn%len(linked)], d) || learned
			}
		}
		if learned {
			n.want()
		}
	}
}

// askBelongs knocks at a node of the federation, because none keeps a link to this
// one: they do not, when it has left or was expelled and has not heard of it.
func (n *Node) askBelongs(ctx context.Context, l *Loop, turn int) {
	var doors []string
	for _, d := range l.Roster() {
		if a, ok := n.addrs.Load(d); ok {
			doors = append(doors, a.([]string)...)
		}
	}
	if len(doors) == 0 {
		return
	}
	w, err := n.knockAt(ctx, doors[turn%len(doors)], "")
	stranger := errors.Is(err, icn.ErrDenied) || err == nil && w.RaftID == 0
	if err != nil && !stranger {
		return // nobody is there, or it is another's trouble
	}
	n.tell(func(l *Loop) { l.heardOfMembership(!stranger) })
}

// askWhere asks one node where another is; true when that is news.
func (n *Node) askWhere(ctx context.Context, peer, d icn.DID) bool {
	ctx, cancel := context.WithTimeout(ctx, seekEvery)
	defer cancel()
	b, err := n.cfg.Network.Call(ctx, peer, Live, append([]byte{askWhere}, d[:]...))
	if err != nil {
		return false
	}
	r := icn.NewReader(b)
	addrs := r.Texts(maxAddrs, 1024)
	if r.Close() != nil || len(addrs) == 0 {
		return false
	}
	known, _ := n.addrs.Load(d)
	old, _ := known.([]string)
	merged := slices.Clone(addrs)
	for _, a := range old {
		if !slices.Contains(merged, a) && len(merged) < maxAddrs {
			merged = append(merged, a)
		}
	}
	if slices.Equal(merged, old) {
		return false
	}
	n.learn(d, merged)
	return true
}

// answerWhere tells where a node is, if there is a link to it.
func (n *Node) answerWhere(d icn.DID) []byte {
	if n.cfg.Directory != nil {
		for _, x := range n.cfg.Directory.Links() {
			if x.DID == d && x.Connected {
				return icn.AppendTexts(nil, x.Addrs[:min(len(x.Addrs), maxAddrs)])
			}
		}
	}
	return icn.AppendTexts(nil, nil)
}
