package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// statementLimit is that of a statement as JSON: a list of numbers at worst.
const statementLimit = 5 * icn.MaxStatement

func sayDoc(s *Server, op *huma.Operation) {
	takes(op, "application/cbor", &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The statement's wire form."})
	takes(op, octets, &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The same."})
	takes(op, jsonType, s.schemaFor(reflect.TypeFor[wire.Statement]()))
	said := s.schemaFor(reflect.TypeFor[wire.Said]())
	answersJSON(op, http.StatusOK, "It is applied.", said)
	answersJSON(op, http.StatusAccepted, "It waits to be ordered.", said)
}

func (s *Server) say(w *writer, r *http.Request) error {
	var statement []byte
	switch t := mediaType(r, "application/cbor"); t {
	case "application/cbor", octets, "application/vnd.ipld.dag-cbor":
		b, err := readBody(r, icn.MaxStatement)
		if err != nil {
			return err
		}
		statement = append([]byte(nil), b.Bytes()...) // the node keeps it
		release(b)
	case jsonType:
		var in wire.Statement
		if err := readJSON(r, statementLimit, &in); err != nil {
			return err
		}
		if in.Statement == nil {
			return missing("statement")
		}
		statement = in.Statement
	default:
		return unsupported(t, "application/cbor", jsonType)
	}
	said, err := s.told(s.n.Say(r.Context(), statement))
	if err != nil {
		return err
	}
	return writeJSON(w, statusOf(said), said)
}

// told shows what became of a statement.
func (s *Server) told(said node.Said, err error) (wire.Said, error) {
	if err != nil {
		return wire.Said{}, err
	}
	return wire.SaidOf(said)
}

func (s *Server) waiting(ctx context.Context, _ *none) (wire.Waiting, error) {
	st, err := s.n.Status(ctx)
	return wire.Waiting{Waiting: filled(st.Waiting)}, err
}

func (s *Server) logEntry(_ context.Context, in *struct {
	Index uint64 `path:"index" minimum:"1"`
}) (wire.Entry, error) {
	e, err := s.n.Entry(in.Index)
	if err != nil {
		return wire.Entry{}, err
	}
	return wire.EntryOf(e), nil
}

// waitFor reads how long a caller wants to wait.
func waitFor(text string, fallback time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	d, err := wire.ParseDuration(text)
	if err != nil {
		return 0, misplaced("query.wait", err)
	}
	return time.Duration(d), nil
}

func (s *Server) logProof(ctx context.Context, in *struct {
	Index uint64 `path:"index" minimum:"1"`
	Wait  string `query:"wait" doc:"How long to wait for a checkpoint over it, as in 10s; at most a minute. Default 5s."`
}) (node.Proof, error) {
	wait, err := waitFor(in.Wait, defaultWait)
	if err != nil {
		return node.Proof{}, err
	}
	ctx, cancel := s.patience(ctx, wait)
	defer cancel()
	return s.n.Proof(ctx, in.Index)
}

func checkpointDoc(s *Server, op *huma.Operation) {
	inQuery(op, "format", huma.TypeString, "note (the default) or json")
	answers(http.StatusOK, "text/plain", "The signed note (C2SP); with ?format=json its parts.")(s, op)
	answersJSON(op, http.StatusOK, "", s.schemaFor(reflect.TypeFor[wire.Checkpoint]()))
}

func (s *Server) checkpoint(w *writer, r *http.Request) error {
	q := readQuery(r, "format")
	format := q.text("format")
	if format != "" && format != "note" && format != "json" {
		q.fail("format", fmt.Errorf("%.40q: want note or json", format))
	}
	if q.err != nil {
		return q.err
	}
	note, err := s.certified(r.Context())
	if err != nil {
		return err
	}
	if format == "json" || format == "" && strings.HasPrefix(r.Header.Get("Accept"), jsonType) {
		c, sigs, err := icn.ParseNote(note)
		if err != nil {
			return err
		}
		out := wire.Checkpoint{Network: c.Network, Size: c.Size, Tree: hex.EncodeToString(c.Tree[:]), State: hex.EncodeToString(c.State[:]), Note: note, Signers: []icn.DID{}}
		for _, sig := range sigs {
			out.Signers = append(out.Signers, sig.Signer)
		}
		return writeJSON(w, http.StatusOK, out)
	}
	return writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(note))
}

// certified is the last certified checkpoint.
func (s *Server) certified(ctx context.Context) (string, error) {
	st, err := s.n.Status(ctx)
	if err != nil {
		return "", err
	}
	if st.Certified == 0 {
		return "", fmt.Errorf("checkpoint: %w: the clerks have not certified one yet", icn.ErrNotFound)
	}
	ctx, cancel := s.patience(ctx, defaultWait)
	defer cancel()
	p, err := s.n.Proof(ctx, st.Certified)
	return p.Checkpoint, err
}
