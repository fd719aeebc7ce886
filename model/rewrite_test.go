package model

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// additionCase is a graph with additions, of an input of so many rows and columns, and the
// operators that a program of it runs.
type additionCase struct {
	name  string
	side  int
	build func(g *Graph, x *Value) []*Value
	want  []string
}

func additionCases() []additionCase {
	conv := Conv2D{Filters: 16, Kernel: [2]int{3, 3}, Same: true, Bias: true}
	return []additionCase{
		{"input", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(LeakyReLU{Slope: 0.2}, g.Add(Add{}, x, g.Add(conv, x)))
			return []*Value{g.Add(Add{}, g.Add(conv, y), y)}
		}, []string{"conv2d", "conv2d"}},
		{"two convolutions", 32, func(g *Graph, x *Value) []*Value {
			y, z := g.Add(conv, x), g.Add(conv, x)
			return []*Value{g.Add(ReLU{}, g.Add(Add{}, z, y))}
		}, []string{"conv2d", "conv2d"}},
		{"several readers of the other term", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(Tanh{}, x)
			return []*Value{g.Add(Mul{}, g.Add(Add{}, y, g.Add(conv, y)), y), y}
		}, []string{"tanh", "conv2d", "mul"}},
		{"several readers of the sums", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Mul{}, g.Add(Add{}, x, y), y)}
		}, []string{"conv2d", "add", "mul"}},
		{"sums that are an output", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Add{}, x, y), y}
		}, []string{"conv2d", "add"}},
		{"other term made later", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Add{}, y, g.Add(Tanh{}, x))}
		}, []string{"conv2d", "tanh", "add"}},
		{"twice the same", 32, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Add{}, y, y)}
		}, []string{"conv2d", "add"}},
		{"activation between", 32, func(g *Graph, x *Value) []*Value {
			return []*Value{g.Add(Add{}, x, g.Add(ReLU{}, g.Add(conv, x)))}
		}, []string{"conv2d", "add"}},
		{"small", 8, func(g *Graph, x *Value) []*Value {
			return []*Value{g.Add(Add{}, x, g.Add(conv, x))}
		}, []string{"conv2d", "add"}},
	}
}

// TestFuseAdditions: an addition to a convolution's output is part of it where it can be, and
// changes no bit.
func TestFuseAdditions(t *testing.T) {
	for _, c := range additionCases() {
		g := &Graph{}
		x := g.Input("x", Shape{c.side, c.side, 16})
		m, err := FromGraph("t", g, c.build(g, x)...)
		if err != nil {
			t.Fatal(c.name, err)
		}
		randomize(m, 1)
		if kinds := kindsOf(m, mode{}); !slices.Equal(kinds, c.want) {
			t.Errorf("%s: %v, want %v", c.name, kinds, c.want)
		}
		if kinds := kindsOf(m, mode{int8: true}); !slices.Contains(kinds, "add") {
			t.Errorf("%s, for an int8 model: %v", c.name, kinds)
		}
		in := normals(3*m.Input().Len(), 1)
		kernels := []*simd.Kernels{simd.Best()}
		if c.name == "two convolutions" {
			kernels = simd.Variants()
		}
		for _, k := range kernels {
			want := outputsOf(t, m, Options{Kernels: k, Threads: 1}, mode{int8: true}, in)
			for _, o := range []Options{{Kernels: k, Threads: 1}, {Kernels: k, Threads: 4}, {Kernels: k, Batch: 1, Threads: 1}} {
				checkOutputs(t, c.name, m, o, in, want)
			}
		}
	}
}

// checkOutputs compares a Session's outputs with want, to the bit.
func checkOutputs(t *testing.T, name string, m *Model, o Options, in []float32, want [][]float32) {
	t.Helper()
	for i, y := range outputsOf(t, m, o, mode{}, in) {
		if !equalBits(y, want[i]) {
			t.Errorf("%s on %s, %d threads, batches of %d: output %d has other bits", name, o.Kernels.Name, o.Threads, o.Batch, i)
		}
	}
}

// outputsOf is outputOf of all outputs.
func outputsOf(t testing.TB, m *Model, o Options, md mode, x []float32) [][]float32 {
	t.Helper()
	s, err := m.newSession(o, md)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := Feed{In: []Data{{Floats: x}}}
	list := make([][]float32, len(m.graph.Outputs))
	for i, v := range m.graph.Outputs {
		list[i] = make([]float32, len(x)/m.Input().Len()*v.Shape.Len())
		f.Out = append(f.Out, Data{Floats: list[i]})
	}
	if err := s.RunFeed(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return list
}

// BenchmarkResidual: a block of two convolutions, with the addition as a node of its own and as a
// part of the second one.
func BenchmarkResidual(b *testing.B) {
	for _, s := range []Shape{{28, 28, 32}, {28, 28, 64}} {
		conv := Conv2D{Filters: s.C, Kernel: [2]int{3, 3}, Same: true, Bias: true}
		g := &Graph{}
		x := g.Input("x", s)
		m, err := FromGraph("t", g, g.Add(ReLU{}, g.Add(Add{}, x, g.Add(conv, g.Add(ReLU{}, g.Add(conv, x))))))
		if err != nil {
			b.Fatal(err)
		}
		randomize(m, 1)
		for _, n := range []int{1, 16} {
			for _, apart := range []bool{true, false} {
				b.Run(fmt.Sprintf("%v/batch=%d/apart=%v", s, n, apart), func(b *testing.B) {
					session, err := m.newSession(Options{Batch: n, Threads: 1}, mode{int8: apart})
					if err != nil {
						b.Fatal(err)
					}
					defer session.Close()
					x, y := normals(n*s.Len(), 1), make([]float32, n*s.Len())
					for b.Loop() {
						if err := session.Run(y, x); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
