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

// spoken is a statement that was handed in, and what became of it.
type spoken struct {
	wire.Said
	statement *icn.Statement
}

// say signs operations as a member, here, and hands them in. The node learns the
// statement, not the key.
func say(ctx context.Context, c *client.Client, who key.Pair, ops ...icn.Op) (wire.Said, error) {
	network, err := networkOf(ctx, c)
	if err != nil {
		return wire.Said{}, err
	}
	s, err := sayFrom(ctx, c, who, network, 0, ops...)
	return s.Said, err
}

// say signs operations as the identity in use, and hands them in. Its number is above
// those of statements that were signed here and are not handed in yet.
func (a *app) say(ctx context.Context, c *client.Client, ops ...icn.Op) (spoken, error) {
	m, err := a.speaker(ctx, c)
	if err != nil {
		return spoken{}, err
	}
	network, err := networkOf(ctx, c)
	if err != nil {
		return spoken{}, err
	}
	used, err := m.wallet.Numbers(m.id.Name)
	if err != nil {
		return spoken{}, err
	}
	s, err := sayFrom(ctx, c, m.pair, network, used[network]+1, ops...)
	if err != nil {
		return s, err
	}
	return s, m.wallet.UseNumber(m.id.Name, network, s.Number)
}

// networkOf is the federation that a node belongs to.
func networkOf(ctx context.Context, c *client.Client) (icn.CID, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return icn.CID{}, err
	}
	network, err := icn.ParseCID(info.Network)
	if err != nil {
		return network, fmt.Errorf("%w: the node is in no federation yet", icn.ErrUnavailable)
	}
	return network, nil
}

// sayFrom gives the statement at least the number least, if that is one that the
// federation takes.
func sayFrom(ctx context.Context, c *client.Client, who key.Pair, network icn.CID, least uint64, ops ...icn.Op) (spoken, error) {
	for try := 1; ; try++ {
		account, err := c.AccountMana(ctx, who.DID(), "")
		if err != nil {
			return spoken{}, notMember(who.DID(), err)
		}
		if has := account.Key; !has.IsZero() && has != icn.DID(who.Public()) {
			return spoken{}, advised{fmt.Errorf("%w: the federation has another key for %s", icn.ErrDenied, who.DID()),
				"If it was rotated here: icn-cli id rotate puts it in its place. If elsewhere, or recovered: bring in a newer copy, icn-cli id import FILE."}
		}
		number := account.Next
		if least > number && least < number+icn.Window {
			number = least
		}
		until := max(icn.Time(time.Now().UnixMilli()), account.AsOf) + icn.Time(goodFor.Milliseconds())
		s := sign(who, icn.Statement{Network: network, Number: number, Until: until, Ops: ops})
		said, err := c.StatementSay(ctx, s.Encode())
		if err == nil || try == tries || !errors.Is(err, icn.ErrConflict) {
			return spoken{said, s}, err
		}
		// Was it the number? Then the account's next one has moved on.
		if now, nerr := c.AccountMana(ctx, who.DID(), ""); nerr != nil || now.Next == account.Next {
			return spoken{said, s}, err
		}
	}
}

// sign makes a statement its author's.
func sign(who key.Pair, s icn.Statement) *icn.Statement {
	s.Author = who.DID()
	s.Sig = [64]byte(who.Sign(s.SigningBytes()))
	return &s
}

// notMember says what to do for somebody whom the federation does not know.
func notMember(who icn.DID, err error) error {
	if !errors.Is(err, icn.ErrNotFound) {
		return err
	}
	return advised{fmt.Errorf("%w: %s does not belong to this federation", icn.ErrDenied, who),
		"Ask for: icn-cli federation member add " + who.String() + " --name NAME; or speak as the node: icn-cli id use"}
}
