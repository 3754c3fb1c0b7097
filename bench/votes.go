package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// voteClients is how many hand in ballots at once.
const voteClients = 32

// measureVotes compares ballots over HTTP, one signed ballot in a request, each
// durable when it is answered, with what net/http does at all: a server that answers
// with what it was sent, and one that also checks a signature; in turns.
func measureVotes(ctx context.Context, bin, dir string, each time.Duration) error {
	ours, err := start(ctx, bin, filepath.Join(dir, "node"), nil)
	if err != nil {
		return err
	}
	defer ours.stop()
	who, err := authors(ctx, ours.api, 64)
	if err != nil {
		return err
	}
	ballot, err := openVote(ctx, ours.api, who[0])
	if err != nil {
		return err
	}
	votes := &sayBench{who: who[:voteClients], p: ours, ops: func(int) []icn.Op { return []icn.Op{ballot} }}
	var sum, bare, checked phase
	var all result
	for range 4 {
		p, r := votes.measure(voteClients, each/2, 1, 15_000)
		sum.add(p)
		all.took = append(all.took, r.took...)
		for _, echo := range []struct {
			into *phase
			args []string
		}{{&bare, []string{"-echo", "plain"}}, {&checked, []string{"-echo", "verify"}}} {
			p, err := measureEcho(ctx, who[0].say(ballot), each/2, echo.args)
			if err != nil {
				return err
			}
			echo.into.add(p)
		}
	}
	for _, p := range []phase{sum, bare, checked} {
		if p.err != nil {
			return p.err
		}
	}
	fmt.Printf("ballots over HTTP, one signed ballot in a request, durable, %d clients: %.0f/s, p50 %v, %v server CPU each\n", voteClients, sum.rate(), all.at(.5), sum.each())
	fmt.Printf("    net/http that answers with what it was sent: %.0f/s, %v server CPU each; ratio %.2f\n", bare.rate(), bare.each(), sum.rate()/bare.rate())
	fmt.Printf("    the same with one Ed25519 check: %.0f/s, %v server CPU each; ratio %.2f\n", checked.rate(), checked.each(), sum.rate()/checked.rate())
	if err := batchVotes(ctx, ours, who[voteClients:], ballot); err != nil {
		return err
	}
	return catchUp(ctx, bin, filepath.Join(dir, "young"), ours)
}

// Ballots in a request, and requests, of those that hand in many.
const (
	ballotsAtOnce = 4000
	ballotBatches = 25
)

// batchVotes hands in many ballots in each request, one of them with a bad signature.
func batchVotes(ctx context.Context, p *process, who []*author, ballot icn.BallotCast) error {
	bodies := make([][][]byte, ballotBatches)
	for i := range bodies {
		for n := range ballotsAtOnce {
			bodies[i] = append(bodies[i], who[n%len(who)].say(ballot))
		}
		bad := bodies[i][i]
		bad[len(bad)-1] ^= 1
	}
	settle()
	before, began := cpuOf(p.cmd.Process.Pid), time.Now()
	for i, body := range bodies {
		out, err := p.api.GovernanceVoteBatch(ctx, body)
		if err != nil {
			return err
		}
		if out.Refused != 1 || out.Applied != ballotsAtOnce-1 || out.Faults[0].Place != i {
			return fmt.Errorf("batch %d: %d applied, %d refused: %v", i, out.Applied, out.Refused, out.Faults)
		}
	}
	over := time.Since(began)
	n := ballotBatches * ballotsAtOnce
	fmt.Printf("ballots in batches of %d, one of each batch forged and named, durable, one client: %.0f/s, %v server CPU each\n",
		ballotsAtOnce, float64(n)/over.Seconds(), ((cpuOf(p.cmd.Process.Pid) - before) / time.Duration(n)).Round(100*time.Nanosecond))
	return nil
}

// catchUp lets a node join that fetches, checks and folds the whole log.
func catchUp(ctx context.Context, bin, dir string, old *process) error {
	s, err := old.api.Status(ctx)
	if err != nil {
		return err
	}
	took, err := joins(ctx, bin, dir, old, s.Height)
	if err != nil {
		return err
	}
	fmt.Printf("catch-up of a joining node: the log of %d entries, nearly all ballots, each fetched, verified and folded: %.0f/s; CPU of the joining node %v\n",
		s.Height, float64(s.Height)/took.whole.Seconds(), took.cpu)
	return nil
}

// openVote opens a vote for as long as there may be one, and returns a ballot in it.
func openVote(ctx context.Context, api *client.Client, by *author) (icn.BallotCast, error) {
	fed, err := api.FederationStatus(ctx)
	if err != nil {
		return icn.BallotCast{}, err
	}
	s := by.say(icn.ProposalCreate{Proposal: icn.Proposal{Title: "bench", Motion: icn.Declare{Text: "bench"}, Method: icn.YesNo, Electorate: icn.Members, VotingMillis: fed.Rules.MaxVotingMillis}})
	if _, err := api.StatementSay(ctx, s); err != nil {
		return icn.BallotCast{}, err
	}
	return icn.BallotCast{Proposal: icn.ProposalID(icn.SumCID(icn.DagCBOR, s), 0), Choice: []uint64{icn.Yes}}, nil
}

// measureEcho loads a server of net/http in a process of its own.
func measureEcho(ctx context.Context, body []byte, each time.Duration, args []string) (phase, error) {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return phase{}, err
	}
	if err := cmd.Start(); err != nil {
		return phase{}, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return phase{}, fmt.Errorf("echo: %w", err)
	}
	wires := make([]*socket, voteClients)
	for i := range wires {
		if wires[i], err = dialSocket(strings.TrimSpace(addr)); err != nil {
			return phase{}, err
		}
		defer wires[i].conn.Close()
	}
	settle()
	before := cpuOf(cmd.Process.Pid)
	r := load(voteClients, each, func(w int) error {
		status, _, err := wires[w].do("POST / HTTP/1.1\r\nHost: icn\r\n", body)
		if err != nil || status != 200 {
			return fmt.Errorf("echo: %d %v", status, err)
		}
		return nil
	})
	return phase{len(r.took), r.over, cpuOf(cmd.Process.Pid) - before, r.err}, nil
}

// serveEcho is the peer: it never returns without an error.
func serveEcho(mode string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && mode == "verify" {
			var s *icn.Statement
			if s, err = icn.DecodeStatement(body); err == nil && !key.Verify(s.Author, icn.SigningBytesOf(body), s.Sig[:]) {
				err = fmt.Errorf("statement: %w: signature does not verify", icn.ErrDenied)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(body)
	}))
}
