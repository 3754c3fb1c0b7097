package p2p

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// protocolNumber is the number of the protocol that this release speaks. It rises
// by one with a release that changes what nodes say to each other; a build can set
// it (-ldflags -X), to try a next release beside this one.
var protocolNumber = "1"

// span is the protocols that a release speaks.
type span struct{ min, version int }

// spoken are those of this release: its own and the one before, so that a
// federation can be upgraded one node at a time.
func spoken() (span, error) {
	n, err := strconv.Atoi(protocolNumber)
	if err != nil || n < 1 {
		return span{}, fmt.Errorf("p2p: this program was built with protocol number %q: %w: want 1, 2, …", protocolNumber, icn.ErrInvalid)
	}
	return span{max(1, n-1), n}, nil
}

// Spoken are the oldest and the newest protocol between nodes that this release
// speaks.
func Spoken() (oldest, newest int, err error) {
	s, err := spoken()
	return s.min, s.version, err
}

func (s span) String() string {
	if s.min == s.version {
		return "protocol " + strconv.Itoa(s.version)
	}
	return fmt.Sprintf("protocols %d to %d", s.min, s.version)
}

const (
	protocolPrefix = "/icn/1/"
	protocolKnock  = protocol.ID(protocolPrefix + "knock")
)

func protocolOf(k Kind) protocol.ID { return protocol.ID(protocolPrefix + k.String()) }

// hello opens every stream, in both directions. Fields that a later version
// adds are ignored; what it cannot do without, it asks for by Version. Version and
// Min are the newest and the oldest protocol that the sender speaks.
type hello struct {
	Version      int      `json:"version"`
	Min          int      `json:"min"`
	Capabilities []string `json:"capabilities,omitempty"`
	Addrs        []string `json:"addrs,omitempty"`
	Seen         string   `json:"seen,omitempty"` // where the receiver came from, as the sender sees it
}

// agree is the newest protocol that both sides speak.
func (s span) agree(h hello) (int, error) {
	if h.Min < 1 || h.Version < h.Min || len(h.Addrs) > addrsPerPeer || len(h.Capabilities) > maxCapabilities {
		return 0, fmt.Errorf("hello: %w: not one of ours", icn.ErrInvalid)
	}
	older := "it"
	switch {
	case h.Min > s.version:
		older = "this node"
	case h.Version >= s.min:
		return min(h.Version, s.version), nil
	}
	return 0, fmt.Errorf("hello: %w: this node speaks %s, the other %s; only neighbouring releases understand each other: upgrade %s, release by release",
		icn.ErrConflict, s, span{h.Min, h.Version}, older)
}

// maxCapabilities bounds how many a release can have.
const maxCapabilities = 64

// both lists the capabilities that both sides have, in this release's order.
func both(mine, theirs []string) (out []string) {
	for _, c := range mine {
		if slices.Contains(theirs, c) {
			out = append(out, c)
		}
	}
	return out
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
