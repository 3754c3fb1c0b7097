package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// From is what is backed up.
type From struct {
	History  node.History
	Blocks   *dag.DAG
	Signer   Signer
	After    Point // leave out what an earlier backup holds
	Sealed   []byte
	Progress func(bytes int64) // of content, as it goes out; may be nil
}

// Make writes a backup. When it fails the target is abandoned.
func Make(ctx context.Context, from From, to Target) (Manifest, error) {
	m, err := from.make(ctx, to)
	if err == nil {
		err = to.Done()
	} else {
		err = errors.Join(err, to.Abandon())
	}
	if err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	return m, nil
}

func (f From) make(ctx context.Context, to Target) (Manifest, error) {
	h := f.History
	stock, err := f.Blocks.Stock()
	if err != nil {
		return Manifest{}, err
	}
	if h.First > f.After.Entries+1 {
		return Manifest{}, fmt.Errorf("%w: this node has not fetched the log before entry %d yet; try again when it has", icn.ErrUnavailable, h.First)
	}
	m := Manifest{
		Head: Head{Format: Format, Made: time.Now().UTC().Truncate(time.Millisecond), Node: f.Signer.DID(), Network: h.Network, Name: h.Name,
			Genesis: h.Genesis, Stock: stock, After: f.After, UpTo: h.Entries},
		Reaches: Point{Entries: h.Entries, Arrival: f.Blocks.Arrived()},
		LogTime: h.Time, TreeRoot: h.Tree, StateRoot: h.State, Mana: h.Totals, Certified: h.Certified, Seat: h.Seat, Peers: h.Peers,
	}
	if m.Rotations, err = h.Rotations(m.Node); err != nil {
		return m, err
	}
	p := newPress(ctx, to, f.Progress)
	err = f.fill(&m, p)
	members, perr := p.finish()
	if err = errors.Join(perr, err); err != nil {
		return m, err
	}
	m.Members = members
	raw, err := m.sign(f.Signer)
	if err != nil {
		return m, err
	}
	encoded, err := to.Encode(manifestName, raw)
	if err == nil {
		err = to.Write(manifestName, encoded)
	}
	return m, err
}

// fill presses all members but the manifest.
func (f From) fill(m *Manifest, p *press) error {
	if err := p.json(headName, m.Head); err != nil {
		return err
	}
	if err := f.blocks(m, p); err != nil {
		return err
	}
	if err := f.log(m, p); err != nil {
		return err
	}
	if f.Sealed != nil {
		if err := p.put(parcel{name: "keys/node.key.age", data: f.Sealed}); err != nil {
			return err
		}
	}
	pins, err := f.Blocks.RawPins()
	if err != nil {
		return err
	}
	m.Pins = len(pins)
	return p.json(pinsName, pins)
}

func (f From) blocks(m *Manifest, p *press) error {
	n := 0
	var seg parcel
	flush := func() error {
		if seg.items == 0 {
			return nil
		}
		n++
		seg.name, seg.blocks = fmt.Sprintf("blocks/%06d.car", n), true
		err := p.put(seg)
		seg = parcel{}
		return err
	}
	each := func(s dag.Stored) error {
		if s.Arrival > m.Reaches.Arrival {
			return nil // came while this was made; it is in the next one
		}
		if seg.data == nil {
			seg.data = buffer(segmentBytes + len(s.Data) + 512)
		}
		seg.data = appendCAR(seg.data, s.Block)
		seg.items++
		m.Blocks++
		m.Bytes += int64(len(s.Data))
		if len(seg.data) >= segmentBytes {
			return flush()
		}
		return nil
	}
	var err error
	if m.Full() {
		err = f.Blocks.Each(each)
	} else {
		err = f.Blocks.Since(f.After.Arrival, each)
	}
	if err != nil {
		return err
	}
	return flush()
}

func (f From) log(m *Manifest, p *press) error {
	n := 0
	var seg parcel
	flush := func() error {
		if seg.items == 0 {
			return nil
		}
		n++
		seg.name = fmt.Sprintf("log/%06d.entries", n)
		err := p.put(seg)
		seg = parcel{}
		return err
	}
	if m.UpTo <= m.After.Entries {
		return nil
	}
	err := f.History.Log(m.After.Entries+1, m.UpTo, func(_ uint64, leaf []byte) error {
		seg.data = appendEntry(seg.data, leaf)
		seg.items++
		m.Entries++
		if len(seg.data) >= segmentBytes {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// parcel is a member on its way.
type parcel struct {
	name   string
	data   []byte
	items  int64
	blocks bool // check each block before it goes out
}

// press encodes parcels on all cores and writes them in their order. It holds a
// bounded number at a time.
type press struct {
	ctx      context.Context
	stop     context.CancelCauseFunc
	to       Target
	progress func(int64)
	order    chan chan pressed
	ended    sync.WaitGroup
	members  []Member
}

type pressed struct {
	member  Member
	encoded []byte
	err     error
}

func newPress(ctx context.Context, to Target, progress func(int64)) *press {
	ctx, stop := context.WithCancelCause(ctx)
	p := &press{ctx: ctx, stop: stop, to: to, progress: progress, order: make(chan chan pressed, 2*runtime.GOMAXPROCS(0))}
	p.ended.Go(p.write)
	return p
}

// put hands a parcel over; its data belongs to the press from then on.
func (p *press) put(x parcel) error {
	out := make(chan pressed, 1)
	select {
	case p.order <- out:
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
	go func() { out <- p.encode(x) }()
	return nil
}

func (p *press) json(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return p.put(parcel{name: name, data: append(data, '\n')})
}

func (p *press) encode(x parcel) (out pressed) {
	if x.blocks {
		if _, err := readCAR(x.data); err != nil { // what is rotten here is found now, not at the restore
			out.err = fmt.Errorf("blocks in the store: %w; see icn-cli dag verify --deep", err)
			return out
		}
	}
	sum := sha256.Sum256(x.data)
	out.member = Member{Name: x.name, Bytes: int64(len(x.data)), SHA256: hex.EncodeToString(sum[:]), Items: x.items}
	out.encoded, out.err = p.to.Encode(x.name, x.data)
	spare(x.data)
	return out
}

func (p *press) write() {
	for out := range p.order {
		x := <-out
		if p.ctx.Err() != nil {
			continue
		}
		if x.err == nil {
			x.err = p.to.Write(x.member.Name, x.encoded)
			spare(x.encoded)
		}
		if x.err != nil {
			p.stop(x.err)
			continue
		}
		p.members = append(p.members, x.member)
		if p.progress != nil {
			p.progress(x.member.Bytes)
		}
	}
}

// finish waits until everything is written.
func (p *press) finish() ([]Member, error) {
	close(p.order)
	p.ended.Wait()
	err := context.Cause(p.ctx)
	p.stop(nil)
	return p.members, err
}
