package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) rollCommand() *cobra.Command {
	var at, electorate string
	var asCSV bool
	c := command("roll", "Who can vote, or could at any time", 0, 0, func(c *cobra.Command, _ []string) error {
		var e icn.Electorate
		if err := e.UnmarshalText([]byte(electorate)); err != nil {
			return fmt.Errorf("--electorate: %w", err)
		}
		return a.with(func(cl *client.Client) error {
			v, err := cl.GovernanceRoll(c.Context(), at, e)
			if err != nil {
				return err
			}
			if asCSV {
				_, err := a.Out.Write(wire.RollCSV(v.Roll))
				return err
			}
			p := a.printer()
			return p.show(v, func() { a.showRoll(p, v) })
		})
	})
	c.Flags().StringVar(&at, "at", "", "after this entry, or at this moment (2026-03-31T12:00:00Z) or a day's end (2026-03-31, UTC); by default now")
	c.Flags().StringVar(&electorate, "electorate", "members", "persons, organisations or members: both")
	c.Flags().BoolVar(&asCSV, "csv", false, "as CSV: did, name, role")
	c.AddCommand(a.rollImportCommand())
	return c
}

func (a *app) showRoll(p printer, v node.RollView) {
	rows := make([][]string, 0, len(v.Roll))
	for _, m := range v.Roll {
		rows = append(rows, []string{m.Member.String(), m.Name, m.Role.String()})
	}
	if len(rows) > 0 {
		p.grid([]string{"member", "name", "role"}, rows)
		p.line("")
	}
	p.line("%s on the roll after entry %s (%s).", plural(len(rows), "voter"), number(v.Index), clock(v.Time))
	p.line("Its hash is %s.", v.Hash)
}

// rollFileMost is more than a list of 100,000 members has.
const rollFileMost = 64 << 20

func (a *app) rollImportCommand() *cobra.Command {
	var dry bool
	c := command("import FILE", "Take everybody on a list in: CSV with did, name and role; - is stdin", 1, 1, func(c *cobra.Command, args []string) error {
		text, err := a.readInput(args[0], rollFileMost)
		if err != nil {
			return err
		}
		list, err := readRoll(text)
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error { return a.rollImport(c.Context(), cl, list, dry) })
	})
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	c.Long = c.Short + ".\n\nThe first line may name the columns; without it they are did, name, role. A role that is not given is person. Nothing\n" +
		"is done if a line is wrong. Who belongs already is left as it is, so that it does no harm to run this again.\n\n" +
		"The node takes them in, by its word as a clerk. Where the rules do not let clerks do that, invite them or propose it."
	return c
}

func (a *app) readInput(file string, most int64) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(a.In, most))
	}
	return readFile(file, most)
}

// readRoll reads a list of members. It tells of all lines that are wrong.
func readRoll(text []byte) ([]wire.Member, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = -1, true, '#'
	columns := wire.RollColumns
	var out []wire.Member
	var wrong []error
	seen := map[icn.DID]int{}
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %v", icn.ErrInvalid, err)
		}
		line, _ := r.FieldPos(0)
		if first && !strings.HasPrefix(strings.TrimSpace(record[0]), "did:") {
			if columns, err = header(record); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			continue
		}
		m, err := rollLine(columns, record)
		if before, twice := seen[m.DID]; err == nil && twice {
			err = fmt.Errorf("%w: %s stands in line %d, too", icn.ErrInvalid, m.DID, before)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		seen[m.DID] = line
		out = append(out, m)
	}
	if len(out) == 0 && len(wrong) == 0 {
		wrong = append(wrong, fmt.Errorf("%w: there is nobody on it", icn.ErrInvalid))
	}
	return out, errors.Join(wrong...)
}

func header(record []string) ([]string, error) {
	var out []string
	for _, name := range record {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(wire.RollColumns, name) {
			return nil, fmt.Errorf("%w: there is no column %q; the columns are did, name, role", icn.ErrInvalid, name)
		}
		out = append(out, name)
	}
	if !slices.Contains(out, "did") {
		return nil, fmt.Errorf("%w: no column is named did", icn.ErrInvalid)
	}
	return out, nil
}

