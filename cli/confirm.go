package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// waitFor is how long a command waits for the federation's signature under what was
// said.
type waitFor struct {
	time time.Duration
	not  bool
}

func (w *waitFor) flags(c *cobra.Command) {
	c.Flags().DurationVar(&w.time, "wait", 30*time.Second, "how long to wait for a certified checkpoint that covers it")
	c.Flags().BoolVar(&w.not, "no-wait", false, "do not wait for that: the node's word is enough")
}

// confirmation is what became of a statement, and how sure that is.
type confirmation struct {
	wire.Said
	Proposal  icn.CID  `json:"proposal,omitzero"`
	Says      []string `json:"says"`
	Certified uint64   `json:"certified_size,omitempty"` // entries that the checkpoint covers
}

// confirmed waits until the clerks have signed a checkpoint that covers a statement,
// checks that here, and says so. A node that only claims to have handed it on is found
// out: the statement is kept, and can be handed in elsewhere.
func (a *app) confirmed(ctx context.Context, c *client.Client, s spoken, w waitFor) error {
	out := confirmation{Said: s.Said, Proposal: proposalOf(s.statement), Says: a.says(ctx, c, s.statement)}
	if !w.not {
		var err error
		if out, err = a.certify(ctx, c, s, out, w.time); err != nil {
			return a.elsewhere(ctx, c, s, err)
		}
	}
	p := a.printer()
	return p.show(out, func() {
		for _, says := range out.Says {
			p.line("Said: %s", says)
		}
		switch {
		case out.State == "waiting":
			p.line("Not ordered yet: too few clerks can be reached. The node keeps it and hands it in later.")
		case out.Certified == 0:
			p.line("It is entry %s of the log, by this node's word.", number(out.Index))
		default:
			p.line("It is entry %s of the log, under a checkpoint of %s that the clerks have signed.", number(out.Index), entries(out.Certified))
		}
		p.line("Statement %s", out.Statement)
	})
}

func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return number(n) + " entries"
}

// says are the words of a statement; ballots in the words of their proposals, where
// the node tells these.
func (a *app) says(ctx context.Context, c *client.Client, s *icn.Statement) []string {
	var out []string
	var v node.ProposalView // most statements are about one
	name := icn.DID.String
	for _, op := range s.Ops {
		b, ok := op.(icn.BallotCast)
		if !ok {
			out = append(out, icn.OpWords(op))
			continue
		}
		if v.ID != b.Proposal {
			var err error
			if v, err = c.GovernanceProposal(ctx, b.Proposal, false); err != nil {
				out = append(out, icn.OpWords(op))
				continue
			}
			name = nameTags(ctx, c)
		}
		who := ""
		if !b.For.IsZero() {
			who = " in the name of " + name(b.For)
		}
		out = append(out, fmt.Sprintf("vote%s on “%s”: %s", who, v.Title, icn.ChoiceWords(v.Method, v.Options, b.Choice)))
	}
	return out
}

// proposalOf is the proposal that a statement makes or is about; undefined if it is
// about none.
func proposalOf(s *icn.Statement) icn.CID {
	switch o := s.Ops[0].(type) {
	case icn.ProposalCreate:
		return icn.ProposalID(s.ID(), 0)
	case icn.ProposalAmend:
		return o.ID
	case icn.ProposalAdvance:
		return o.ID
	case icn.ProposalSponsor:
		return o.ID
	case icn.ProposalWithdraw:
		return o.ID
	case icn.ProposalVeto:
		return o.ID
	case icn.ProposalClose:
		return o.ID
	case icn.BallotCast:
		return o.Proposal
	}
	return icn.CID{}
}

// certify waits for the entry and for the checkpoint over it.
func (a *app) certify(ctx context.Context, c *client.Client, s spoken, out confirmation, wait time.Duration) (confirmation, error) {
	end := time.Now().Add(wait)
	err := until(ctx, wait, func(ctx context.Context) (err error) {
		if out.State == "applied" {
			return nil
		}
		if out.Said, err = c.StatementSay(ctx, s.statement.Encode()); err == nil && out.State != "applied" {
			return errNotYet{"it is not ordered yet: too few clerks can be reached"}
		}
		return err
	})
	if err != nil {
		return out, err
	}
	proof, err := c.LogProof(ctx, out.Index, max(time.Until(end), time.Second))
	if err != nil {
		return out, err
	}
	f, err := c.FederationStatus(ctx)
	if err != nil {
		return out, err
	}
	var clerks []icn.DID
	for _, n := range f.Nodes {
		if n.Clerk {
			clerks = append(clerks, n.DID)
		}
	}
	if err := proof.Verify(s.statement.Network, clerks, key.Verify); err != nil {
		return out, fmt.Errorf("the node's proof does not hold: %w", err)
	}
	e, err := icn.DecodeEntry(proof.Entry)
	if err != nil {
		return out, err
	}
	if e.Statement == nil || e.Index != out.Index || !bytes.Equal(e.Wire, s.statement.Encode()) {
		return out, fmt.Errorf("the node proves something else than was said: %w: entry %d", icn.ErrCorrupt, e.Index)
	}
	cp, _, err := icn.ParseNote(proof.Checkpoint)
	out.Certified = cp.Size
	return out, err
}

// elsewhere keeps a statement that this node could not prove to be in, and says where
// it can be handed in as well.
func (a *app) elsewhere(ctx context.Context, c *client.Client, s spoken, why error) error {
	if errors.Is(why, context.Canceled) {
		return why
	}
	file, err := a.keep(s.statement)
	if err != nil {
		return errors.Join(why, err)
	}
	others := "another node of the federation"
	if peers, err := c.FederationPeers(ctx); err == nil && len(peers) > 0 {
		others = fmt.Sprintf("%s (%s)", peers[0].Name, peers[0].DID)
		if len(peers) > 1 {
			others += " or another of " + plural(len(peers), "node")
		}
	}
	return advised{fmt.Errorf("no certified checkpoint covers the statement: %w", why),
		fmt.Sprintf("It is signed and kept in %s. It does no harm to hand it in again, through %s:\n  icn-cli --api-url URL statement submit %s", file, others, file)}
}

// keep writes a statement into the member's own folder.
func (a *app) keep(s *icn.Statement) (string, error) {
	dir, err := key.DefaultWalletDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(filepath.Dir(dir), "said", fmt.Sprintf("%s-%d.txt", s.Author.Short(), s.Number))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, statementText(s), 0o600)
}
