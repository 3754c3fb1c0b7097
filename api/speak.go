package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
)

// speech is what a member says by a request. The node has no member's key: it puts
// the statement together for whoever does, and hands it in when it is signed.
type speech struct {
	wire.Signed
	author  icn.DID
	op      icn.Op  // nil: only the signed statement says it
	about   icn.CID // the proposal, as far as the request names it
	kind    string  // of the operation
	words   string
	message string // once it is applied
}

// speechLife is how long a statement that was put together here may wait.
const speechLife = time.Hour

// speak puts a statement together, or hands it in.
func (s *Server) speak(ctx context.Context, sp speech) (wire.Spoken, error) {
	for name, proof := range map[string][]byte{"credential_proof": sp.CredentialProof, "revocation_proof": sp.RevocationProof} { // order: one of them is named
		if len(proof) > 0 && string(proof) != "null" {
			return wire.Spoken{}, fmt.Errorf("%s: %w: proofs are not supported: membership is proven by the signature of the statement; leave it out", name, icn.ErrInvalid)
		}
	}
	if len(sp.Statement) > 0 {
		if err := sp.agrees(); err != nil {
			return wire.Spoken{}, err
		}
		return s.handIn(ctx, sp.Statement, sp.message)
	}
	if sp.author.IsZero() {
		return wire.Spoken{}, &wire.FieldError{Reason: "it does not say whose word it is: give the author's DID, or the signed statement"}
	}
	st, err := s.compose(sp)
	if err != nil {
		return wire.Spoken{}, err
	}
	if sp.Signature == "" {
		return wire.Spoken{State: "to_sign", Message: "nothing has happened yet: sign these bytes with the author's key, and send the request again with signature, number and until_ms",
			ToSign: &wire.ToSign{Author: st.Author, Number: st.Number, Until: st.Until, Unsigned: st.Encode(), Sign: st.SigningBytes(), Words: sp.words}}, nil
	}
	if sp.Number == 0 || sp.Until == 0 {
		return wire.Spoken{}, &wire.FieldError{Path: "signature", Reason: "number and until_ms that were signed must be sent with it"}
	}
	if st.Sig, err = signatureOf(sp.Signature); err != nil {
		return wire.Spoken{}, err
	}
	return s.handIn(ctx, st.Encode(), sp.message)
}

// agrees says whether the signed statement is of this kind, and what the request's
// other fields say.
func (sp speech) agrees() error {
	wrong := func(format string, args ...any) error {
		return &wire.FieldError{Path: "statement", Reason: fmt.Sprintf(format, args...)}
	}
	st, err := icn.DecodeStatement(sp.Statement)
	if err != nil {
		return wrong("%v", err)
	}
	if !sp.author.IsZero() && st.Author != sp.author {
		return wrong("it is of %s, the request says %s", st.Author, sp.author)
	}
	for _, op := range st.Ops {
		if op.Kind() != sp.kind {
			return wrong("it says %s, here %s is taken", op.Kind(), sp.kind)
		}
		if about, ok := proposalOf(op); ok && sp.about.Defined() && about != sp.about {
			return wrong("it is about the proposal %s, the request about %s", about, sp.about)
		}
	}
	if sp.op != nil {
		same := *st
		same.Ops = []icn.Op{sp.op}
		if !bytes.Equal(same.SigningBytes(), st.SigningBytes()) {
			return wrong("it says something else than the request's other fields; leave them out, or sign what they say")
		}
	}
	return nil
}

// proposalOf is the proposal that an operation is about.
func proposalOf(op icn.Op) (icn.CID, bool) {
	switch o := op.(type) {
	case icn.BallotCast:
		return o.Proposal, true
	case icn.ProposalAdvance:
		return o.ID, true
	case icn.ProposalSponsor:
		return o.ID, true
	case icn.ProposalWithdraw:
		return o.ID, true
	case icn.ProposalVeto:
		return o.ID, true
	case icn.ProposalClose:
		return o.ID, true
	}
	return icn.CID{}, false
}

// compose is the statement without its signature.
func (s *Server) compose(sp speech) (*icn.Statement, error) {
	st := &icn.Statement{Author: sp.author, Number: sp.Number, Until: sp.Until, Ops: []icn.Op{sp.op}}
	var member identity.Member
	known := false
	err := s.n.View(func(m *core.Machine) {
		st.Network = m.Network()
		if member, known = m.Member(sp.author); st.Number == 0 {
			st.Number = m.NextNumber(sp.author)
		}
		if st.Until == 0 {
			st.Until = max(icn.Time(time.Now().UnixMilli()), m.Head().Time) + icn.Time(speechLife.Milliseconds())
		}
	})
	switch {
	case err != nil:
		return nil, err
	case !known || member.Standing == identity.Left:
		return nil, fmt.Errorf("%s: %w: %s is no member of this federation; only members propose and vote, nodes do not", sp.kind, icn.ErrDenied, sp.author)
	case member.Standing == identity.Suspended:
		return nil, fmt.Errorf("%s: %w: %s is suspended", sp.kind, icn.ErrDenied, sp.author)
	}
	return st, nil
}

// signatureOf reads 64 bytes in base64 or hex.
func signatureOf(text string) (sig [64]byte, err error) {
	text = strings.TrimSpace(text)
	b, err := hex.DecodeString(text)
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(text); err != nil {
			b, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		}
	}
	if err != nil || len(b) != 64 {
		return sig, &wire.FieldError{Path: "signature", Reason: "want 64 bytes in base64 or hex"}
	}
	return [64]byte(b), nil
}

// handIn says a signed statement.
func (s *Server) handIn(ctx context.Context, statement []byte, message string) (wire.Spoken, error) {
	said, err := s.told(s.n.Say(ctx, statement))
	if err != nil {
		return wire.Spoken{}, err
	}
	if said.State == "waiting" {
		message = "it waits to be ordered: it goes in later, or expires"
	}
	return wire.Spoken{State: said.State, Message: message, Statement: said.Statement, Number: said.Number, Index: said.Index, Events: said.Events}, nil
}
