package launch

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/trace"
)

// openTraces begins to trace, when there is a collector.
func (r *Running) openTraces(me icn.DID) error {
	c := r.cfg.Tracing
	if c.Endpoint == "" {
		return nil
	}
	to, err := c.URL()
	if err != nil {
		return fmt.Errorf("tracing.endpoint: %w: %v", icn.ErrInvalid, err)
	}
	headers, err := c.HeaderLines()
	if err != nil {
		return fmt.Errorf("tracing.headers: %w: %v", icn.ErrInvalid, err)
	}
	var roots *x509.CertPool
	if c.CAPath != "" {
		pem, err := os.ReadFile(c.CAPath)
		if err != nil {
			return fmt.Errorf("certificates of the traces' collector: %w: %v; check tracing.ca_path", icn.ErrNotFound, err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("certificates of the traces' collector: %w: %s holds no certificate in PEM", icn.ErrInvalid, c.CAPath)
		}
	}
	r.tracer, err = trace.New(trace.Config{
		Node: me, Name: r.cfg.Runtime.NodeName, Federation: r.cfg.Federation.Name, Release: Release,
		Endpoint: to.String(), Headers: headers, Roots: roots, Sample: c.Sample, Log: r.log.With("part", "trace"),
	})
	return err
}

// awake is how often a node that starts is asked whether it runs.
const awake = 20 * time.Millisecond

// trace lets the tracer follow the log's events.
func (r *Running) trace(ctx context.Context) {
	if r.tracer == nil {
		return
	}
	heard := r.node.Subscribe()
	r.work.Go(func() {
		defer func() { heard.Close() }()
		for ctx.Err() == nil {
			r.resume(ctx)
			for r.follow(ctx, heard) {
			}
			heard.Close() // it fell behind, or ctx has ended
			heard = r.node.Subscribe()
		}
	})
}

// resume takes up the jobs that are open when the node begins to run, or when the
// tracer missed events.
func (r *Running) resume(ctx context.Context) {
	for r.node.View(r.seed) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(awake):
		}
	}
}

func (r *Running) seed(m *core.Machine) {
	r.tracer.In(m.Genesis().Name)
	m.Jobs(func(id icn.CID, j mesh.Job) bool {
		if j.Via == r.node.Me() {
			r.tracer.Resume(id, j.Attempt, j.Phase == mesh.Assigned)
		}
		return true
	})
}

// follow waits for events and passes them on; false when there are no more.
func (r *Running) follow(ctx context.Context, heard *node.Subscription) bool {
	select {
	case <-ctx.Done():
		return false
	case events, ok := <-heard.C:
		if !ok {
			return false
		}
		if err := r.node.View(func(m *core.Machine) { r.tracer.In(m.Genesis().Name) }); err != nil {
			return true // it goes over to another federation
		}
		r.tracer.Saw(events)
		return true
	}
}
