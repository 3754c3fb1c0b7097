package node

import (
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Frame takes a frame from another node of the federation. What is malformed is
// the sender's fault: it is reported, and changes nothing. A fatal error wraps
// ErrFatal.
func (l *Loop) Frame(from icn.DID, frame []byte) error {
	if len(frame) == 0 {
		return fmt.Errorf("frame of %s: %w: empty", from, icn.ErrInvalid)
	}
	if err := l.dispatch(from, frame[0], frame[1:]); err != nil {
		return fmt.Errorf("frame %d of %s: %w", frame[0], from, err)
	}
	return nil
}

// ErrFatal marks an error after which the node must stop and start again.
var ErrFatal = errors.New("the node must stop")

func (l *Loop) dispatch(from icn.DID, tag byte, body []byte) error {
	switch tag {
	case frameRaft:
		return l.onRaft(from, body)
	case frameSubmit:
		return l.onSubmit(from, body)
	case frameLeftOut:
		return l.onLeftOut(from, body)
	case frameRefuse:
		return l.onRefuse(from, body)
	case frameBid:
		return l.onBid(from, body)
	case frameAsk:
		return l.onAsk(from, body)
	case frameBeacon:
		return l.onBeacon(from, body)
	case frameSeen:
		return l.onSeen(from, body)
	case frameStale:
		return l.onStale(from, body)
	case frameRejoin:
		return l.onRejoin(from, body)
	case frameWelcome:
		return fatal(l.onWelcome(from, body))
	case frameRoster:
		return l.onRoster(from, body)
	case frameSign:
		return fatal(l.onSign(from, body))
	case frameWantLog:
		return l.onWantLog(from, body)
	case frameLog:
		return fatal(l.onLog(from, body))
	case frameFollow:
		return l.onFollow(from, body)
	case frameElsewhere:
		return l.onElsewhere(from, body)
	case frameCertified:
		return fatal(l.onCertified(from, body))
	case frameAssure:
		return l.onAssure(from, body)
	case frameAssured:
		return l.onAssured(from, body)
	}
	return fmt.Errorf("%w: unknown kind of frame; its sender may be of a newer release", icn.ErrInvalid)
}

// fatal marks errors that say that this node's own state cannot be right.
func fatal(err error) error {
	if errors.Is(err, icn.ErrCorrupt) {
		return errors.Join(ErrFatal, err)
	}
	return err
}
