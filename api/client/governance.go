package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// backTestTime is what replaying the log may take.
const backTestTime = 10 * time.Minute

func aboutProposal(id icn.CID, what string) string {
	return "/governance/proposal/" + id.String() + what
}

// GovernanceProposals lists the newest proposals first.
func (c *Client) GovernanceProposals(ctx context.Context, f wire.ProposalFilter) (wire.Proposals, error) {
	q := url.Values{}
	if f.State != "" {
		q.Set("state", f.State)
	}
	if f.Kind != "" {
		q.Set("kind", f.Kind)
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	if f.Before > 0 {
		q.Set("before", strconv.FormatUint(f.Before, 10))
	}
	return get[wire.Proposals](ctx, c, call{path: "/governance/proposals", query: q})
}

// GovernanceProposal tells how a proposal stands; with the last vote of each voter,
// if wanted.
func (c *Client) GovernanceProposal(ctx context.Context, id icn.CID, votes bool) (node.ProposalView, error) {
	q := url.Values{}
	if votes {
		q.Set("votes", "true")
	}
	return get[node.ProposalView](ctx, c, call{path: aboutProposal(id, ""), query: q})
}

// GovernanceTally is a vote's result, or while it is open how it stands.
func (c *Client) GovernanceTally(ctx context.Context, id icn.CID) (node.TallyView, error) {
	return get[node.TallyView](ctx, c, call{path: aboutProposal(id, "/tally")})
}

// GovernanceBallots lists all ballots on a proposal, in the order of the log.
func (c *Client) GovernanceBallots(ctx context.Context, id icn.CID) ([]node.BallotView, error) {
	out, after := []node.BallotView{}, ""
	for {
		q := url.Values{}
		if after != "" {
			q.Set("after", after)
		}
		page, err := get[wire.Ballots](ctx, c, call{path: aboutProposal(id, "/ballots"), query: q})
		if err != nil {
			return out, err
		}
		out = append(out, page.Ballots...)
		if after = page.Next; after == "" {
			return out, nil
		}
	}
}

// GovernanceRehearsal tells what would change if a proposal were enacted now; with
// backTest also what would have been otherwise in that time until now (0: no).
func (c *Client) GovernanceRehearsal(ctx context.Context, id icn.CID, backTest time.Duration) (node.RehearsalView, error) {
	r := call{path: aboutProposal(id, "/rehearsal")}
	if backTest > 0 {
		r.query, r.wait = url.Values{"back_test": {backTest.String()}}, backTestTime
	}
	return get[node.RehearsalView](ctx, c, r)
}

// GovernanceExport is a file with everything by which a stranger recounts a vote. It
// waits for a checkpoint over it.
func (c *Client) GovernanceExport(ctx context.Context, id icn.CID) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: aboutProposal(id, "/export"), query: url.Values{"wait": {"1m"}}, wait: time.Minute})
}

// GovernanceReceiptFile is the file by which a member shows offline that operation op
// of its statement is in the log. It waits for a checkpoint over it.
func (c *Client) GovernanceReceiptFile(ctx context.Context, statement icn.CID, author *icn.DID, op int, wait time.Duration) ([]byte, error) {
	q := url.Values{"op": {strconv.Itoa(op)}}
	if wait > 0 {
		q.Set("wait", wait.String())
	}
	if author != nil {
		q.Set("author", author.String())
	}
	return c.bytes(ctx, call{method: http.MethodGet, path: "/governance/receipts/" + statement.String() + "/file", query: q, wait: wait})
}

// GovernanceReceipt is all that proves that a statement is in the log. It waits for
// a checkpoint over it. The author, if it is known, makes finding it faster.
func (c *Client) GovernanceReceipt(ctx context.Context, statement icn.CID, author *icn.DID, wait time.Duration) (wire.Receipt, error) {
	q := url.Values{}
	if wait > 0 {
		q.Set("wait", wait.String())
	}
	if author != nil {
		q.Set("author", author.String())
	}
	return get[wire.Receipt](ctx, c, call{path: "/governance/receipts/" + statement.String(), query: q, wait: wait})
}

// GovernanceDelegations lists what a member has given and received.
func (c *Client) GovernanceDelegations(ctx context.Context, d icn.DID) ([]node.DelegationView, error) {
	v, err := get[wire.Delegations](ctx, c, call{path: "/governance/delegations/" + d.String()})
	return v.Delegations, err
}

