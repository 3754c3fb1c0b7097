package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/shown"
)

// printer writes results: one value, as JSON or for people.
type printer struct {
	out  io.Writer
	json bool
}

// show prints v as JSON, or lets people's form be written.
func (p printer) show(v any, people func()) error {
	if !p.json {
		people()
		return nil
	}
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b, "", "  "); err != nil {
		return err
	}
	pretty.WriteByte('\n')
	_, err = p.out.Write(pretty.Bytes())
	return err
}

func (p printer) line(format string, args ...any) {
	_, _ = io.WriteString(p.out, shown.Text(fmt.Sprintf(format, args...))+"\n")
}

// fields prints name and value pairs, aligned. Pairs without a value are left out.
func (p printer) fields(pairs ...[2]string) {
	width := 0
	for _, kv := range pairs {
		if kv[1] != "" {
			width = max(width, len(kv[0]))
		}
	}
	for _, kv := range pairs {
		if kv[1] != "" {
			p.line("%-*s  %s", width, kv[0], strings.ReplaceAll(kv[1], "\n", "\n"+strings.Repeat(" ", width+2)))
		}
	}
}

// grid prints a table without lines; numbers (columns named in right) stand right.
func (p printer) grid(header []string, rows [][]string, right ...int) {
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	t.SetStyle(style)
	var configs []table.ColumnConfig
	for _, c := range right {
		configs = append(configs, table.ColumnConfig{Number: c, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(row(header))
	for _, r := range rows {
		t.AppendRow(row(r))
	}
	t.SuppressTrailingSpaces()
	t.Render()
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		r[i] = shown.Text(c)
	}
	return r
}

// short is enough of a DID to tell it apart.
func short(d icn.DID) string { return "…" + d.Short() }

func shortp(d *icn.DID) string {
	if d == nil {
		return "-"
	}
	return short(*d)
}

// size is a number of bytes with a unit.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	if u == 0 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[u]
}

// number groups thousands.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// clock is a moment of the log in local time.
func clock(t icn.Time) string {
	if t == 0 {
		return ""
	}
	return time.UnixMilli(int64(t)).Format("2006-01-02 15:04:05")
}
