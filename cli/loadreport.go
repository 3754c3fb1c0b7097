package cli

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed loadreport.html
var loadPage string

var loadTemplate = template.Must(template.New("load").Parse(loadPage))

// writeReport writes a page that needs nothing else: no script, no other file.
func writeReport(path string, r LoadResult) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = loadTemplate.Execute(f, map[string]any{
		"R": r, "Began": r.Began.Format(time.RFC1123), "Failures": r.commonFailures(),
		"Times": timesPlot(r), "Shares": sharesPlot(r), "Rates": ratesPlot(r),
	})
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}

const plotWide, plotHigh, plotLeft, plotLow = 720.0, 220.0, 56.0, 24.0

// plot is a picture with two axes.
type plot struct {
	b          strings.Builder
	maxX, maxY float64
}

func newPlot(maxX, maxY float64, unitX, unitY string) *plot {
	p := &plot{maxX: max(maxX, 1e-9), maxY: max(nice(maxY), 1e-9)}
	fmt.Fprintf(&p.b, `<svg viewBox="0 0 %g %g" role="img">`, plotWide, plotHigh+16)
	for i := range 5 {
		v := p.maxY * float64(i) / 4
		_, y := p.at(0, v)
		fmt.Fprintf(&p.b, `<line class="grid" x1="%g" y1="%.1f" x2="%g" y2="%.1f"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`, plotLeft, y, plotWide-8, y, plotLeft-6, y+4, tick(v))
		x, _ := p.at(p.maxX*float64(i)/4, 0)
		anchor := "middle"
		if i == 4 {
			anchor = "end"
		}
		fmt.Fprintf(&p.b, `<text x="%.1f" y="%g" text-anchor="%s">%s</text>`, x, plotHigh-8, anchor, tick(p.maxX*float64(i)/4))
	}
	fmt.Fprintf(&p.b, `<text x="%g" y="14">%s</text><text x="%g" y="%g" text-anchor="end">%s</text>`, plotLeft+6, unitY, plotWide-8, plotHigh+10, unitX)
	return p
}

// tick is a number at an axis.
func tick(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// nice rounds up to a number that is easy to read.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 5, 8, 10} {
		if v <= m*step {
			return m * step
		}
	}
	return v
}

func (p *plot) at(x, y float64) (px, py float64) {
	return plotLeft + x/p.maxX*(plotWide-plotLeft-8), plotHigh - plotLow - y/p.maxY*(plotHigh-plotLow-16)
}

func (p *plot) end() template.HTML {
	p.b.WriteString("</svg>")
	return template.HTML(p.b.String()) //nolint:gosec // numbers and fixed words only
}

// manyDots is how many dots a plot shows, at most.
const manyDots = 4000

// timesPlot shows how long each request took, over the run.
func timesPlot(r LoadResult) template.HTML {
	top := r.Max
	for _, s := range r.shots {
		top = max(top, milliseconds(s.took))
	}
	p := newPlot(r.Seconds, top, "seconds since the beginning", "ms")
	every := len(r.shots)/manyDots + 1
	for i, s := range r.shots {
		if i%every != 0 && s.err == "" {
			continue
		}
		x, y := p.at(s.at.Seconds(), milliseconds(s.took))
		class := "dot"
		if s.err != "" {
			class = "dot bad"
		}
		fmt.Fprintf(&p.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="1.8"/>`, class, x, y)
	}
	return p.end()
}

// sharesPlot shows within which time which share was done.
func sharesPlot(r LoadResult) template.HTML {
	var times []float64
	for _, s := range r.shots {
		if s.err == "" {
			times = append(times, milliseconds(s.took))
		}
	}
	slices.Sort(times)
	p := newPlot(100, r.Max, "per cent of the requests", "ms")
	if len(times) > 0 {
		p.b.WriteString(`<polyline class="line" points="`)
		for i := range 201 {
			share := float64(i) / 200
			x, y := p.at(share*100, times[min(int(share*float64(len(times))), len(times)-1)])
			fmt.Fprintf(&p.b, "%.1f,%.1f ", x, y)
		}
		p.b.WriteString(`"/>`)
	}
	return p.end()
}

// ratesPlot shows how many were done in each part of the run.
func ratesPlot(r LoadResult) template.HTML {
	const parts = 60
	step := max(r.Seconds/parts, 1e-9)
	var counts [parts]float64
	for _, s := range r.shots {
		if s.err == "" {
			counts[min(int((s.at+s.took).Seconds()/step), parts-1)] += 1 / step
		}
	}
	p := newPlot(r.Seconds, slices.Max(counts[:]), "seconds since the beginning", "done per second")
	for i, n := range counts {
		x, y := p.at(float64(i)*step, n)
		next, low := p.at(float64(i+1)*step, 0)
		fmt.Fprintf(&p.b, `<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y, max(next-x-1, 0.5), low-y)
	}
	return p.end()
}
