package p2p

import "strconv"

// Kind is a class of traffic. Each has its own stream per peer and direction,
// so that a snapshot under way delays no heartbeat.
type Kind uint8

const (
	// Live carries small frames where latency counts.
	Live Kind = iota
	// Bulk carries snapshots and catch-up.
	Bulk
	// Block carries blocks fetched by CID.
	Block

	kinds = 3
)

var kindNames = [kinds]string{"live", "bulk", "block"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// KindLimit bounds one kind of traffic with one peer.
type KindLimit struct {
	// Frame is the longest frame, request or answer, in bytes.
	Frame int
	// QueueFrames and QueueBytes bound what waits to be written. A single
	// frame is always taken by an empty queue, however long it is.
	QueueFrames, QueueBytes int
	// Serving is how many requests of one peer are answered at once; the rest
	// wait in that peer's own stream.
	Serving int
}

// Limits bound what peers can cost. Zero fields take the defaults.
type Limits struct {
	Kind [kinds]KindLimit
	// Frames and Bytes are what one peer may send per second, on average; its
	// streams are read no faster. Bursts of a second (frames) and of a
	// quarter of one (bytes) pass.
	Frames, Bytes int
	// Upload is how many bytes of bulk and blocks are sent per second, to all
	// peers together; 0 = as many as the line takes. Live frames never wait.
	Upload int
	// Streams bounds those that one peer has open here.
	Streams int
	// Peers bounds the nodes of the federation that may be linked at once.
	Peers int
	// Strangers bounds the connections of nodes that are not admitted, and
	// StrangersPerHost those of them that come from one address.
	Strangers, StrangersPerHost int
	// Knocks is how many knocks per minute are heard in all; one address is
	// heard at most a quarter as often.
	Knocks int
}

const (
	// KnockRequest is the longest knock, KnockAnswer the longest answer to one.
	KnockRequest = 16 << 10
	KnockAnswer  = 1 << 20

	helloLimit   = 8 << 10
	addrsPerPeer = 16
)

func defaultLimits() Limits {
	return Limits{
		Kind: [kinds]KindLimit{
			Live:  {Frame: 4 << 20, QueueFrames: 8192, QueueBytes: 32 << 20, Serving: 16},
			Bulk:  {Frame: 64 << 20, QueueFrames: 64, QueueBytes: 64 << 20, Serving: 2},
			Block: {Frame: 2<<20 + 64<<10, QueueFrames: 1024, QueueBytes: 16 << 20, Serving: 16},
		},
		Frames: 50_000, Bytes: 256 << 20, Streams: 24,
		Peers: 128, Strangers: 32, StrangersPerHost: 16, Knocks: 120,
	}
}

func (l Limits) withDefaults() Limits {
	d := defaultLimits()
	for k := range l.Kind {
		orInt(&l.Kind[k].Frame, d.Kind[k].Frame)
		orInt(&l.Kind[k].QueueFrames, d.Kind[k].QueueFrames)
		orInt(&l.Kind[k].QueueBytes, d.Kind[k].QueueBytes)
		orInt(&l.Kind[k].Serving, d.Kind[k].Serving)
	}
	orInt(&l.Frames, d.Frames)
	orInt(&l.Bytes, d.Bytes)
	orInt(&l.Peers, d.Peers)
	orInt(&l.Streams, d.Streams)
	orInt(&l.Strangers, d.Strangers)
	orInt(&l.StrangersPerHost, d.StrangersPerHost)
	l.StrangersPerHost = min(l.StrangersPerHost, (l.Strangers+1)/2) // nobody alone fills the door
	orInt(&l.Knocks, d.Knocks)
	return l
}

func orInt(v *int, d int) {
	if *v <= 0 {
		*v = d
	}
}
