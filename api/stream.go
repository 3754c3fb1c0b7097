package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (s *Server) progress(ctx context.Context, in *struct {
	ID     string `path:"id"`
	Output uint64 `query:"from" doc:"Bytes of the output that were seen already."`
	Log    uint64 `query:"log_from" doc:"Bytes of the log that were seen already."`
	Wait   string `query:"wait" doc:"Wait this long for something new, as in 10s; at most a minute."`
}) (node.Progress, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return node.Progress{}, err
	}
	wait, err := waitFor(in.Wait, 0)
	if err != nil {
		return node.Progress{}, err
	}
	return s.n.Progress(ctx, id, node.Look{Output: in.Output, Log: in.Log, Wait: wait})
}

func streamDoc(s *Server, op *huma.Operation) {
	op.Description = "Follows a job until it ends: server-sent events, or by Accept application/x-ndjson. Each tells how far it is, and what it wrote since the one before."
	inQuery(op, "from", huma.TypeInteger, "bytes of the output that were seen already")
	inQuery(op, "log_from", huma.TypeInteger, "bytes of the log that were seen already")
	answersJSON(op, http.StatusOK, "How far the job is, again and again.", s.schemaFor(reflect.TypeFor[node.Progress]()))
	op.Responses["200"].Content = map[string]*huma.MediaType{
		sse:    {Schema: &huma.Schema{Type: huma.TypeString}},
		ndjson: {Schema: s.schemaFor(reflect.TypeFor[node.Progress]())},
	}
}

// stream follows a job until its end.
func (s *Server) stream(w *writer, r *http.Request) error {
	q := readQuery(r, "from", "log_from")
	look := node.Look{Output: uint64(q.number("from", maxOne)), Log: uint64(q.number("log_from", maxOne))}
	if q.err != nil {
		return q.err
	}
	id, err := jobID(r.PathValue("id"))
	if err != nil {
		return err
	}
	form := sse
	if strings.Contains(r.Header.Get("Accept"), ndjson) {
		form = ndjson
	}
	began := false
	for {
		p, err := s.n.Progress(r.Context(), id, look)
		if err != nil && !began {
			return err
		}
		if !began {
			began = true
			w.Header().Set("Content-Type", form)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Accel-Buffering", "no")
			w.WriteHeader(http.StatusOK)
		}
		if err != nil { // the executor cannot be asked now; the log goes on telling
			p.State = node.JobAssigned
		}
		if s.sendProgress(w, form, p) != nil {
			return nil
		}
		look = node.Look{Output: p.OutputAt + uint64(len(p.Output)), Log: p.LogAt + uint64(len(p.Log)), Percent: p.Percent, Wait: min(s.cfg.Heartbeat, 10*time.Second)}
		ended := p.State != node.JobPosted && p.State != node.JobAssigned
		if ended && len(p.Output)+len(p.Log) == 0 {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-s.closing.Done():
			return nil
		default:
		}
		if err != nil {
			pause(r.Context(), time.Second)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (s *Server) sendProgress(w *writer, form string, p node.Progress) error {
	text, err := wire.Marshal(p)
	if err != nil {
		return err
	}
	w.pace()
	if form == sse {
		_, err = fmt.Fprintf(w, "event: progress\ndata: %s\n\n", text)
	} else {
		_, err = fmt.Fprintf(w, "%s\n", text)
	}
	if err == nil {
		w.Flush()
	}
	return err
}
