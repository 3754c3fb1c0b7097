package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// board is one dashboard: rows of panels.
type board struct {
	uid, title, about string
	rows              []row
}

type row struct {
	title  string
	panels []panel
}

// panel shows one or several queries over time, or, as a number, their last value.
type panel struct {
	title, about string // about: what a person sees there, in plain words
	unit         string // as Grafana calls it
	number       bool
	red          float64 // a number from here on is red, or up to here if below is set; 0: never
	below        bool
	stacked      bool
	queries      []query
}

// query is an expression, in which {S} stands for the selection of the dashboard's
// variables, and a name for what it gives.
type query struct{ expr, legend string }

// The selection that the variables make.
const selection = `federation=~"$federation",node=~"$node"`

func (q query) text() string {
	e := strings.ReplaceAll(q.expr, "{S}", "{"+selection+"}")
	return strings.ReplaceAll(e, "{S,", "{"+selection+",")
}

// source is the data source of provisioning/datasources, by its fixed uid.
func source() common.DataSourceRef {
	kind, uid := "prometheus", "icn-prometheus"
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

// target is the query as the panel's nth.
func (q query) target(n int, number bool) *prometheus.DataqueryBuilder {
	b := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + n))).Expr(q.text()).LegendFormat(q.legend).Datasource(source())
	if number {
		return b.Instant()
	}
	return b.Range()
}

// build makes the panel, with a number of its own in its dashboard.
func (p panel) build(id uint32) cog.Builder[dashboard.Panel] {
	if p.number {
		return p.asNumber(id)
	}
	b := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.about).Unit(p.shown()).Datasource(source()).
		Span(12).Height(8).LineWidth(1).FillOpacity(10).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.stacked {
		b.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	for n, q := range p.queries {
		b.WithTarget(q.target(n, false))
	}
	return b
}

func (p panel) asNumber(id uint32) cog.Builder[dashboard.Panel] {
	b := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.about).Unit(p.shown()).Datasource(source()).
		Span(6).Height(4).GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeValue).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).Thresholds(p.thresholds())
	for n, q := range p.queries {
		b.WithTarget(q.target(n, true))
	}
	return b
}

// shown is the unit; numbers without one are shortened.
func (p panel) shown() string {
	if p.unit == "" {
		return "short"
	}
	return p.unit
}

func (p panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	steps := []dashboard.Threshold{{Color: "text"}}
	switch {
	case p.below:
		steps = []dashboard.Threshold{{Color: "red"}, {Color: "green", Value: &p.red}}
	case p.red > 0:
		steps = []dashboard.Threshold{{Color: "green"}, {Color: "red", Value: &p.red}}
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func variable(name, label, of string) *dashboard.QueryVariableBuilder {
	text := "label_values(" + of + ", " + name + ")"
	all := dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}}
	shown := dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}
	return dashboard.NewQueryVariableBuilder(name).Label(label).Query(dashboard.StringOrMap{String: &text}).Definition(text).
		Datasource(source()).Multi(true).IncludeAll(true).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).Current(dashboard.VariableOption{Text: shown, Value: all})
}

func (d board) build() (dashboard.Dashboard, error) {
	b := dashboard.NewDashboardBuilder(d.title).Uid(d.uid).Description(d.about).Tags([]string{"icn"}).Readonly().
		Refresh("10s").Time("now-1h", "now").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(variable("federation", "Federation", `up{job="icn"}`)).
		WithVariable(variable("node", "Node", `up{job="icn",federation=~"$federation"}`)).
		Link(dashboard.NewDashboardLinkBuilder("ICN").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"icn"}).AsDropdown(true).IncludeVars(true).KeepTime(true))
	id := uint32(0)
	for _, r := range d.rows {
		id++
		b.WithRow(dashboard.NewRowBuilder(r.title).Id(id))
		for _, p := range r.panels {
			id++
			b.WithPanel(p.build(id))
		}
	}
	return b.Build()
}
