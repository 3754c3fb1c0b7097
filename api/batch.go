package api

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	voteBatchLimit = 64 << 20
	maxVoteBatch   = 100_000 // statements
	maxFaults      = 100
)

func voteBatchDoc(s *Server, op *huma.Operation) {
	op.Description = "Each statement is checked and handed in for itself: one that is refused is named, and does not hurt the others."
	takes(op, wire.StatementBatchType, &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "For each statement the uvarint of its length, and its wire form."})
	takes(op, jsonType, s.schemaFor(reflect.TypeFor[[]wire.Bytes]()))
	answersJSON(op, http.StatusOK, "What became of them.", s.schemaFor(reflect.TypeFor[wire.StatementBatch]()))
}

// voteBatch hands in many signed statements.
func (s *Server) voteBatch(w *writer, r *http.Request) error {
	var statements [][]byte
	var err error
	switch t := mediaType(r, wire.StatementBatchType); t {
	case wire.StatementBatchType, octets:
		statements, err = readStatements(r.Body)
	case jsonType:
		var in []wire.Bytes
		if err = readJSON(r, voteBatchLimit, &in); err != nil {
			return err
		}
		for _, b := range in {
			statements = append(statements, b)
		}
	default:
		return unsupported(t, wire.StatementBatchType, jsonType)
	}
	switch {
	case err != nil:
		return err
	case len(statements) == 0:
		return fmt.Errorf("batch: %w: it holds no statement", icn.ErrInvalid)
	case len(statements) > maxVoteBatch:
		return fmt.Errorf("batch: %w: %d statements, at most %d; send them in several", icn.ErrInvalid, len(statements), maxVoteBatch)
	}
	told, err := s.n.SayMany(r.Context(), statements)
	if err != nil {
		return err
	}
	out := wire.StatementBatch{Faults: []wire.BatchFault{}}
	for i, t := range told {
		switch {
		case t.Err != nil:
			out.Refused++
			if len(out.Faults) < maxFaults {
				p := wire.ProblemOf(t.Err)
				out.Faults = append(out.Faults, wire.BatchFault{Place: i, Statement: t.ID, Author: t.Author, Code: p.Code, Reason: p.Error()})
			}
		case t.Index == 0:
			out.Waiting++
		default:
			out.Applied++
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// readStatements reads a batch's body to its end.
func readStatements(body io.Reader) ([][]byte, error) {
	in := bufio.NewReaderSize(body, 64<<10)
	var out [][]byte
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, bodyFault(err)
		}
		fault := fmt.Errorf("batch: statement %d: %w: it ends too early", len(out), icn.ErrInvalid)
		n, err := binary.ReadUvarint(in)
		switch {
		case err != nil:
			return nil, fault
		case n == 0 || n > icn.MaxStatement:
			return nil, fmt.Errorf("batch: statement %d: %w: %d bytes, at most %d", len(out), icn.ErrInvalid, n, icn.MaxStatement)
		case len(out) == maxVoteBatch:
			return nil, fmt.Errorf("batch: %w: more than %d statements; send them in several", icn.ErrInvalid, maxVoteBatch)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fault
		} else if err != nil {
			return nil, bodyFault(err)
		}
		out = append(out, b)
	}
}
