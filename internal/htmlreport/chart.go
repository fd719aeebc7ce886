package htmlreport

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Series is a curve: y over x, in the order of x.
type Series struct {
	Name string
	X, Y []float64
}

// Chart is curves over one axis of x, drawn as SVG.
type Chart struct {
	Title  string
	Log    bool // y goes by powers of ten; what is not above 0 is left out
	Series []Series
}

// Size of a chart and the margins of its plot, in units of the drawing.
const (
	chartWidth, chartHeight  = 640, 240
	left, right, top, bottom = 56, 12, 28, 24

	mostPoints = 320 // of a curve; more are averaged in bins
)

// colors are those of curves, readable on black and on white.
var colors = [...]string{"#2f7fd0", "#e07020", "#30a060", "#b050c0"}

// SVG returns the drawing. Names are escaped. Values that are not finite are left out.
func (c Chart) SVG() HTML {
	curves := make([]Series, len(c.Series))
	for i, s := range c.Series {
		curves[i] = s.thinned(c.Log)
	}
	x, y := span(curves, func(s Series) []float64 { return s.X }), span(curves, func(s Series) []float64 { return s.Y })
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s" font-size="12" fill="currentColor">`, chartWidth, chartHeight, html.EscapeString(c.Title))
	fmt.Fprintf(&b, `<text x="%d" y="16" font-weight="bold">%s</text>`, left, html.EscapeString(c.Title))
	px := func(v float64) float64 { return left + x.at(v)*(chartWidth-left-right) }
	py := func(v float64) float64 { return chartHeight - bottom - y.at(v)*(chartHeight-top-bottom) }
	ticks := y.ticks(4)
	if c.Log {
		ticks = y.powers()
	}
	for _, t := range ticks {
		label := number(t)
		if c.Log {
			label = number(math.Pow(10, t))
		}
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="currentColor" stroke-opacity=".15"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, py(t), chartWidth-right, left-6, py(t)+4, label)
	}
	for _, t := range x.ticks(8) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, px(t), chartHeight-6, number(t))
	}
	for i, s := range curves {
		var points strings.Builder
		for j := range s.X {
			fmt.Fprintf(&points, " %.1f,%.1f", px(s.X[j]), py(s.Y[j]))
		}
		color := colors[i%len(colors)]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, strings.TrimSpace(points.String()), color)
		fmt.Fprintf(&b, `<text x="%d" y="16" text-anchor="end" fill="%s">%s</text>`, chartWidth-right-(len(curves)-1-i)*110, color, html.EscapeString(s.Name))
	}
	b.WriteString(`</svg>`)
	return HTML(b.String())
}

// thinned returns the curve with mostPoints points at most, means over as many bins, without values
// that cannot be drawn; of a logarithmic one the logarithms.
func (s Series) thinned(log bool) Series {
	out := Series{Name: s.Name}
	for i, y := range s.Y {
		if log {
			y = math.Log10(y) // not finite for what is not above 0
		}
		if y-y == 0 {
			out.X, out.Y = append(out.X, s.X[i]), append(out.Y, y)
		}
	}
	n := len(out.X)
	if n <= mostPoints {
		return out
	}
	for i := range mostPoints {
		lo, hi := i*n/mostPoints, (i+1)*n/mostPoints
		out.X[i], out.Y[i] = mean(out.X[lo:hi]), mean(out.Y[lo:hi])
	}
	out.X, out.Y = out.X[:mostPoints], out.Y[:mostPoints]
	return out
}

func mean(list []float64) (m float64) {
	for _, v := range list {
		m += v / float64(len(list))
	}
	return m
}

// axis is the span of values that an axis shows.
type axis struct{ lo, hi float64 }

// span is the axis of all values of the curves.
func span(curves []Series, of func(Series) []float64) axis {
	a := axis{math.Inf(1), math.Inf(-1)}
	for _, s := range curves {
		if list := of(s); len(list) > 0 {
			a.lo, a.hi = min(a.lo, slices.Min(list)), max(a.hi, slices.Max(list))
		}
	}
	switch {
	case a.lo > a.hi: // no values
		return axis{0, 1}
	case a.hi-a.lo <= 1e-9*max(math.Abs(a.lo), math.Abs(a.hi)):
		margin := cmp.Or(math.Abs(a.lo)/2, 0.5)
		return axis{a.lo - margin, a.hi + margin}
	}
	return a
}

// at is the place of v on the axis, from 0 to 1.
func (a axis) at(v float64) float64 { return v/(a.hi-a.lo) - a.lo/(a.hi-a.lo) }

// ticks are round numbers on the axis, some n of them.
func (a axis) ticks(n int) []float64 {
	raw := (a.hi - a.lo) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			step = m * power
			break
		}
	}
	var list []float64
	for i := math.Ceil(a.lo / step); i*step <= a.hi && len(list) <= 4*n; i++ {
		list = append(list, i*step)
	}
	return list
}

// powers are ticks of an axis of logarithms: of powers of ten and, where there are few of these, of
// twice and five times as much.
func (a axis) powers() (list []float64) {
	if a.hi-a.lo > 4 {
		for _, t := range a.ticks(4) {
			if t == math.Trunc(t) {
				list = append(list, t)
			}
		}
		return list
	}
	for power := math.Floor(a.lo); power <= a.hi; power++ {
		for _, m := range []float64{1, 2, 5} {
			if t := power + math.Log10(m); t >= a.lo && t <= a.hi && (m == 1 || a.hi-a.lo <= 2) {
				list = append(list, t)
			}
		}
	}
	return list
}

// number is v in a few digits.
func number(v float64) string {
	if math.Abs(v) >= 1e4 && math.Abs(v) < 1e7 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
