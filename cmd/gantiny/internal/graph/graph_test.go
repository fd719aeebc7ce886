package graph

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/gantiny/gantiny/model"
)

// branched is a conditional network with a skip connection and two outputs.
func branched(t *testing.T, name string) *model.Model {
	t.Helper()
	g := &model.Graph{}
	z, class := g.Input(name, model.Flat(8)), g.Class("class", 10)
	e := g.Add(model.Embedding{Dim: 4}, class)
	x := g.Add(model.Reshape{H: 4, W: 4, C: 6}, g.Add(model.LeakyReLU{Slope: 0.2}, g.Add(model.Dense{Units: 96}, g.Add(model.Concat{}, z, e))))
	y := x
	for range 2 {
		y = g.Add(model.LeakyReLU{Slope: 0.2}, g.Add(model.BatchNorm{}, g.Add(model.Conv2D{Filters: 6, Kernel: [2]int{3, 3}, Same: true}, y)))
	}
	sum := g.Add(model.Add{}, x, y)
	gray := g.Add(model.Tanh{}, g.Add(model.Conv2D{Filters: 1, Kernel: [2]int{3, 3}, Same: true}, sum))
	m, err := model.FromGraph(name, g, gray, g.Add(model.Tanh{}, sum))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pairOf(t *testing.T, m *model.Model) *Pair {
	t.Helper()
	p, err := Of(m)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := pairOf(t, branched(t, "z")).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, line := range []string{
		"as it is: 15 nodes", "z - 8 - input", "class - class of 10 - input", "concat1 z, embedding0 12 - concat",
		"conv2d5 reshape4 4x4x6 weight (3,3,6,6) conv2d filters=6 kernel=3x3 same", "output tanh13, tanh14",
		"after the rewrites: 9 nodes", "dense2 + leakyrelu3 concat1 96 as [4][4][N][6]", "conv2d5 + batchnorm6 + leakyrelu7 dense2",
		"rewrites that changed something: lay out vectors as their readers want them, reshape without moving, fold BatchNorm, fuse activations",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, b.String())
		}
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(pairOf(t, model.Discriminator(model.Config{Width: 2})))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"before":{"inputs":[{"name":"x","shape":[28,28,1],"type":"float32"}]`,
		`{"kind":"leakyrelu","attributes":{"slope":0.3},"inputs":["conv2d0"],"name":"leakyrelu1","shape":[14,14,2],"type":"float32"}`,
		`"fused":["leakyrelu1"]`, `"memory":[14,14,2]`, `"rewrites":["drop what does nothing",`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("no %s in %s", part, b)
		}
	}
}

// hostile is a name that would be markup, end a string, or turn the direction of writing.
const hostile = "</text><script>alert(1)</script>\"\\\" onload=\"x\"\x1b]0;owned\x07\u202e\n&amp; a"

// TestHostile: names reach SVG, DOT and text without markup and control codes.
func TestHostile(t *testing.T) {
	p := pairOf(t, branched(t, hostile))
	var svg, dot, text strings.Builder
	for _, err := range []error{p.WriteSVG(&svg, hostile), p.WriteDOT(&dot, hostile), p.WriteText(&text)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]string{"svg": svg.String(), "dot": dot.String(), "text": text.String()} {
		if i := strings.IndexFunc(s, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
		}); i >= 0 {
			t.Errorf("%s holds %q", name, s[i:min(len(s), i+20)])
		}
	}
	if strings.Contains(svg.String(), "<script") {
		t.Error("markup of a name is markup of the SVG")
	}
	elements := elementsOf(t, svg.String())
	if i := slices.IndexFunc(elements, func(e string) bool {
		return !slices.Contains([]string{"svg", "title", "style", "defs", "marker", "rect", "g", "path", "text"}, e)
	}); i >= 0 {
		t.Errorf("the SVG has an element %s", elements[i])
	}
	for line := range strings.Lines(dot.String()) {
		if strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\"`, ""), `"`)%2 != 0 {
			t.Errorf("a string is not closed: %s", line)
		}
	}
}

// elementsOf lists the elements of a well-formed document.
func elementsOf(t *testing.T, document string) (names []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
		}
	}
}
