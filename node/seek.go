package node

import (
	"context"
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
