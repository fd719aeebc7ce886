package htmlreport

import (
	"encoding/xml"
	"image"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// points are the places of a drawing's curves. The drawing must be well-formed XML.
func points(t *testing.T, svg string) (curves [][][2]float64, texts []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return curves, texts
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if text, ok := token.(xml.CharData); ok {
			texts = append(texts, string(text))
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "polyline" {
			continue
		}
		var curve [][2]float64
		for _, pair := range strings.Fields(start.Attr[0].Value) {
			x, y, _ := strings.Cut(pair, ",")
			fx, errX := strconv.ParseFloat(x, 64)
			fy, errY := strconv.ParseFloat(y, 64)
			if errX != nil || errY != nil || fx < left || fx > chartWidth-right || fy < top || fy > chartHeight-bottom {
				t.Errorf("a point at %s is not in the plot", pair)
			}
			curve = append(curve, [2]float64{fx, fy})
		}
		curves = append(curves, curve)
	}
}

func TestChart(t *testing.T) {
	curves, texts := points(t, string(Chart{Title: "losses", Series: []Series{
		{"up", []float64{0, 50, 100}, []float64{0, 1, 4}}, {"flat", []float64{0, 100}, []float64{2, 2}},
	}}.SVG()))
	if len(curves) != 2 || len(curves[0]) != 3 || len(curves[1]) != 2 {
		t.Fatalf("curves %v", curves)
	}
	if a, b := curves[0][0], curves[0][2]; a != [2]float64{left, chartHeight - bottom} || b != [2]float64{chartWidth - right, top} {
		t.Errorf("the first curve goes from %v to %v", a, b)
	}
	if y := curves[1][0][1]; y != (top+chartHeight-bottom)/2 {
		t.Errorf("the middle of the axis is at %v", y)
	}
	if got := strings.Join(texts, " "); got != "losses 0 1 2 3 4 0 20 40 60 80 100 up flat" {
		t.Errorf("texts %q", got)
	}
}

// TestChartLog: equal factors are equal distances, and what has no logarithm is left out.
func TestChartLog(t *testing.T) {
	curves, texts := points(t, string(Chart{Log: true, Series: []Series{{"", []float64{0, 1, 2, 3, 4}, []float64{1, 0, 10, -1, 100}}}}.SVG()))
	if len(curves[0]) != 3 || curves[0][1][1] != (top+chartHeight-bottom)/2 {
		t.Errorf("curve %v", curves[0])
	}
	if got := strings.Join(texts, " "); !strings.HasPrefix(got, "1 2 5 10 20 50 100 0 ") {
		t.Errorf("texts %q", got)
	}
	for _, x := range []struct {
		a    axis
		want []float64
	}{{axis{-1, 2}, []float64{-1, 0, 1, 2}}, {axis{0, 20}, []float64{0, 5, 10, 15, 20}}, {axis{0, 5}, []float64{0, 2, 4}}} {
		if got := x.a.powers(); !slices.Equal(got, x.want) {
			t.Errorf("powers of ten from %g to %g: %v, want %v", x.a.lo, x.a.hi, got, x.want)
		}
	}
}

// TestChartOfAnything: no data makes it fail or leave the plot.
func TestChartOfAnything(t *testing.T) {
	long := Series{Name: "long"}
	for i := range 5000 {
		long.X, long.Y = append(long.X, float64(i)), append(long.Y, math.Sin(float64(i)/500))
	}
	for name, s := range map[string]Series{
		"none":       {},
		"one point":  {"", []float64{5}, []float64{7}},
		"zeros":      {"", []float64{0, 0}, []float64{0, 0}},
		"not finite": {"", []float64{0, 1, 2}, []float64{math.NaN(), math.Inf(1), 3}},
		"huge":       {"", []float64{0, 1}, []float64{-math.MaxFloat32, math.MaxFloat32}},
		"tiny":       {"", []float64{0, 1}, []float64{0, 1e-300}},
		"long":       long,
	} {
		for _, log := range []bool{false, true} {
			curves, _ := points(t, string(Chart{Title: name, Log: log, Series: []Series{s}}.SVG()))
			if n := len(curves[0]); n > mostPoints || name == "long" && n < mostPoints {
				t.Errorf("%s: %d points", name, n)
			}
		}
	}
}

func TestChartEscapes(t *testing.T) {
	_, texts := points(t, string(Chart{Title: `</svg><script>"`, Series: []Series{{Name: "<b>&"}}}.SVG()))
	if got := strings.Join(texts, " "); !strings.HasPrefix(got, `</svg><script>"`) || !strings.HasSuffix(got, "<b>&") {
		t.Errorf("texts %q", got)
	}
}

func TestPNG(t *testing.T) {
	url, err := PNG(image.NewGray(image.Rect(0, 0, 2, 2)))
	if err != nil || !strings.HasPrefix(string(url), "data:image/png;base64,iVBOR") {
		t.Errorf("%s, %v", url, err)
	}
}

// TestPage: text is escaped, in attributes too, and HTML is not; what is neither has no form.
func TestPage(t *testing.T) {
	p := NewPage("a & b", ".own {}\n")
	p.Row("<name>", "%s %s %d %.1f", `"<b>`, HTML("<i>i</i>"), 3, .25)
	p.Figure("c", "data:,", `"><script>`)
	got := string(p.End())
	for _, want := range []string{"<title>a &amp; b</title>", style, "\n.own {}\n</style>", "<tr><td>&lt;name&gt;<td>&#34;&lt;b&gt; <i>i</i> 3 0.2\n",
		`<img src="data:," alt="&#34;&gt;&lt;script&gt;">`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "<script>") || !strings.HasPrefix(got, "<!doctype html>") || !strings.HasSuffix(got, "</html>\n") {
		t.Errorf("page %s", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a page takes an error for text")
		}
	}()
	p.Printf("%v", io.EOF)
}
