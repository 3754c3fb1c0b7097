package launch

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/InterCooperative-Network/icn-core/icn"
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
		Node: me, Name: cmp.Or(r.cfg.Runtime.NodeName, "node "+me.Short()), Federation: r.cfg.Federation.Name, Release: Release,
		Endpoint: to.String(), Headers: headers, Roots: roots, Sample: c.Sample, Log: r.log.With("part", "trace"),
	})
	return err
}

// trace lets the tracer follow the log's events. Where it does not keep up, it misses
// some.
func (r *Running) trace(ctx context.Context) {
	if r.tracer == nil {
		return
	}
	heard := r.node.Subscribe()
	r.work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				heard.Close()
				return
			case events, ok := <-heard.C:
				if !ok {
					r.log.Debug("events were missed: traces of this moment are not whole")
					heard = r.node.Subscribe()
				}
				r.tracer.Saw(events)
			}
		}
	})
}
