package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) memberCommand() *cobra.Command {
	var w waitFor
	leave := command("leave", "End your own membership; what you have said stays in the log", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			s, err := a.say(c.Context(), cl, icn.MemberLeave{})
			if err != nil {
				return err
			}
			return a.confirmed(c.Context(), cl, s, w)
		})
	})
	w.flags(leave)
	return group("member", "People and organisations", a.memberAddCommand(),
		command("list", "Who belongs, and how each stands", 0, 0, a.memberList),
		command("show MEMBER", "A member's standing, key and guardians, and when it was on the roll", 1, 1, a.memberShow), leave)
}

func (a *app) memberAddCommand() *cobra.Command {
	var role string
	var m wire.Member
	c := command("add DID", "Take a person or an organisation in", 1, 1, func(c *cobra.Command, args []string) error {
		var err error
		if m.DID, err = icn.ParseDID(args[0]); err != nil {
			return err
		}
		if err := m.Role.UnmarshalText([]byte(role)); err != nil || m.Role == icn.RoleNode {
			return usageError{fmt.Sprintf("--role is person or organisation, not %q", role), c.CommandPath()}
		}
		return a.with(func(cl *client.Client) error {
			s, err := cl.FederationMembers(c.Context(), m)
			if err != nil {
				return err
			}
			return a.said(s, fmt.Sprintf("%s belongs as %s", m.DID, role))
		})
	})
	c.Flags().StringVar(&role, "role", "person", "person or organisation")
	c.Flags().StringVar(&m.Name, "name", "", "name that people see")
	c.Flags().StringVar(&m.Code, "code", "", "a join code; without one this node must be a clerk")
	_ = c.MarkFlagRequired("name") // the flag was just defined
	return c
}

// standing is how a member stands, in words.
func standing(m node.MemberView) string {
	if m.Standing == identity.Suspended && m.Until != 0 {
		return "suspended until " + clock(m.Until)
	}
	return m.Standing.String()
}

func (a *app) memberList(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		f, err := cl.FederationStatus(c.Context())
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(f.Members, func() {
			rows := make([][]string, 0, len(f.Members))
			for _, m := range f.Members {
				rows = append(rows, []string{m.DID.String(), m.Name, m.Role.String(), number(m.Since), standing(m)})
			}
			p.grid([]string{"member", "name", "role", "since entry", "standing"}, rows, 4)
			a.note("%s.", plural(len(rows), "member"))
		})
	})
}

func (a *app) memberShow(c *cobra.Command, args []string) error {
	return a.with(func(cl *client.Client) error {
		d, err := a.somebody(c.Context(), cl, args[0])
		if err != nil {
			return err
		}
		m, err := cl.FederationMember(c.Context(), d)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(m, func() { showMember(c.Context(), cl, p, m) })
	})
}

func showMember(ctx context.Context, c *client.Client, p printer, m node.MembershipView) {
	rotated := ""
	if m.Key != m.DID {
		rotated = m.Key.String()
	}
	p.fields([2]string{"Member", m.Name}, [2]string{"DID", m.DID.String()}, [2]string{"Key", rotated}, [2]string{"Role", m.Role.String()}, [2]string{"Standing", standing(m.MemberView)})
	for _, s := range m.Spans {
		until := "on"
		if s.To != 0 {
			until = "to before entry " + number(s.To)
		}
		p.line("On the roll from entry %s %s", number(s.From), until)
	}
	name := nameTags(ctx, c)
	if g := m.Guardians; g != nil {
		p.line("%d of these can give it a new key together:", g.Needed)
		for _, d := range g.All {
			p.line("  %s", name(d))
		}
	}
	if r := m.Recovery; r != nil {
		for _, s := range r.Support {
			p.line("%s wants its key to be %s", name(s.Guardian), s.Key)
		}
		if r.Due != 0 {
			p.line("Its key becomes %s on %s, if it does not stop that: icn-cli id veto", r.Key, deadline(r.Due, time.Now()))
		}
	}
}

func (a *app) inviteCommand() *cobra.Command {
	var life time.Duration
	var text string
	c := command("invite", "Make a join code that lets one in", 0, 0, func(c *cobra.Command, _ []string) error {
		var role icn.Role
		if err := role.UnmarshalText([]byte(text)); err != nil {
			return usageError{fmt.Sprintf("--role is node, person or organisation, not %q", text), c.CommandPath()}
		}
		return a.with(func(cl *client.Client) error {
			inv, err := a.invite(c.Context(), cl, role, life)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(inv, func() {
				p.line("%s", inv.Code)
				how := "icn-node --join-code, or ICN_JOIN_CODE"
				if role != icn.RoleNode {
					how = "on any node, icn-cli federation member add DID --name NAME --role " + role.String() + " --code CODE"
				}
				a.note("It works once, until %s: %s.", clock(inv.Expires), how)
			})
		})
	})
	c.Flags().DurationVar(&life, "expires", 72*time.Hour, "how long it is good")
	c.Flags().StringVar(&text, "role", "node", "node, person or organisation")
	c.Long = c.Short + ".\n\nClerks give join codes for all. A member in good standing gives a few for persons, as many as the rules say: with an\n" +
		"identity in use (icn-cli id use) and --role person it is that member who invites."
	return c
}

// invite lets a node give the code, or the member whose identity is in use: members
// bring persons.
func (a *app) invite(ctx context.Context, c *client.Client, role icn.Role, life time.Duration) (wire.Invited, error) {
	if role != icn.RolePerson {
		return c.FederationInvite(ctx, role, life)
	}
	if _, used, err := a.identity(); err != nil || !used {
		return a.invitedByNode(ctx, c, role, life, err)
	}
	code, err := node.NewCode()
	if err != nil {
		return wire.Invited{}, err
	}
	op := icn.InviteCreate{CodeHash: sha256.Sum256(node.CodeBytes(code)), Role: role, Expires: icn.Time(time.Now().Add(life).UnixMilli())}
	s, err := a.say(ctx, c, op)
	return wire.Invited{Code: code, Expires: op.Expires, Said: s.Said}, err
}

func (a *app) invitedByNode(ctx context.Context, c *client.Client, role icn.Role, life time.Duration, err error) (wire.Invited, error) {
	if err != nil {
		return wire.Invited{}, err
	}
	inv, err := c.FederationInvite(ctx, role, life)
	if errors.Is(err, icn.ErrDenied) {
		err = advised{err, "A member in good standing can invite as well: icn-cli id use NAME"}
	}
	return inv, err
}
