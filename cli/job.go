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
}

// submit makes the request: files are added to the node, CIDs are taken as they are.
func (a *app) submit(ctx context.Context, c *client.Client, module string, f jobFlags, args []string) (wire.Submit, error) {
	s := wire.Submit{Args: args, Env: f.env, Budget: f.budget, Limits: f.limits, Requires: f.requires}
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
	id, used, err := a.identity()
	if err != nil {
		return wire.Submitted{}, err
	}
	if !used || s.Spec != nil {
		return c.MeshSubmit(ctx, s)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return wire.Submitted{}, err
	}
	if !s.Module.Defined() {
		s.Module = s.Manifest
	}
	if s.Budget == 0 {
		if s.Budget = s.Cost; s.Budget == 0 {
			s.Budget = wire.DefaultBudget
		}
	}
	spec := icn.JobSpec{Module: s.Module, Inputs: s.Inputs, Args: s.Args, Env: s.Env, Limits: s.Limits, Requires: s.Requires}
	said, err := say(ctx, c, id.Pair, icn.JobPost{Via: info.DID, Budget: s.Budget, Spec: spec})
	if err != nil {
		return wire.Submitted{}, err
	}
	return wire.Submitted{JobID: icn.JobID(said.Statement, 0), Index: said.Index, State: said.State}, nil
}
