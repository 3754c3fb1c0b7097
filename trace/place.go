package trace

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	otel "go.opentelemetry.io/otel/trace"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The steps of a job, as they are called in a trace.
const (
	stepSubmit  = "submit"        // from the node's taking it in until it is in the log: the root
	stepAttempt = "attempt"       // until there is a result, or none
	stepOffer   = "offer"         // from asking for offers until an executor is chosen
	stepRun     = "run"           // on the executor, or on a node that checks
	stepInput   = "fetch input"   // to this node, as far as it is not here
	stepProgram = "fetch program" // likewise
	stepExecute = "execute"       // in the sandbox
	stepReceipt = "receipt"       // from the end of a run until the log says what follows
	stepBack    = "roll back"     // all attempts are spent
	stepAudit   = "audit"         // somebody has a settled job run again on this node, to see for themselves
	stepCheck   = "check"         // a settled job is run again, until the log says what that has shown
)

// The beginnings of what ids are hashed from.
const (
	traceDomain = "icn/trace/v1"
	spanDomain  = "icn/span/v1"
)

// TraceID is the id of a job's trace: the first 16 bytes of the SHA-256 of
// "icn/trace/v1" and the job's id in binary form.
func TraceID(job icn.CID) [16]byte {
	sum := sha256.Sum256(append([]byte(traceDomain), job.Bytes()...))
	return [16]byte(sum[:16])
}

// place is a step of a job on a node. Attempts count from 1; 0 stands for what
// belongs to none.
type place struct {
	job     icn.CID
	attempt uint32
	step    string
	node    icn.DID
	once    int64 // tells apart what can be done again and again on one node; 0: it cannot
}

// id is the span's: the first 8 bytes of the SHA-256 of "icn/span/v1", the job's id in
// binary form, the attempt in four bytes (big endian), the node's DID (its 32 bytes)
// and the step's name.
func (p place) id() otel.SpanID {
	b := append([]byte(spanDomain), p.job.Bytes()...)
	b = binary.BigEndian.AppendUint32(b, p.attempt)
	b = append(append(b, p.node[:]...), p.step...)
	if p.once != 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(p.once))
	}
	sum := sha256.Sum256(b)
	return otel.SpanID(sum[:8])
}

// context is the place as the parent of a span of node me.
func (p place) context(me icn.DID) otel.SpanContext {
	return otel.NewSpanContext(otel.SpanContextConfig{TraceID: TraceID(p.job), SpanID: p.id(), TraceFlags: otel.FlagsSampled, Remote: p.node != me})
}

// root is the span that a job's trace begins with.
func root(job icn.CID, via icn.DID) *place { return &place{job: job, step: stepSubmit, node: via} }

// given hands out the ids that the context carries. It implements sdk.IDGenerator.
type given struct{}

type placeKey struct{}

func withIDs(ctx context.Context, p place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

// NewIDs implements sdk.IDGenerator.
func (given) NewIDs(ctx context.Context) (otel.TraceID, otel.SpanID) {
	p, _ := ctx.Value(placeKey{}).(place) // every span has one
	return TraceID(p.job), p.id()
}

// NewSpanID implements sdk.IDGenerator.
func (given) NewSpanID(ctx context.Context, _ otel.TraceID) otel.SpanID {
	p, _ := ctx.Value(placeKey{}).(place) // every span has one
	return p.id()
}
