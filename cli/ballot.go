package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// ballotFlags are what a vote is besides its choice.
type ballotFlags struct {
	behalf  []string
	offline offlineFlags
	wait    waitFor
}

// reader makes the choice of a ballot from words. With options unknown (nil) words are
// places.
type reader func(m icn.Method, options []string, words []string) ([]uint64, error)

func (a *app) ballotCommands() []*cobra.Command {
	vote := a.ballotCommand("vote PROPOSAL yes|no|abstain", "Vote yes or no, or abstain", icn.YesNo, readYesNo)
	rank := a.ballotCommand("rank PROPOSAL OPTION...", "Put options in your order, the best first; what is left out comes last", icn.Ranked, readRanking)
	approve := a.ballotCommand("approve PROPOSAL OPTION...", "Approve of as many options as you like", icn.Approval, readApproval)
	weigh := a.ballotCommand("weigh PROPOSAL OPTION=POINTS...", "Spread points over options (of a quadratic vote: votes, n of which cost n² points)", icn.Weighted, readWeights)
	for _, c := range []*cobra.Command{rank, approve, weigh} {
		c.Long += "\n\nOptions are named by their places (1, 2, …) or by their words, as far as these are needed. The word abstain alone\nabstains."
	}
	return []*cobra.Command{vote, rank, approve, weigh}
}

func (a *app) ballotCommand(use, short string, m icn.Method, read reader) *cobra.Command {
	var f ballotFlags
	low := 2
	if m == icn.YesNo {
		low = 1 // upstream's form: one JSON object
	}
	c := command(use, short, low, -1, func(c *cobra.Command, args []string) error {
		if m == icn.YesNo && len(args) == 1 {
			return a.with(func(cl *client.Client) error { return a.voteJSON(c.Context(), cl, args[0], f) })
		}
		if f.offline.wanted() {
			return a.voteOffline(c.Context(), m, read, f, args)
		}
		return a.with(func(cl *client.Client) error { return a.vote(c.Context(), cl, m, read, f, args) })
	})
	c.Long = short + ".\n\nThe ballot is signed here. It can be changed until the vote closes: the last one counts, and one of your own always\n" +
		"counts more than a proxy's or a delegation. Then the command waits until the clerks have signed that it is in.\n\n" +
		"With --offline FILE it is only signed and written, with no node at hand: see icn-cli statement."
	c.Flags().StringArrayVar(&f.behalf, "for", nil, "vote as this member's proxy; say it again for more, all at once")
	f.offline.flags(c)
	f.wait.flags(c)
	return c
}

// vote casts ballots of one choice: the member's own, or of those whose proxy it is.
func (a *app) vote(ctx context.Context, c *client.Client, m icn.Method, read reader, f ballotFlags, args []string) error {
	v, err := a.proposal(ctx, c, args[0])
	if err != nil {
		return err
	}
	choice, err := choose(v, m, read, args[1:])
	if err != nil {
		return err
	}
	if v.Status != icn.StageVoting {
		return fmt.Errorf("%w: “%s” cannot be voted on: %s", icn.ErrConflict, v.Title, stageSentence(v, time.Now()))
	}
	ops, err := ballots(v.ID, choice, f.behalf, func(s string) (icn.DID, error) { return a.somebody(ctx, c, s) })
	if err != nil {
		return err
	}
	s, err := a.say(ctx, c, ops...)
	if err != nil {
		return err
	}
	if err := a.confirmed(ctx, c, s, f.wait); err != nil {
		return err
	}
	a.note("You can change it until %s. Proof for yourself: icn-cli governance receipt %s --to FILE", deadline(v.DeadlineMs, time.Now()), s.Statement)
	return nil
}

// ballots are one for each voter that is named, or the author's own.
func ballots(id icn.CID, choice []uint64, behalf []string, who func(string) (icn.DID, error)) ([]icn.Op, error) {
	if len(behalf) == 0 {
		return []icn.Op{icn.BallotCast{Proposal: id, Choice: choice}}, nil
	}
	var ops []icn.Op
	for _, s := range behalf {
		d, err := who(s)
		if err != nil {
			return nil, err
		}
		ops = append(ops, icn.BallotCast{Proposal: id, For: d, Choice: choice})
	}
	return ops, nil
}

