package p2p

import (
	"errors"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// sentinels by their code on the wire. Codes are for ever: append only.
var sentinels = []error{
	1: icn.ErrNotFound,
	2: icn.ErrInvalid,
	3: icn.ErrDenied,
	4: icn.ErrConflict,
	5: icn.ErrInsufficient,
	6: icn.ErrUnavailable,
	7: icn.ErrCorrupt,
}

const failureText = 1024

// encodeFailure gives the body of an opFail: a code and the text. What wraps no
// sentinel is the other side's trouble: unavailable there, try elsewhere.
func encodeFailure(err error) []byte {
	code := byte(6)
	for c, s := range sentinels {
		if s != nil && errors.Is(err, s) {
			code = byte(c)
			break
		}
	}
	text := err.Error()
	return append([]byte{code}, text[:min(len(text), failureText)]...)
}

// remoteError is an error that happened at the peer.
type remoteError struct {
	sentinel error
	text     string
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.sentinel }

func decodeFailure(body []byte) error {
	e := &remoteError{sentinel: icn.ErrUnavailable}
	if len(body) > 0 {
		if c := int(body[0]); c < len(sentinels) && sentinels[c] != nil {
			e.sentinel = sentinels[c]
		}
		e.text = string(body[1:min(len(body), 1+failureText)])
	}
	if e.text == "" {
		e.text = e.sentinel.Error()
	}
	return e
}
