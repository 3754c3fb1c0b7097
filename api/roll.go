package api

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// memberBatchLimit is that of a full batch of members as JSON.
const memberBatchLimit = wire.MemberBatch * 2048

func rollDoc(s *Server, op *huma.Operation) {
	inQuery(op, "at", huma.TypeString, "An entry's number, a moment (RFC 3339) or a day: its end, in UTC. By default now.")
	inQuery(op, "electorate", huma.TypeString, "persons, organisations or members (the default): both")
	inQuery(op, "format", huma.TypeString, "json (the default) or csv")
	answers(http.StatusOK, "text/csv", "With ?format=csv: did, name and role.")(s, op)
	answersJSON(op, http.StatusOK, "", s.schemaFor(reflect.TypeFor[node.RollView]()))
}

func (s *Server) roll(w *writer, r *http.Request) error {
	q := readQuery(r, "at", "electorate", "format")
	electorate := icn.Members
	if text := q.text("electorate"); text != "" {
		if err := electorate.UnmarshalText([]byte(text)); err != nil {
			q.fail("electorate", err)
		}
	}
	format := q.text("format")
	if format != "" && format != "json" && format != "csv" {
		q.fail("format", fmt.Errorf("%.40q: want json or csv", format))
	}
	if q.err != nil {
		return q.err
	}
	index, err := s.entryAt(q.text("at"))
	if err != nil {
		return err
	}
	v, err := s.n.Roll(index, electorate)
	if err != nil {
		return err
	}
	if format == "csv" {
		return writeBytes(w, http.StatusOK, "text/csv; charset=utf-8; header=present", wire.RollCSV(v.Roll))
	}
	return writeJSON(w, http.StatusOK, v)
}

// entryAt reads an entry's number, or a moment that has one; 0 = now.
func (s *Server) entryAt(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	if index, err := strconv.ParseUint(text, 10, 53); err == nil && index > 0 {
		return index, nil
	}
	at, err := wire.ParseAsOf(text)
	if err != nil {
		return 0, misplaced("query.at", fmt.Errorf("%.40q: want an entry's number from 1 on, a day such as 2026-03-31, or a moment such as 2026-03-31T12:00:00Z", text))
	}
	index, err := s.n.IndexAt(at)
	if err == nil && index == 0 {
		err = fmt.Errorf("roll at %s: %w: the federation's log begins later", text, icn.ErrNotFound)
	}
	return index, err
}