// choose makes a choice that the proposal's method takes.
func choose(v node.ProposalView, m icn.Method, read reader, words []string) ([]uint64, error) {
	fits := m == v.Method || m == icn.Weighted && v.Method == icn.Quadratic
	if !fits {
		verb := map[icn.Method]string{icn.YesNo: "vote PROPOSAL yes|no|abstain", icn.Ranked: "rank PROPOSAL OPTION...", icn.Approval: "approve PROPOSAL OPTION...",
			icn.Weighted: "weigh PROPOSAL OPTION=POINTS...", icn.Quadratic: "weigh PROPOSAL OPTION=VOTES..."}[v.Method]
		return nil, advised{fmt.Errorf("%w: “%s” is voted on by the method %s", icn.ErrInvalid, v.Title, v.Method), "Use: icn-cli governance " + verb}
	}
	choice, err := read(v.Method, v.Options, words)
	if err == nil {
		err = tally.CheckChoice(v.Method, len(v.Options), choice)
	}
	return choice, err
}

func readYesNo(_ icn.Method, _ []string, words []string) ([]uint64, error) {
	if len(words) != 1 {
		return nil, fmt.Errorf("%w: say yes, no or abstain, not %q", icn.ErrInvalid, strings.Join(words, " "))
	}
	choice, err := wire.YesNoChoice(words[0])
	if err != nil {
		return nil, fmt.Errorf("%w: say yes, no or abstain, not %q", icn.ErrInvalid, words[0])
	}
	return choice, nil
}

