package api

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/ipfs/go-cid"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// batchLimit is that of a batch, with the CIDs and lengths.
const batchLimit = wire.MaxBatchBytes + wire.MaxBatchBlocks*64

func putDoc(_ *Server, op *huma.Operation) {
	inQuery(op, "codec", huma.TypeString, "raw (the default), dag-cbor or dag-pb")
	inQuery(op, "pin", huma.TypeBoolean, "keep the block for ever")
	takes(op, octets, &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The block, at most 2 MiB."})
	takes(op, jsonType, &huma.Schema{Type: huma.TypeObject, Required: []string{"data"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
		"data":  bytesSchema{}.Schema(nil),
		"codec": {Type: huma.TypeString, Enum: []any{"raw", "dag-cbor", "dag-pb"}},
		"pin":   {Type: huma.TypeBoolean},
	}})
	answersJSON(op, http.StatusCreated, "The block's CID; it is durable.", &huma.Schema{Type: huma.TypeString})
}

// codecOf finds a codec by its name.
func codecOf(name string) (uint64, error) {
	switch name {
	case "", "raw":
		return icn.Raw, nil
	case "dag-cbor":
		return icn.DagCBOR, nil
	case "dag-pb":
		return cid.DagProtobuf, nil
	}
	return 0, fmt.Errorf("codec %.40q: want raw, dag-cbor or dag-pb", name)
}

// dagPut is on the hot path: for a raw body there is no JSON and no copy.
func (s *Server) dagPut(w *writer, r *http.Request) error {
	q := readQuery(r, "codec", "pin")
	pin := q.flag("pin")
	codec, err := codecOf(q.text("codec"))
	if err != nil {
		q.fail("codec", err)
	}
	if q.err != nil {
		return q.err
	}
	var data []byte
	switch t := mediaType(r, octets); t {
	case octets:
		b, err := readBody(r, icn.MaxBlock)
		if err != nil {
			return err
		}
		defer release(b)
		data = b.Bytes()
	case jsonType:
		put, c, err := readPut(r)
		if err != nil {
			return err
		}
		data, pin = put.Data, pin || put.Pin
		if put.Codec != "" {
			codec = c
		}
	default:
		return unsupported(t, octets, jsonType)
	}
	b := icn.NewBlock(codec, data)
	if codec != icn.Raw {
		if _, err := dag.Links(b); err != nil {
			return err
		}
	}
	if err := s.n.Blocks().Put(r.Context(), b); err != nil {
		return err
	}
	if pin {
		if err := s.n.Blocks().Pin(r.Context(), b.CID, 0); err != nil {
			return err
		}
	}
	out := make([]byte, 0, 64)
	out = append(append(append(out, '"'), b.CID.String()...), '"')
	return writeBytes(w, http.StatusCreated, jsonType, out)
}

func readPut(r *http.Request) (put wire.Put, codec uint64, err error) {
	if err := readJSON(r, maxJSON, &put); err != nil {
		return put, 0, err
	}
	if put.Data == nil {
		return put, 0, missing("data")
	}
	if codec, err = codecOf(put.Codec); err != nil {
		return put, 0, &wire.FieldError{Path: "codec", Reason: err.Error()}
	}
	if len(put.Data) > icn.MaxBlock {
		return put, 0, &http.MaxBytesError{Limit: icn.MaxBlock}
	}
	return put, codec, nil
}

func writeBytes(w *writer, status int, mediaType string, b []byte) error {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever asked is gone: there is nobody to tell
	return nil
}

func batchDoc(s *Server, op *huma.Operation) {
	takes(op, wire.BatchType, &huma.Schema{Type: huma.TypeString, Format: "binary",
		Description: fmt.Sprintf("For each block the uvarint of the length of what follows, the binary CID, and the data; at most %d blocks and %d bytes.", wire.MaxBatchBlocks, wire.MaxBatchBytes)})
	answersJSON(op, http.StatusCreated, "All are durable.", s.schemaFor(reflect.TypeFor[wire.Batch]()))
}

func (s *Server) dagPutBatch(w *writer, r *http.Request) error {
	if t := mediaType(r, octets); t != octets && t != wire.BatchType {
		return unsupported(t, wire.BatchType)
	}
	blocks, err := wire.ReadBlocks(bufio.NewReaderSize(pacedReader{w, r.Body}, 256<<10))
	if err != nil {
		return bodyFault(err)
	}
	out := wire.Batch{CIDs: make([]icn.CID, 0, len(blocks))}
	for _, b := range blocks {
		out.CIDs = append(out.CIDs, b.CID)
		out.Bytes += int64(len(b.Data))
	}
	if len(blocks) > 0 {
		if err := s.n.Blocks().PutMany(r.Context(), blocks); err != nil {
			return asInput(err)
		}
	}
	return writeJSON(w, http.StatusCreated, out)
}

func getDoc(s *Server, op *huma.Operation) {
	takes(op, jsonType, s.schemaFor(reflect.TypeFor[wire.Cite]()))
	answers(200, octets, "The block; with Accept: application/json, a list of its bytes as numbers.")(s, op)
	answersJSON(op, 200, "", &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}})
}

var citeOpen, citeClose = []byte(`{"cid":"`), []byte(`"}`)

// readCite reads {"cid": …}: its usual form without decoding JSON.
func readCite(r *http.Request) (icn.CID, error) {
	b, err := readBody(r, 4096)
	if err != nil {
		return icn.CID{}, err
	}
	defer release(b)
	if rest, ok := bytes.CutPrefix(b.Bytes(), citeOpen); ok {
		if text, ok := bytes.CutSuffix(rest, citeClose); ok && len(text) < 128 && bytes.IndexByte(text, '"') < 0 {
			if c, err := icn.ParseCID(string(text)); err == nil {
				return c, nil
			}
		}
	}
	if b.Len() == 0 {
		return icn.CID{}, wire.NewProblem(http.StatusBadRequest, "a JSON body is needed")
	}
	var cite wire.Cite
	if err := wire.UnmarshalStrict(b.Bytes(), &cite); err != nil {
		return icn.CID{}, err
	}
	if !cite.CID.Defined() {
		return icn.CID{}, missing("cid")
	}
	return cite.CID, nil
}

// dagGet is on the hot path.
func (s *Server) dagGet(w *writer, r *http.Request) error {
	if t := mediaType(r, jsonType); t != jsonType {
		return unsupported(t, jsonType)
	}
	c, err := readCite(r)
	if err != nil {
		return err
	}
	b, err := s.n.Blocks().Get(r.Context(), c)
	if err != nil {
		return err
	}
	if a := r.Header.Get("Accept"); a != "" && a != octets && a != "*/*" && strings.Contains(a, jsonType) && !strings.Contains(a, octets) {
		return writeBytes(w, http.StatusOK, jsonType, numbers(b.Data))
	}
	return writeBytes(w, http.StatusOK, octets, b.Data)
}

// numbers is [104,101,…].
func numbers(b []byte) []byte {
	out := make([]byte, 0, 4*len(b)+2)
	out = append(out, '[')
	for i, x := range b {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(x), 10)
	}
	return append(out, ']')
}

// dagBlock is a block under an address of its own: what it names never changes.
func (s *Server) dagBlock(w *writer, r *http.Request) error {
	c, err := pathCID(r)
	if err != nil {
		return err
	}
	tag := `"` + c.String() + `"`
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.Header().Set("ETag", tag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := s.n.Blocks().Get(r.Context(), c)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	return writeBytes(w, http.StatusOK, octets, b.Data)
}
