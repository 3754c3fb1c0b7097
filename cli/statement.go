package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func (a *app) statementCommand() *cobra.Command {
	var asQR bool
	show := command("show FILE", "What a signed statement says, and who says it; - is stdin", 1, 1, func(_ *cobra.Command, args []string) error { return a.statementShow(args[0], asQR) })
	show.Flags().BoolVar(&asQR, "qr", false, "as a QR code, which somebody else can scan and hand in")
	var w waitFor
	submit := command("submit FILE...", "Hand in signed statements through this node, whoever signed them; - is stdin", 1, -1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			var failed []error
			for _, file := range args {
				if err := a.statementSubmit(c.Context(), cl, file, w); err != nil {
					failed = append(failed, fmt.Errorf("%s: %w", file, err))
				}
			}
			return errors.Join(failed...)
		})
	})
	w.flags(submit)
	submit.Long = submit.Short + ".\n\nThat is harmless if it was done before, through this node or another: what is said once counts once."
	g := group("statement", "Statements that were signed elsewhere, as files or QR codes", show, submit)
	g.Long = "A ballot can be signed on a machine without a network (icn-cli governance vote --offline FILE), carried as a file or\n" +
		"as a QR code, and handed in by anybody through any node of the federation, until the vote closes."
	return g
}

func (a *app) readStatementFile(file string) (*icn.Statement, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(a.In, statementFileMost))
	} else {
		text, err = readFile(file, statementFileMost)
	}
	if err != nil {
		return nil, err
	}
	return readStatement(text)
}

// statementView is a statement for people and programs.
type statementView struct {
	ID      icn.CID  `json:"statement"`
	Network icn.CID  `json:"network"`
	Author  icn.DID  `json:"author"`
	Number  uint64   `json:"number"`
	Until   icn.Time `json:"until_ms,omitempty"`
	Says    []string `json:"says"`
	Signed  bool     `json:"signed_with_first_key"`
}

func viewStatement(s *icn.Statement) statementView {
	v := statementView{ID: s.ID(), Network: s.Network, Author: s.Author, Number: s.Number, Until: s.Until, Signed: key.Verify(s.Author, s.SigningBytes(), s.Sig[:])}
	for _, op := range s.Ops {
		v.Says = append(v.Says, icn.OpWords(op))
	}
	return v
}

func (a *app) statementShow(file string, asQR bool) error {
	s, err := a.readStatementFile(file)
	if err != nil {
		return err
	}
	if asQR && a.output != "json" {
		if err := a.showQR(statementCode(s)); err != nil {
			return err
		}
	}
	p := a.printer()
	v := viewStatement(s)
	return p.show(v, func() { showStatement(p, v) })
}

func showStatement(p printer, v statementView) {
	signed := "by the author's first key"
	if !v.Signed {
		signed = "NOT by the author's first key: it was changed, or the author has another key by now; a node knows"
	}
	until := "no limit of its own"
	if v.Until != 0 {
		until = clock(v.Until) + ", " + howFar(v.Until, time.Now())
	}
	for i, says := range v.Says {
		name := ""
		if i == 0 {
			name = "Says"
		}
		p.line("%-10s  %s", name, says)
	}
	p.line("%-10s  %s", "Author", v.Author)
	p.line("%-10s  %s", "Signed", signed)
	p.line("%-10s  %s", "Federation", v.Network)
	p.line("%-10s  %s", "Number", number(v.Number))
	p.line("%-10s  %s", "Good until", until)
	p.line("%-10s  %s", "Statement", v.ID)
}

func (a *app) statementSubmit(ctx context.Context, c *client.Client, file string, w waitFor) error {
	s, err := a.readStatementFile(file)
	if err != nil {
		return err
	}
	network, err := networkOf(ctx, c)
	if err != nil {
		return err
	}
	if network != s.Network {
		return fmt.Errorf("%w: it was signed for the federation %s, and this node belongs to %s", icn.ErrInvalid, s.Network, network)
	}
	said, err := c.StatementSay(ctx, s.Encode())
	if err != nil {
		return refused(ctx, c, s, err)
	}
	return a.confirmed(ctx, c, spoken{said, s}, w)
}

// refused says what a statement's author can do, where its number or its key is not
// good any more.
func refused(ctx context.Context, c *client.Client, s *icn.Statement, why error) error {
	if !errors.Is(why, icn.ErrConflict) && !errors.Is(why, icn.ErrDenied) && !errors.Is(why, icn.ErrInvalid) {
		return why
	}
	account, err := c.AccountMana(ctx, s.Author, "")
	switch {
	case errors.Is(err, icn.ErrNotFound):
		return advised{why, "Its author, " + s.Author.String() + ", does not belong to this federation."}
	case err != nil:
		return why
	case !key.Verify(account.Key, s.SigningBytes(), s.Sig[:]):
		return advised{why, "It is not signed with the key that its author has now. If that was rotated: the author has to sign it again."}
	case errors.Is(why, icn.ErrConflict) && s.Number < account.Next:
		return advised{why, fmt.Sprintf("If it is the number that was used for something else: the author can sign it again, with --number %d.", account.Next)}
	}
	return why
}
