package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// span is a time for people.
func span(ms int64) string {
	switch {
	case ms < 0:
		return "-" + span(-ms)
	case ms < 10_000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 600_000:
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	}
	return fmt.Sprintf("%d min", ms/60_000)
}

func clock(ms int64) string { return fmt.Sprintf("%3d:%02d.%d", ms/60_000, ms/1000%60, ms/100%10) }

// Text is the report in words.
func (r *Report) Text() string {
	var b strings.Builder
	title := r.Title
	if title == "" {
		title = "Scenario"
	}
	fmt.Fprintf(&b, "%s\n%s\n%d nodes, %d of them clerks; seed %d; %s simulated\n\n", title, strings.Repeat("=", len([]rune(title))), r.Nodes, r.Clerks, r.Seed, span(int64(len(r.Seconds))*1000))
	for _, l := range r.Timeline {
		fmt.Fprintf(&b, "%s  %s\n", clock(l.At), l.Text)
	}
	b.WriteString("\n")
	rows := [][2]string{
		{"Jobs posted", fmt.Sprint(r.Posted)}, {"completed", fmt.Sprint(r.Completed)}, {"rolled back", fmt.Sprint(r.RolledBack)},
		{"not taken", fmt.Sprint(r.Refused) + ", because the node to offer them was down"}, {"refused by the rules", fmt.Sprint(r.Denied)}, {"attempts that failed", fmt.Sprint(r.Retries)},
		{"From posted to settled", fmt.Sprintf("%s at the median, %s for 95 of 100, %s at most", span(r.P50), span(r.P95), span(r.Longest))},
		{"Without a leader", span(r.Idle)}, {"At rest", span(r.Rest) + " after the end"}, {"Capacity burnt and minted", fmt.Sprint(r.Burnt)},
	}
	if r.Votes > 0 {
		rows = append(rows, [2]string{"Votes closed", fmt.Sprintf("%d, %d of them accepted", r.Votes, r.Accepted)})
	}
	for _, kv := range rows {
		fmt.Fprintf(&b, "%-26s %s\n", kv[0], kv[1])
	}
	var by []string
	for _, n := range slices.SortedFunc(maps.Keys(r.By), func(a, c string) int {
		if r.By[a] != r.By[c] {
			return r.By[c] - r.By[a]
		}
		return strings.Compare(a, c)
	}) {
		by = append(by, fmt.Sprintf("%s %d", n, r.By[n]))
	}
	if len(by) > 12 {
		by = append(by[:12], fmt.Sprintf("and %d more", len(r.By)-12))
	}
	fmt.Fprintf(&b, "%-26s %s\n", "Who ran them", strings.Join(by, ", "))
	return b.String()
}

// The chart's measures.
const (
	chartWide = 960
	chartLeft = 70
	panelHigh = 130
	panelGap  = 46
)

// SVG is the report as a chart: jobs a second, open jobs, how long they took, and
// below them who led. It is readable on light and dark pages.
func (r *Report) SVG() string {
	var b strings.Builder
	high := 3*(panelHigh+panelGap) + 90
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">`, chartWide, high)
	b.WriteString(`<style>text{fill:#444}.axis{stroke:#999;stroke-width:1}.off{fill:#d6604d;fill-opacity:.18}.line{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>`)
	fmt.Fprintf(&b, `<title>%s</title><text x="%d" y="22" font-size="16" font-weight="600">%s</text>`, escape(r.Title), chartLeft, escape(r.Title))
	series := []struct {
		name, color string
		of          func(Second) float64
	}{
		{"jobs completed a second", "#2166ac", func(s Second) float64 { return float64(s.Completed) }},
		{"open jobs", "#b35806", func(s Second) float64 { return float64(s.Open) }},
		{"median time of a job, ms", "#1b7837", func(s Second) float64 { return float64(s.P50) }},
	}
	for i, x := range series {
		r.panel(&b, 40+i*(panelHigh+panelGap), x.name, x.color, x.of)
	}
	r.leaders(&b, 40+3*(panelHigh+panelGap))
	b.WriteString("</svg>\n")
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// x is where a second stands.
func (r *Report) x(i int) float64 {
	return chartLeft + float64(chartWide-chartLeft-20)*float64(i)/float64(max(len(r.Seconds), 1))
}

func (r *Report) panel(b *strings.Builder, top int, name, color string, of func(Second) float64) {
	most := 1.0
	for _, s := range r.Seconds {
		most = max(most, of(s))
	}
	bottom := top + 18 + panelHigh - 18
	for i, s := range r.Seconds {
		if !s.Ordering {
			fmt.Fprintf(b, `<rect class="off" x="%.1f" y="%d" width="%.2f" height="%d"/>`, r.x(i), top+18, r.x(i+1)-r.x(i)+0.3, panelHigh-18)
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`, chartLeft, top+10, name)
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, chartLeft, chartWide-20, bottom, bottom)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f</text><text x="%d" y="%d" text-anchor="end">0</text>`, chartLeft-8, top+28, most, chartLeft-8, bottom)
	fmt.Fprintf(b, `<polyline class="line" stroke="%s" points="`, color)
	for i, s := range r.Seconds {
		fmt.Fprintf(b, "%.1f,%.1f ", (r.x(i)+r.x(i+1))/2, float64(bottom)-of(s)/most*float64(panelHigh-22))
	}
	b.WriteString(`"/>`)
}

// leaders is a strip of who led when.
func (r *Report) leaders(b *strings.Builder, top int) {
	colors := []string{"#4393c3", "#f4a582", "#7fbc41", "#c994c7", "#fdb863", "#80cdc1", "#bababa"}
	known := []string{}
	fmt.Fprintf(b, `<text x="%d" y="%d">who leads</text>`, chartLeft, top+10)
	for i, s := range r.Seconds {
		if s.Leader == "" {
			continue
		}
		k := slices.Index(known, s.Leader)
		if k < 0 {
			k = len(known)
			known = append(known, s.Leader)
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.2f" height="16" fill="%s"/>`, r.x(i), top+18, r.x(i+1)-r.x(i)+0.3, colors[k%len(colors)])
	}
	for k, n := range known {
		if k < 8 {
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text x="%d" y="%d">%s</text>`, chartLeft+k*105, top+44, colors[k%len(colors)], chartLeft+14+k*105, top+53, escape(n))
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, chartWide-20, top+53, span(int64(len(r.Seconds))*1000))
}
