package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// goodFor is how long a statement may wait to be ordered.
const goodFor = time.Hour

// tries is how often a statement gets a new number, when another one of the same
// author, handed in at the same time, took it.
const tries = 5

// say signs operations as a member, here, and hands them in. The node learns the
// statement, not the key.
func say(ctx context.Context, c *client.Client, who key.Pair, ops ...icn.Op) (wire.Said, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return wire.Said{}, err
	}
	network, err := icn.ParseCID(info.Network)
	if err != nil {
		return wire.Said{}, fmt.Errorf("%w: the node is in no federation yet", icn.ErrUnavailable)
	}
	for try := 1; ; try++ {
		account, err := c.AccountMana(ctx, who.DID(), "")
		if err != nil {
			return wire.Said{}, notMember(who.DID(), err)
		}
		if has := account.Key; !has.IsZero() && has != icn.DID(who.Public()) {
			return wire.Said{}, advised{fmt.Errorf("%w: the federation has another key for %s", icn.ErrDenied, who.DID()),
				"If it was rotated here: icn-cli id rotate puts it in its place. If elsewhere, or recovered: bring in a newer copy, icn-cli id import FILE."}
		}
		s := &icn.Statement{Network: network, Author: who.DID(), Number: account.Next, Until: max(icn.Time(time.Now().UnixMilli()), account.AsOf) + icn.Time(goodFor.Milliseconds()), Ops: ops}
		s.Sig = [64]byte(who.Sign(s.SigningBytes()))
		said, err := c.StatementSay(ctx, s.Encode())
		if err == nil || try == tries || !errors.Is(err, icn.ErrConflict) {
			return said, err
		}
		// Was it the number? Then the account's next one has moved on.
		if now, nerr := c.AccountMana(ctx, who.DID(), ""); nerr != nil || now.Next == account.Next {
			return said, err
		}
	}
}

// notMember says what to do for somebody whom the federation does not know.
func notMember(who icn.DID, err error) error {
	if !errors.Is(err, icn.ErrNotFound) {
		return err
	}
	return advised{fmt.Errorf("%w: %s does not belong to this federation", icn.ErrDenied, who),
		"Ask for: icn-cli federation member add " + who.String() + " --name NAME; or speak as the node: icn-cli id use"}
}
