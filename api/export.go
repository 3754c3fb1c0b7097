package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The media types of the files that icn-verify reads.
const (
	voteType    = "application/vnd.icn.vote"
	receiptType = "application/vnd.icn.receipt"
)

const waitDoc = "How long to wait for a checkpoint over it, as in 10s; at most a minute. Default 5s."

func exportDoc(s *Server, op *huma.Operation) {
	inPath("id")(s, op)
	inQuery(op, "wait", huma.TypeString, waitDoc)
	answers(http.StatusOK, voteType, "The file; icn-verify recounts it, with no network.")(s, op)
}

// exportVote answers with the file of a vote that is closed.
func (s *Server) exportVote(w *writer, r *http.Request) error {
	id, err := proposalID(r.PathValue("id"))
	if err != nil {
		return err
	}
	q := readQuery(r, "wait")
	ctx, cancel, err := s.waitAsked(r, q)
	if err != nil {
		return err
	}
	defer cancel()
	v, err := s.n.ExportVote(ctx, id)
	if err != nil {
		return err
	}
	return writeFile(w, voteType, "vote-"+tail(id)+".icn", v.Encode())
}

func receiptFileDoc(s *Server, op *huma.Operation) {
	inPath("cid")(s, op)
	inQuery(op, "author", huma.TypeString, "DID of who said it: it is found faster")
	inQuery(op, "op", huma.TypeInteger, "which of the statement's operations it is about, from 0")
	inQuery(op, "wait", huma.TypeString, waitDoc)
	answers(http.StatusOK, receiptType, "The file; icn-verify checks it, with no network.")(s, op)
}

// receiptFile answers with the file that proves that a statement is in the log.
func (s *Server) receiptFile(w *writer, r *http.Request) error {
	id, err := pathCID(r)
	if err != nil {
		return err
	}
	q := readQuery(r, "author", "op", "wait")
	author := q.did("author")
	op := 0
	if q.text("op") != "0" {
		op = q.number("op", icn.MaxOps)
	}
	ctx, cancel, err := s.waitAsked(r, q)
	if err != nil {
		return err
	}
	defer cancel()
	x, err := s.n.ExportReceipt(ctx, id, author)
	if err != nil {
		return err
	}
	x.Op = uint64(op)
	return writeFile(w, receiptType, "receipt-"+tail(id)+".icn", x.Encode())
}

// waitAsked is how long the caller wants to wait.
func (s *Server) waitAsked(r *http.Request, q *query) (context.Context, context.CancelFunc, error) {
	if q.err != nil {
		return nil, nil, q.err
	}
	wait, err := waitFor(q.text("wait"), defaultWait)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := s.patience(r.Context(), wait)
	return ctx, cancel, nil
}

// tail is the part of a CID's text by which people tell it from others.
func tail(c icn.CID) string {
	text := c.String()
	return text[len(text)-12:]
}

func writeFile(w *writer, mediaType, name string, b []byte) error {
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	return writeBytes(w, http.StatusOK, mediaType, b)
}
