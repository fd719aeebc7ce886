package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFuseTables: a table behind an operator that rounds its sums is part of it where nothing else
// reads what it makes, and the bytes are those of the plain loops.
func TestFuseTables(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	image := Spec{Shape: Shape{4, 3, 5}}
	table := func(g *Graph, v *Value, pixels bool) *Value {
		y := g.Add(QTable{Output: anyParams(r), Pixels: pixels}, v)
		fillRandom(r, y.Node)
		return y
	}
	for _, c := range []struct {
		name  string
		op    Op
		in    []Spec
		build func(g *Graph, v *Value) *Value
		want  []string // the operators from op on
	}{
		{"sum", QAdd{anyParams(r)}, []Spec{image, image}, nil, []string{"qadd", "qdequantize"}},
		{"sum with a value a channel", QAdd{anyParams(r)}, []Spec{image, {Shape: Flat(5)}}, nil, []string{"qadd", "qdequantize"}},
		{"sum with a value a position", QAdd{anyParams(r)}, []Spec{image, {Shape: Shape{4, 3, 1}}}, nil, []string{"qadd", "qdequantize"}},
		{"product", QMul{anyParams(r)}, []Spec{image, image}, nil, []string{"qmul", "qdequantize"}},
		{"product with a value an image", QMul{anyParams(r)}, []Spec{image, {Shape: Flat(1)}}, nil, []string{"qmul", "qdequantize"}},
		{"affine", QAffine{Shift: 20, Output: anyParams(r)}, []Spec{image}, nil, []string{"qaffine", "qdequantize"}},
		{"mean", QAverage[GlobalAvgPool]{Output: anyParams(r)}, []Spec{image}, nil, []string{"qglobalavgpool", "qdequantize"}},
		{"two tables", QAdd{anyParams(r)}, []Spec{image, image}, func(g *Graph, v *Value) *Value {
			return table(g, table(g, v, false), false)
		}, []string{"qadd", "qtable", "qdequantize"}},
		{"pixels", QAdd{anyParams(r)}, []Spec{image, image}, func(g *Graph, v *Value) *Value {
			return table(g, v, true)
		}, []string{"qadd", "qtable"}},
		{"two readers", QAdd{anyParams(r)}, []Spec{image, image}, func(g *Graph, v *Value) *Value {
			return g.Add(QMul{anyParams(r)}, table(g, v, false), v)
		}, []string{"qadd", "qtable", "qmul", "qdequantize"}},
		{"bytes that move", QMove[Slice]{Slice{Size: [3]int{4, 3, 5}}, anyParams(r)}, []Spec{image}, nil, []string{"qslice", "qtable", "qdequantize"}},
	} {
		g := &Graph{}
		y := onExtremes(t, r, g, c.op, c.in)
		if c.build == nil {
			y = table(g, y, false)
		} else {
			y = c.build(g, y)
		}
		if y.Type.Kind == Int8 {
			y = g.Add(QDequantize{}, y)
		}
		m, err := Assemble("t", g, y)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if kinds := kindsOf(m, mode{}); !slices.Equal(kinds[2*len(c.in):], c.want) {
			t.Errorf("%s: %v, want %v", c.name, kinds, c.want)
		}
		checkInt8(t, m, c.op)
	}
}

// onExtremes adds an operator of random parameters that reads bytes of all values.
func onExtremes(t *testing.T, r *rand.Rand, g *Graph, op Op, in []Spec) *Value {
	t.Helper()
	var x []*Value
	for _, s := range in {
		x = append(x, extremeBytes(r, g, s))
	}
	y := g.Add(op, x...)
	if g.err != nil {
		t.Fatal(op, g.err)
	}
	fillRandom(r, y.Node)
	return y
}
