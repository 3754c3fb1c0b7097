package cli

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/sim/scenario"
)

func (a *app) simCommand() *cobra.Command {
	var seed uint64
	var svg string
	c := command("run SCENARIO.toml", "Try a topology, an outage or a parameter on a simulated federation", 1, 1, func(c *cobra.Command, args []string) error {
		b, err := readFile(args[0], 1<<20)
		if err != nil {
			return err
		}
		s, err := scenario.Read(b)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if c.Flags().Changed("seed") {
			s.Seed = seed
		}
		debug.SetGCPercent(400) // a short life: memory for speed
		r, err := s.Run()
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		p := a.printer()
		if err := p.show(r, func() { fmt.Fprint(a.Out, r.Text()) }); err != nil {
			return err
		}
		if svg != "" {
			if err := os.WriteFile(svg, []byte(r.SVG()), 0o644); err != nil {
				return err
			}
			a.note("The chart is in %s", svg)
		}
		if r.Err != "" {
			return fmt.Errorf("simulation: %w: %s", icn.ErrCorrupt, r.Err)
		}
		return nil
	})
	c.Long = "run plays a scenario: the real node's code over a simulated network, disks, clocks and programs. Nothing real is\n" +
		"touched. The same scenario and seed give the same report. docs/simulator.md tells what a scenario can say;\n" +
		"examples/scenarios has some."
	c.Example = "  icn-cli sim run examples/scenarios/leader.toml --svg leader.svg"
	c.Flags().Uint64Var(&seed, "seed", 1, "another course of chance")
	c.Flags().StringVar(&svg, "svg", "", "write a chart to this file")
	return group("sim", "Federations that are only simulated", c)
}