// places finds options by their places or words.
func places(options, words []string) ([]uint64, error) {
	if len(words) == 1 && strings.EqualFold(words[0], "abstain") {
		return nil, nil
	}
	var out []uint64
	for _, word := range words {
		for part := range strings.SplitSeq(word, ",") {
			n, err := place(options, strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	return out, nil
}

// place is an option's, from 1: found by its words, the beginning of them, or its
// place. With options unknown only the place will do.
func place(options []string, word string) (uint64, error) {
	if options == nil {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%w: %q: with no node at hand, name options by their places: 1, 2, …", icn.ErrInvalid, word)
		}
		return n, nil
	}
	n, err := wire.OptionPlace(word, options)
	if err == nil {
		return n, nil
	}
	for i, o := range options {
		if word == "" || len(o) < len(word) || !strings.EqualFold(o[:len(word)], word) {
			continue
		}
		if n > 0 {
			return 0, fmt.Errorf("%w: %q can be “%s” or “%s”; write more of it, or its place", icn.ErrInvalid, word, options[n-1], o)
		}
		n = uint64(i) + 1
	}
	if n == 0 {
		return 0, fmt.Errorf("%w: there is no option %q; there are: %s", icn.ErrInvalid, word, strings.Join(numbered(options), ", "))
	}
	return n, nil
}

func numbered(options []string) []string {
	out := make([]string, len(options))
	for i, o := range options {
		out[i] = fmt.Sprintf("%d. %s", i+1, o)
	}
	return out
}

func readRanking(_ icn.Method, options, words []string) ([]uint64, error) {
	return places(options, words)
}

func readApproval(_ icn.Method, options, words []string) ([]uint64, error) {
	out, err := places(options, words)
	slices.Sort(out)
	return out, err
}

// readWeights reads OPTION=POINTS. With options unknown it must name all of them, in
// order: a number for each.
func readWeights(_ icn.Method, options, words []string) ([]uint64, error) {
	if len(words) == 1 && strings.EqualFold(words[0], "abstain") {
		return nil, nil
	}
	given := map[uint64]uint64{}
	var last uint64
	for _, word := range words {
		i := strings.LastIndexByte(word, '=')
		if i < 0 {
			return nil, fmt.Errorf("%w: %q: want OPTION=POINTS", icn.ErrInvalid, word)
		}
		n, err := place(options, word[:i])
		if err != nil {
			return nil, err
		}
		points, err := strconv.ParseUint(word[i+1:], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %q: want a whole number of points", icn.ErrInvalid, word)
		}
		if _, twice := given[n]; twice {
			return nil, fmt.Errorf("%w: option %d is there twice", icn.ErrInvalid, n)
		}
		given[n], last = points, max(last, n)
	}
	if options != nil {
		last = uint64(len(options))
	} else if uint64(len(given)) != last {
		return nil, fmt.Errorf("%w: with no node at hand, give points to each option, also 0: 1=60 2=0 3=40", icn.ErrInvalid)
	}
	if last > icn.MaxOptions {
		return nil, fmt.Errorf("%w: there is no option %d", icn.ErrInvalid, last)
	}
	out := make([]uint64, last)
	for n, points := range given { // order: each has its place
		out[n-1] = points
	}
	return out, nil
}

// offlineFlags are for signing where no node is.
type offlineFlags struct {
	file, network, until string
	number               uint64
	qr                   bool
}

func (o *offlineFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.file, "offline", "", "only sign the ballot, without any node, and write it into this file; - is stdout")
	c.Flags().BoolVar(&o.qr, "qr", false, "only sign the ballot, and show it as a QR code")
	c.Flags().StringVar(&o.network, "network", "", "the federation, when no node is asked (see icn-cli info); by default the one that you have spoken in before")
	c.Flags().Uint64Var(&o.number, "number", 0, "the statement's number, when no node is asked; by default one above all that were signed here before")
	c.Flags().StringVar(&o.until, "until", "", "until when a ballot that is signed offline can be handed in (2026-03-31, 72h); by default until the vote closes")
}

func (o offlineFlags) wanted() bool { return o.file != "" || o.qr }

// voteOffline signs a ballot with nothing but the wallet.
func (a *app) voteOffline(ctx context.Context, m icn.Method, read reader, f ballotFlags, args []string) error {
	id, err := icn.ParseCID(args[0])
	if err != nil {
		return advised{fmt.Errorf("%w: with no node at hand, the proposal must be named by its whole CID, not %q", icn.ErrInvalid, args[0]), "It stands in: icn-cli governance show PROPOSAL"}
	}
	choice, err := read(m, nil, args[1:])
	if err != nil {
		return err
	}
	ops, err := ballots(id, choice, f.behalf, icn.ParseDID)
	if err != nil {
		return err
	}
	s, err := a.signOffline(ctx, f.offline, ops)
	if err != nil {
		return err
	}
	if f.offline.qr {
		if err := a.showQR(statementCode(s)); err != nil {
			return err
		}
	}
	if f.offline.file == "" {
		return nil
	}
	if f.offline.file == "-" {
		_, err = a.Out.Write(statementText(s))
		return err
	}
	if err := key.SaveFile(f.offline.file, statementText(s)); err != nil {
		return err
	}
	a.note("Signed, not handed in: %s\nAnybody can do that, through any node, until the vote closes: icn-cli statement submit %s", icn.OpWords(ops[0]), f.offline.file)
	return nil
}

// signOffline signs with a number that is above all that this wallet knows of.
func (a *app) signOffline(ctx context.Context, f offlineFlags, ops []icn.Op) (*icn.Statement, error) {
	s := icn.Statement{Number: f.number, Ops: ops}
	var err error
	if f.until != "" {
		if s.Until, err = readMoment(f.until, time.Now()); err != nil {
			return nil, fmt.Errorf("--until: %w", err)
		}
	}
	w, err := a.wallet()
	if err != nil {
		return nil, err
	}
	id, err := a.named(w, nil)
	if err != nil {
		return nil, err
	}
	used, err := w.Numbers(id.Name)
	if err != nil {
		return nil, err
	}
	if s.Network, err = offlineNetwork(f.network, used); err != nil {
		return nil, err
	}
	if s.Number == 0 {
		highest, known := used[s.Network]
		if !known {
			return nil, advised{fmt.Errorf("%w: this wallet does not know which numbers %s has used in that federation", icn.ErrInvalid, id.Name),
				"Give --number: 1 if this identity has said nothing there yet, else next_number of: icn-cli --output json accounts balance " + id.DID.String()}
		}
		s.Number = highest + 1
	}
	if id.Rotating {
		a.note("A new key waits for %s: when it counts, this ballot does not any more.", id.Name)
	}
	m, err := a.speaker(ctx, nil)
	if err != nil {
		return nil, err
	}
	signed := sign(m.pair, s)
	return signed, w.UseNumber(id.Name, s.Network, s.Number)
}

// offlineNetwork is the federation that was named, or the only one that is known.
func offlineNetwork(named string, used map[icn.CID]uint64) (icn.CID, error) {
	if named != "" {
		id, err := icn.ParseCID(named)
		if err != nil {
			return id, fmt.Errorf("--network: %w", err)
		}
		return id, nil
	}
	if len(used) != 1 {
		return icn.CID{}, advised{fmt.Errorf("%w: for which federation it is must be said with --network", icn.ErrInvalid), "Its CID stands in: icn-cli info"}
	}
	for id := range used { // order: there is one
		return id, nil
	}
	return icn.CID{}, nil
}
