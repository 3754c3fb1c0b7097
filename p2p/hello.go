package p2p

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Version is the protocol this release speaks, and versionMin the oldest that
// it still understands.
const (
	Version    = 1
	versionMin = 1
)

const (
	protocolPrefix = "/icn/1/"
	protocolKnock  = protocol.ID(protocolPrefix + "knock")
)

func protocolOf(k Kind) protocol.ID { return protocol.ID(protocolPrefix + k.String()) }

// hello opens every stream, in both directions. Fields that a later version
// adds are ignored; what it cannot do without, it asks for by Version.
type hello struct {
	Version      int      `json:"version"`
	Min          int      `json:"min"`
	Capabilities []string `json:"capabilities,omitempty"`
	Addrs        []string `json:"addrs,omitempty"`
}

func (h hello) check() error {
	if h.Min < 1 || h.Version < h.Min || len(h.Addrs) > addrsPerPeer || len(h.Capabilities) > 64 {
		return fmt.Errorf("hello: %w: not one of ours", icn.ErrInvalid)
	}
	if h.Version < versionMin || h.Min > Version {
		return fmt.Errorf("hello: %w: it speaks protocol %d to %d, this release %d to %d; upgrade the older node",
			icn.ErrConflict, h.Min, h.Version, versionMin, Version)
	}
	return nil
}

func writeHello(w io.Writer, h hello) error {
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	f := frame{op: opHello, body: body}
	_, err = w.Write(append(appendHead(nil, f), body...))
	return err
}

func readHello(r *bufio.Reader) (hello, error) {
	var h hello
	f, err := readFrame(r, helloLimit)
	if err != nil {
		return h, err
	}
	if f.op != opHello {
		return h, fmt.Errorf("hello: %w: frame type %d came first", icn.ErrInvalid, f.op)
	}
	if err := json.Unmarshal(f.body, &h); err != nil {
		return h, fmt.Errorf("hello: %w: %v", icn.ErrInvalid, err)
	}
	return h, nil
}
