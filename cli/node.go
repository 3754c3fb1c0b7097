package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
)

func (a *app) nodeCommands() []*cobra.Command {
	info := command("info", "Who the node is", 0, 0, func(c *cobra.Command, _ []string) error { return a.info(c.Context()) })
	var answer, wait time.Duration
	status := command("status", "What the node is doing", 0, 0, func(c *cobra.Command, _ []string) error { return a.status(c.Context(), answer) })
	status.Flags().DurationVar(&answer, "wait", 0, "wait this long for the node to answer, e.g. 30s")
	health := command("health", "Whether the node can serve; exit code 5 when it cannot", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.health(c.Context(), wait)
	})
	health.Flags().DurationVar(&wait, "wait", 0, "wait this long for the node to become ready, e.g. 30s")
	return []*cobra.Command{info, status, health, a.doctorCommand(), a.loadCommand(), a.debugCommand()}
}

func (a *app) info(ctx context.Context) error {
	return a.with(func(c *client.Client) error {
		i, err := c.Info(ctx)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(i, func() {
			p.fields([2]string{"Name", i.Name}, [2]string{"Version", i.Version}, [2]string{"DID", i.DID.String()},
				[2]string{"Federation", i.Federation}, [2]string{"Network", i.Network}, [2]string{"Status", i.StatusMessage}, [2]string{"API", c.URL()})
		})
	})
}

func (a *app) status(ctx context.Context, wait time.Duration) error {
	var s wire.Status
	err := until(ctx, wait, func(ctx context.Context) error {
		return a.with(func(c *client.Client) (err error) {
			s, err = c.Status(ctx)
			return err
		})
	})
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(s, func() { showStatus(p, s) })
}

func showStatus(p printer, s wire.Status) {
	online := "yes"
	if !s.IsOnline {
		online = "no: statements wait until enough clerks can be reached"
	}
	leader := "none"
	if s.Leader != nil {
		leader = s.Leader.String()
	}
	role := s.Role
	if s.FedBy != nil {
		role += ", fed by " + s.FedBy.String()
	}
	alarms := make([]string, 0, len(s.Alarms))
	for _, k := range slices.Sorted(maps.Keys(s.Alarms)) {
		alarms = append(alarms, k+": "+s.Alarms[k])
	}
	p.fields([2]string{"State", s.State}, [2]string{"Online", online}, [2]string{"Uptime", span(time.Duration(s.UptimeSeconds) * time.Second)},
		[2]string{"Role", role}, [2]string{"Leader", leader},
		[2]string{"Log height", fmt.Sprintf("%s entries, certified up to %s", number(s.Height), number(s.Certified))},
		[2]string{"Log time", clock(s.LogTime)}, [2]string{"State root", s.StateRoot},
		[2]string{"Peers", fmt.Sprintf("%d linked, %s in the federation", s.PeerCount, plural(s.Nodes, "node"))},
		[2]string{"Mana", fmt.Sprintf("%s, and %s held", number(s.Balance), number(s.Held))},
		[2]string{"Jobs", fmt.Sprintf("%d open in the federation, %d running here", s.OpenJobs, s.Running)},
		[2]string{"Waiting", plural(len(s.Waiting), "statement")}, [2]string{"Store", storeText(s.Surroundings)},
		[2]string{"Backup", backupText(s.Backup)}, [2]string{"Certificate", certificateText(s.Certificate)}, [2]string{"Alarms", strings.Join(alarms, "\n")})
	if len(s.Peers) == 0 {
		return
	}
	p.line("")
	rows := make([][]string, 0, len(s.Peers))
	for _, x := range s.Peers {
		linked := "linked"
		if !x.Linked {
			linked = "lost"
		}
		rows = append(rows, []string{x.DID.String(), linked, number(x.Head), fmt.Sprintf("%d ms", x.SkewMS), fmt.Sprint(x.Free), x.Release})
	}
	p.grid([]string{"peer", "link", "height", "clock off", "free slots", "version"}, rows, 3, 4, 5)
}

func storeText(s wire.Surroundings) string {
	if s.Store.FreeBytes == nil {
		return s.Store.Backend
	}
	return fmt.Sprintf("%s, %s free on its disk", s.Store.Backend, size(*s.Store.FreeBytes))
}

func backupText(b *wire.BackupStatus) string {
	switch {
	case b == nil:
		return ""
	case b.Last == nil:
		return "none yet " + b.Problem
	case b.Problem != "":
		return fmt.Sprintf("%s ago; the last attempt failed: %s", span(time.Duration(b.Age)*time.Second), b.Problem)
	}
	return fmt.Sprintf("%s ago", span(time.Duration(b.Age)*time.Second))
}

func certificateText(ends *time.Time) string {
	if ends == nil {
		return ""
	}
	return "good until " + ends.Local().Format(time.DateTime)
}

func (a *app) health(ctx context.Context, wait time.Duration) error {
	var last wire.Ready
	err := until(ctx, wait, func(ctx context.Context) error {
		return a.with(func(c *client.Client) (err error) {
			last, err = c.Ready(ctx)
			return err
		})
	})
	if len(last.Checks) == 0 {
		return err // nothing answered
	}
	p := a.printer()
	showErr := p.show(last, func() {
		pairs := [][2]string{{"Ready", fmt.Sprint(last.Ready)}}
		for _, k := range slices.Sorted(maps.Keys(last.Checks)) {
			pairs = append(pairs, [2]string{k, last.Checks[k]})
		}
		p.fields(pairs...)
	})
	if err != nil {
		return fmt.Errorf("the node is not ready: %w", err)
	}
	return showErr
}