func rollLine(columns, record []string) (m wire.Member, err error) {
	if len(record) > len(columns) {
		return m, fmt.Errorf("%w: %d columns, at most %d; put names with commas into quotes", icn.ErrInvalid, len(record), len(columns))
	}
	m.Role = icn.RolePerson
	for i, cell := range record {
		switch cell = strings.TrimSpace(cell); columns[i] {
		case "did":
			if m.DID, err = icn.ParseDID(cell); err != nil {
				return m, err
			}
		case "name":
			m.Name = cell
		case "role":
			if cell == "" {
				continue
			}
			if err := m.Role.UnmarshalText([]byte(strings.ToLower(cell))); err != nil || m.Role == icn.RoleNode {
				return m, fmt.Errorf("%w: the role %q is neither person nor organisation", icn.ErrInvalid, cell)
			}
		}
	}
	switch {
	case m.DID.IsZero() || m.DID.Weak():
		return m, fmt.Errorf("%w: nobody has this DID", icn.ErrInvalid)
	case m.Name == "" || len(m.Name) > 128:
		return m, fmt.Errorf("%w: %s has a name of %d bytes, not 1 to 128", icn.ErrInvalid, m.DID, len(m.Name))
	}
	return m, nil
}

// imported is what came of a list.
type imported struct {
	Admitted  []wire.Member `json:"admitted"`
	Skipped   []wire.Member `json:"belong_already"`
	DryRun    bool          `json:"dry_run,omitempty"`
	Statement []icn.CID     `json:"statements"`
}

func (a *app) rollImport(ctx context.Context, c *client.Client, list []wire.Member, dry bool) error {
	out, err := missingOf(ctx, c, list)
	if err != nil {
		return err
	}
	out.DryRun = dry
	missing := out.Admitted
	if !dry {
		out.Admitted = []wire.Member{}
		for batch := range slices.Chunk(missing, wire.MemberBatch) {
			said, err := c.FederationMembersBatch(ctx, batch)
			if err == nil && said.State == "waiting" {
				err = fmt.Errorf("%w: too few clerks can be reached; the node keeps what was said", icn.ErrUnavailable)
			}
			if err != nil {
				return stopped(err, len(out.Admitted), len(missing))
			}
			out.Admitted, out.Statement = append(out.Admitted, batch...), append(out.Statement, said.Statement)
		}
	}
	p := a.printer()
	return p.show(out, func() {
		what := "taken in"
		if dry {
			what = "would be taken in"
			for _, m := range out.Admitted {
				p.line("%s  %s, %s", m.DID, m.Name, m.Role)
			}
		}
		p.line("%s %s, %d belong already.", plural(len(out.Admitted), "member"), what, len(out.Skipped))
	})
}

// stopped says how far an import came, and what can be done.
func stopped(err error, done, all int) error {
	err = fmt.Errorf("%d of %d are taken in: %w", done, all, err)
	if !errors.Is(err, icn.ErrDenied) {
		return advised{err, "To go on, run it again: who belongs already is left out."}
	}
	return advised{err, "Run it at a node that is a clerk; or invite them: icn-cli federation invite --role person; or propose it: icn-cli governance propose admit"}
}

// missingOf parts a list into those who do not belong yet, and those who do. Who does
// so as something else is a mistake in the list.
func missingOf(ctx context.Context, c *client.Client, list []wire.Member) (imported, error) {
	out := imported{Admitted: []wire.Member{}, Skipped: []wire.Member{}, Statement: []icn.CID{}}
	f, err := c.FederationStatus(ctx)
	if err != nil {
		return out, err
	}
	roles := map[icn.DID]icn.Role{}
	for _, m := range f.Members {
		if m.Standing != identity.Left {
			roles[m.DID] = m.Role
		}
	}
	for _, m := range list {
		role, belongs := roles[m.DID]
		switch {
		case !belongs:
			out.Admitted = append(out.Admitted, m)
		case role != m.Role:
			return out, fmt.Errorf("%w: %s (%s) belongs as %s, not as %s", icn.ErrConflict, m.DID, m.Name, role, m.Role)
		default:
			out.Skipped = append(out.Skipped, m)
		}
	}
	return out, nil
}