// GovernanceRoll tells who of an electorate (0: persons and organisations) can vote, or
// could at a moment of the past: an entry's number, or a time ("" = now).
func (c *Client) GovernanceRoll(ctx context.Context, at string, e icn.Electorate) (node.RollView, error) {
	q := url.Values{}
	if at != "" {
		q.Set("at", at)
	}
	if e != 0 {
		q.Set("electorate", e.String())
	}
	return get[node.RollView](ctx, c, call{path: "/governance/roll", query: q})
}

// GovernanceParameters are the rules in force.
func (c *Client) GovernanceParameters(ctx context.Context) ([]wire.Parameter, error) {
	v, err := get[wire.Parameters](ctx, c, call{path: "/governance/parameters"})
	return v.Parameters, err
}

// GovernancePaused tells what votes hold back, and who can veto.
func (c *Client) GovernancePaused(ctx context.Context) (node.PausedView, error) {
	return get[node.PausedView](ctx, c, call{path: "/governance/paused"})
}

// GovernanceSubmit puts a proposal to the members.
func (c *Client) GovernanceSubmit(ctx context.Context, p wire.ProposalSubmit) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/submit"}, p)
}

// GovernanceOpen moves the author's proposal on.
func (c *Client) GovernanceOpen(ctx context.Context, a wire.ProposalAct) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/open"}, a)
}

// GovernanceSponsor says that a proposal shall be voted on.
func (c *Client) GovernanceSponsor(ctx context.Context, a wire.ProposalAct) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/sponsor"}, a)
}

// GovernanceWithdraw takes the author's proposal back.
func (c *Client) GovernanceWithdraw(ctx context.Context, a wire.ProposalAct) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/withdraw"}, a)
}

// GovernanceVeto stops what was accepted.
func (c *Client) GovernanceVeto(ctx context.Context, a wire.ProposalAct) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/veto"}, a)
}

// GovernanceClose ends a vote early.
func (c *Client) GovernanceClose(ctx context.Context, a wire.ProposalAct) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/close"}, a)
}

// GovernanceVote casts a ballot of yes, no or abstain.
func (c *Client) GovernanceVote(ctx context.Context, v wire.Vote) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/vote"}, v)
}

// GovernanceVoteRanked casts a ballot that puts options in an order.
func (c *Client) GovernanceVoteRanked(ctx context.Context, v wire.OptionVote) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/vote/ranked"}, v)
}

// GovernanceVoteApproval casts a ballot that approves of options.
func (c *Client) GovernanceVoteApproval(ctx context.Context, v wire.OptionVote) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/vote/approval"}, v)
}

// GovernanceVoteWeighted casts a ballot that spreads points.
func (c *Client) GovernanceVoteWeighted(ctx context.Context, v wire.OptionVote) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/vote/weighted"}, v)
}

// GovernanceVoteQuadratic casts a ballot of votes that cost their squares.
func (c *Client) GovernanceVoteQuadratic(ctx context.Context, v wire.OptionVote) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/vote/quadratic"}, v)
}

// GovernanceVoteBatch hands in the wire forms of many signed statements.
func (c *Client) GovernanceVoteBatch(ctx context.Context, statements [][]byte) (wire.StatementBatch, error) {
	var b []byte
	for _, s := range statements {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return get[wire.StatementBatch](ctx, c, call{method: http.MethodPost, path: "/governance/vote/batch", body: bytes.NewReader(b),
		length: int64(len(b)), contentType: wire.StatementBatchType, wait: time.Minute})
}

// GovernanceDelegate lets another member's vote count for the author's.
func (c *Client) GovernanceDelegate(ctx context.Context, d wire.Delegate) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/delegate"}, d)
}

// GovernanceRevoke ends a delegation.
func (c *Client) GovernanceRevoke(ctx context.Context, r wire.Revoke) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/revoke"}, r)
}

// GovernanceExecute asks whether a proposal is in force: enactment needs nobody.
func (c *Client) GovernanceExecute(ctx context.Context, id icn.CID) (wire.Spoken, error) {
	return post[wire.Spoken](ctx, c, call{path: "/governance/execute"}, wire.Execute{ProposalID: id})
}
