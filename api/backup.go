package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const gzipType = "application/gzip"

func backupDoc(s *Server, op *huma.Operation) {
	inQuery(op, "entries", huma.TypeInteger, "leave out the log up to this entry: an earlier backup holds it")
	inQuery(op, "arrival", huma.TypeInteger, "leave out blocks up to this arrival number: an earlier backup holds them")
	inQuery(op, "since", huma.TypeString, "leave out what is older than this date or time")
	inQuery(op, "keys", huma.TypeBoolean, "with the node's key file, which must be sealed")
	answers(200, gzipType, "The backup; its format is described in package backup. It is whole when it ends with a manifest.")(s, op)
}

func (s *Server) backup(w *writer, r *http.Request) error {
	q := readQuery(r, "entries", "arrival", "since", "keys")
	after := backup.Point{Entries: q.count("entries"), Arrival: q.count("arrival")}
	since, withKeys := q.moment("since"), q.flag("keys")
	if q.err != nil {
		return q.err
	}
	var sealed []byte
	if withKeys {
		var err error
		if sealed, err = s.sealedKey(); err != nil {
			return err
		}
	}
	h, err := s.n.History(r.Context())
	if err != nil {
		return err
	}
	blocks := s.n.Blocks()
	if !since.IsZero() {
		if after.Entries, err = h.Before(icn.Time(since.UnixMilli())); err != nil {
			return err
		}
		if after.Arrival, err = blocks.ArrivedBefore(since); err != nil {
			return err
		}
	}
	if after.Entries > h.Entries || after.Arrival > blocks.Arrived() {
		return fmt.Errorf("backup: %w: it shall go on from entry %d and block %d, this node has %d and %d: that backup is of another node or store; take a full one",
			icn.ErrInvalid, after.Entries, after.Arrival, h.Entries, blocks.Arrived())
	}
	return sendStream(w, gzipType, func(out io.Writer) error {
		_, err := backup.Make(r.Context(), backup.From{History: h, Blocks: blocks, Signer: s.n.Signer(), After: after, Sealed: sealed}, backup.NewStream(out))
		return err
	})
}

func (s *Server) sealedKey() ([]byte, error) {
	if s.cfg.Host == nil {
		return nil, fmt.Errorf("backup: %w: this node's key is in no file", icn.ErrUnavailable)
	}
	return s.cfg.Host.SealedKey()
}

func restoreDoc(s *Server, op *huma.Operation) {
	op.RequestBody = &huma.RequestBody{Required: true, Description: "A backup as a tar.gz stream.", Content: map[string]*huma.MediaType{gzipType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	answersJSON(op, 200, "What was read, and how much of it was missing here.", s.schemaFor(reflect.TypeFor[wire.Restored]()))
}

func (s *Server) restore(w *writer, r *http.Request) error {
	h, err := s.n.History(r.Context())
	if err != nil {
		return err
	}
	blocks := s.n.Blocks()
	res, err := backup.Merge(r.Context(), backup.StreamOf(func(f func(string, []byte) error) error { return backup.ReadStream(r.Body, f) }), h, blocks, s.n.Checker())
	if errors.Is(err, icn.ErrCorrupt) { // what was sent is damaged, not this node
		return fmt.Errorf("%w: %s", icn.ErrInvalid, err)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wire.Restored{Blocks: res.Blocks, Entries: int64(res.Entries), Added: int64(res.Missing), Made: res.Manifest.Made, Node: res.Manifest.Node})
}

func verifyDoc(s *Server, op *huma.Operation) {
	inQuery(op, "deep", huma.TypeBoolean, "hash every block, and fold the log again with every signature")
	answersJSON(op, 200, "What was checked, and what is wrong.", s.schemaFor(reflect.TypeFor[wire.Verified]()))
}

func (s *Server) verify(w *writer, r *http.Request) error {
	q := readQuery(r, "deep")
	deep := q.flag("deep")
	if q.err != nil {
		return q.err
	}
	h, err := s.n.History(r.Context())
	if err != nil {
		return err
	}
	v, err := backup.Inspect(r.Context(), h, s.n.Blocks(), backup.Inspection{Deep: deep, Checker: s.n.Checker()})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wire.VerifiedOf(v))
}

// count reads a number that may be zero.
func (q *query) count(name string) uint64 {
	s := q.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		q.fail(name, fmt.Errorf("%.40q: want a whole number", s))
	}
	return n
}

// moment reads a date or a time.
func (q *query) moment(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := wire.ParseMoment(s)
	if err != nil {
		q.fail(name, err)
	}
	return t
}
