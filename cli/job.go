package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// jobFlags describe a job on the command line.
type jobFlags struct {
	inputs, env []string
	budget      uint64
	limits      icn.JobLimits
	requires    icn.JobRequirements
	outputs     []string
	grants      icn.JobGrants
	copies      icn.JobCopies
	resume      string
}

func (f *jobFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringArrayVarP(&f.inputs, "input", "i", nil, "a file or a CID; joined in order they are the program's stdin (repeatable)")
	fs.StringArrayVarP(&f.env, "env", "e", nil, "NAME=value in the program's environment (repeatable)")
	fs.Uint64Var(&f.budget, "budget", wire.DefaultBudget, "the most mana it may cost; held until it ends")
	fs.Uint64Var(&f.limits.Gas, "gas", 0, "the most it may compute (default: the federation's rules)")
	fs.Uint64Var(&f.limits.MemoryBytes, "memory", 0, "the most memory it may use, in bytes (default: the federation's rules)")
	fs.Uint64Var(&f.limits.OutputBytes, "max-output", 0, "the most it may write, in bytes (default: the federation's rules)")
	fs.Uint64Var(&f.limits.WallMillis, "wall-ms", 0, "the longest it may take, in milliseconds (default: the federation's rules)")
	fs.StringSliceVar(&f.requires.Capabilities, "require", nil, "what the executor must be able to do (comma list)")
	fs.StringSliceVar(&f.requires.Federations, "federation", nil, "the executor must belong to one of these (comma list)")
	fs.StringVar(&f.requires.Trust, "trust", "", "the executor's trust scope must be this")
	fs.Uint64Var(&f.requires.Reputation, "min-reputation", 0, "the executor's reputation must be this, of 100")
	fs.Uint64Var(&f.requires.CPUCores, "cores", 0, "cores that the executor must have")
	fs.StringArrayVar(&f.outputs, "output-name", nil, "something that the program must leave under this name (repeatable)")
	fs.Uint64Var(&f.copies.Of, "copies", 0, "how many executors run it at once")
	fs.Uint64Var(&f.copies.Agree, "agree", 0, "how many of them must come to one result (default: more than half)")
	fs.BoolVar(&f.grants.Read, "grant-read", false, "the program may ask for your capacity and reputation, and for blocks")
	fs.BoolVar(&f.grants.Store, "grant-store", false, "the program may put blocks")
	fs.Uint64Var(&f.grants.Submit, "grant-submit", 0, "budgets of jobs that the program may post in your name")
	fs.Uint64Var(&f.grants.Spend, "grant-spend", 0, "capacity that the program may burn in your name")
	fs.StringVar(&f.resume, "resume", "", "a checkpoint (CID) that the program begins from")
}

// submit makes the request: files are added to the node, CIDs are taken as they are.
func (a *app) submit(ctx context.Context, c *client.Client, module string, f jobFlags, args []string) (wire.Submit, error) {
	s := wire.Submit{Args: args, Env: f.env, Budget: f.budget, Limits: f.limits, Requires: f.requires, Outputs: f.outputs, Grants: f.grants, Copies: f.copies}
	if f.copies.Of > 1 && f.copies.Agree == 0 {
		s.Copies.Agree = f.copies.Of/2 + 1
	}
	if f.resume != "" {
		c, err := icn.ParseCID(f.resume)
		if err != nil {
			return s, fmt.Errorf("--resume: %w", err)
		}
		s.Resume = c
	}
	for _, e := range f.env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return s, fmt.Errorf("--env %q: %w: want NAME=value", e, icn.ErrInvalid)
		}
	}
	var err error
	if s.Module, err = a.content(ctx, c, module); err != nil {
		return s, fmt.Errorf("module: %w", err)
	}
	for _, in := range f.inputs {
		id, err := a.content(ctx, c, in)
		if err != nil {
			return s, fmt.Errorf("input: %w", err)
		}
		s.Inputs = append(s.Inputs, id)
	}
	return s, nil
}

// content is a CID, or the CID of a file that is added to the node. A file that is
// named like a CID can be given as ./name.
func (a *app) content(ctx context.Context, c *client.Client, what string) (icn.CID, error) {
	if id, err := icn.ParseCID(what); err == nil {
		return id, nil
	}
	st, err := os.Stat(what)
	switch {
	case os.IsNotExist(err):
		return icn.CID{}, fmt.Errorf("%s: %w: neither a file nor a CID", what, icn.ErrNotFound)
	case err != nil:
		return icn.CID{}, err
	case st.IsDir():
		return icn.CID{}, fmt.Errorf("%s: %w: it is a folder; a program reads files", what, icn.ErrInvalid)
	}
	added, err := a.addPath(ctx, c, what)
	return added.CID, err
}

// post offers the job: as the identity in use, or as the node.
func (a *app) post(ctx context.Context, c *client.Client, s wire.Submit) (wire.Submitted, error) {
	_, used, err := a.identity()
	if err != nil {
		return wire.Submitted{}, err
	}
	if !used {
		return c.MeshSubmit(ctx, s)
	}
	spec, budget, err := s.Job()
	if err != nil {
		return wire.Submitted{}, fmt.Errorf("job: %w: %w", icn.ErrInvalid, err)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return wire.Submitted{}, err
	}
	said, err := a.say(ctx, c, icn.JobPost{Via: info.DID, Budget: budget, Spec: spec})
	if err != nil {
		return wire.Submitted{}, err
	}
	return wire.Submitted{JobID: icn.JobID(said.Statement, 0), Index: said.Index, State: said.State}, nil
}
