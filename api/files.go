package api

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// pacedReader reads a body that may be long, but not stand still.
type pacedReader struct {
	w *writer
	r io.Reader
}

// Read implements io.Reader.
func (p pacedReader) Read(b []byte) (int, error) {
	_ = http.NewResponseController(p.w.ResponseWriter).SetReadDeadline(time.Now().Add(pauseTime)) // not every connection has deadlines
	n, err := p.r.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut // who reads in pieces takes the other for the end of the file
	}
	return n, err
}

// errCut says that a body ended before its announced end.
var errCut = errors.New("the body was cut off")

// pacedWriter writes an answer that may be long, to somebody who takes it.
type pacedWriter struct{ w *writer }

// Write implements io.Writer.
func (p pacedWriter) Write(b []byte) (int, error) {
	p.w.pace()
	return p.w.Write(b)
}

// held is how much of a stream is kept back, so that an error that comes early
// is a problem and no broken answer.
const held = 64 << 10

// sendStream answers with what fill writes.
func sendStream(w *writer, mediaType string, fill func(io.Writer) error) error {
	w.Header().Set("Content-Type", mediaType)
	out := bufio.NewWriterSize(pacedWriter{w}, held)
	if err := fill(out); err != nil {
		if w.status == 0 {
			w.Header().Del("Content-Length")
		}
		return err
	}
	_ = out.Flush() // whoever asked is gone: there is nobody to tell
	return nil
}

// asInput says that bytes which are not what their CID says came with the
// request: that is no fault of the node.
func asInput(err error) error {
	if !errors.Is(err, icn.ErrCorrupt) {
		return err
	}
	p := wire.ProblemOf(err)
	p.Status, p.Detail = http.StatusBadRequest, err.Error()
	return p
}

func addDoc(s *Server, op *huma.Operation) {
	takes(op, octets, &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file."})
	answersJSON(op, http.StatusCreated, "The file's root; all of it is durable.", s.schemaFor(reflect.TypeFor[dag.Added]()))
}

func (s *Server) dagAdd(w *writer, r *http.Request) error {
	if t := mediaType(r, octets); t == "multipart/form-data" || t == "application/x-www-form-urlencoded" {
		return unsupported(t, octets)
	}
	added, err := s.n.Blocks().Add(r.Context(), pacedReader{w, r.Body})
	if err != nil {
		return bodyFault(err)
	}
	return writeJSON(w, http.StatusCreated, added)
}

func importDoc(s *Server, op *huma.Operation) {
	takes(op, carType, &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "A CAR stream, version 1 or 2."})
	answersJSON(op, http.StatusCreated, "All blocks are durable.", s.schemaFor(reflect.TypeFor[dag.Imported]()))
}

func (s *Server) dagImport(w *writer, r *http.Request) error {
	if t := mediaType(r, carType); t != carType && t != octets {
		return unsupported(t, carType)
	}
	in, err := s.n.Blocks().Import(r.Context(), pacedReader{w, r.Body})
	if err != nil {
		return bodyFault(asInput(err))
	}
	return writeJSON(w, http.StatusCreated, in)
}

func (s *Server) dagExport(w *writer, r *http.Request) error {
	c, err := pathCID(r)
	if err != nil {
		return err
	}
	return sendStream(w, carType, func(out io.Writer) error { return s.n.Blocks().Export(r.Context(), out, c) })
}

func (s *Server) dagCat(w *writer, r *http.Request) error {
	c, err := pathCID(r)
	if err != nil {
		return err
	}
	file, err := s.n.Blocks().Read(r.Context(), c)
	if err != nil {
		return err
	}
	defer file.Close()
	if f, ok := file.(interface{ Size() uint64 }); ok {
		w.Header().Set("Content-Length", strconv.FormatUint(f.Size(), 10))
	}
	return sendStream(w, octets, func(out io.Writer) error {
		_, err := io.Copy(out, struct{ io.Reader }{file})
		return err
	})
}
