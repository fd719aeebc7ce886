package model

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// linesOf writes a graph's nodes with what they read.
func linesOf(g GraphInfo) []string {
	var lines []string
	for _, n := range g.Nodes {
		lines = append(lines, strings.Join(append([]string{n.Name}, n.Fused...), "+")+" "+strings.Join(n.Inputs, ","))
	}
	return lines
}

func TestRewritten(t *testing.T) {
	fold, fuse, drop := "fold BatchNorm", "fuse activations", "drop what does nothing"
	vectors, views := "lay out vectors as their readers want them", "reshape without moving"
	for _, c := range []struct {
		m        *Model
		training bool
		lines    []string
		changed  []string
	}{
		{m: Generator(Config{Width: 2}), lines: []string{
			"dense0+batchnorm1+leakyrelu2 x", "convtranspose2d4+batchnorm5+leakyrelu6 dense0",
			"convtranspose2d7+batchnorm8+leakyrelu9 convtranspose2d4", "convtranspose2d10 convtranspose2d7", "tanh11 convtranspose2d10",
		}, changed: []string{vectors, views, fold, fuse}},
		{m: Discriminator(Config{Width: 2}), lines: []string{
			"conv2d0+leakyrelu1 x", "conv2d3+leakyrelu4 conv2d0", "dense7 conv2d3",
		}, changed: []string{drop, views, fuse}},
		{m: Discriminator(Config{Width: 2}), training: true, lines: []string{
			"conv2d0+leakyrelu1 x", "dropout2 conv2d0", "conv2d3+leakyrelu4 dropout2", "dropout5 conv2d3", "dense7 dropout5",
		}, changed: []string{views, fuse}},
	} {
		g, changed := c.m.Rewritten(c.training)
		if lines := linesOf(g); !slices.Equal(lines, c.lines) {
			t.Errorf("%s: %q, want %q", c.m.Name, lines, c.lines)
		}
		if !slices.Equal(changed, c.changed) {
			t.Errorf("%s: changed by %q, want %q", c.m.Name, changed, c.changed)
		}
		if last := g.Nodes[len(g.Nodes)-1].Name; !slices.Equal(g.Outputs, []string{last}) {
			t.Errorf("%s: outputs %q, want %s", c.m.Name, g.Outputs, last)
		}
	}
}

// TestRewrittenMemory: the dense layer of the generator writes its vector as the image that it
// becomes.
func TestRewrittenMemory(t *testing.T) {
	m := Generator(Config{Width: 2})
	if l := m.Graph().Nodes[0]; l.Memory != Flat(392) || l.Fused != nil {
		t.Errorf("as it is: %+v", l)
	}
	g, _ := m.Rewritten(false)
	if l := g.Nodes[0]; l.Memory != (Shape{7, 7, 8}) || l.Out.Shape != Flat(392) {
		t.Errorf("rewritten: %+v", l)
	}
}

func TestRewrittenBranches(t *testing.T) {
	g := &Graph{}
	z := g.Input("z", Flat(4))
	a := g.Add(Dense{Units: 6}, z)
	b := g.Add(Tanh{}, g.Add(Dense{Units: 6}, z))
	joined := g.Add(Concat{}, a, b)
	m, err := FromGraph("branches", g, g.Add(Tanh{}, g.Add(Dense{Units: 3}, joined)))
	if err != nil {
		t.Fatal(err)
	}
	info, _ := m.Rewritten(false)
	want := []string{"dense0 z", "dense1 z", "tanh2 dense1", "concat3 dense0,tanh2", "dense4 concat3", "tanh5 dense4"}
	if lines := linesOf(info); !slices.Equal(lines, want) || len(info.Inputs) != 1 || info.Inputs[0].Name != "z" {
		t.Errorf("%q of %v, want %q", lines, info.Inputs, want)
	}
}

func TestRewrittenInt8(t *testing.T) {
	q, _, err := Generator(Config{Width: 2}).Quantize(context.Background(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	g, _ := q.Rewritten(false)
	if last := g.Nodes[len(g.Nodes)-1]; last.Out.Type.Kind != Pixel || last.Op.Kind() != "qlinear" {
		t.Errorf("%q", linesOf(g))
	}
}
