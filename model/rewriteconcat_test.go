package model

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// stranger is an operator of another package: y = 2*x, in kernels that may not know windows.
type stranger struct{ Elementwise }

func (stranger) Kind() string                    { return "stranger" }
func (stranger) Lower(*Lowering) (Kernel, error) { return stranger{}, nil }
func (stranger) At(x float64) float64            { return 2 * x }
func (stranger) Derivative(_, _ float64) float64 { return 2 }
func (stranger) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		for c, v := range x[0].At(p, n) {
			if y.Row != y.C || x[0].Row != x[0].C {
				v = 0
			}
			y.At(p, n)[c] = 2 * v
		}
	}
}

// joinCase is a graph with Concats of an input of so many rows and columns, and the operators that
// run for one image.
type joinCase struct {
	name  string
	side  int
	build func(g *Graph, x *Value) []*Value
	want  string
}

func joinCases() []joinCase {
	conv := Conv2D{Filters: 16, Kernel: [2]int{3, 3}, Same: true, Bias: true}
	return []joinCase{
		{"two convolutions", 8, func(g *Graph, x *Value) []*Value {
			return []*Value{g.Add(Tanh{}, g.Add(Concat{}, g.Add(conv, x), g.Add(ReLU{}, g.Add(conv, x))))}
		}, "conv2d0 conv2d1+relu tanh4"},
		{"the shape of a U", 8, func(g *Graph, x *Value) []*Value {
			a := g.Add(BatchNorm{}, g.Add(conv, x))
			up := g.Add(Resize{H: 8, W: 8, Mode: ResizeBilinear, Coordinates: HalfPixel}, g.Add(conv, g.Add(MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, a)))
			return []*Value{g.Add(conv, g.Add(Concat{}, up, a))}
		}, "conv2d0+batchnorm maxpool2 conv2d3 resize4 conv2d6"},
		{"an input", 8, func(g *Graph, x *Value) []*Value {
			return []*Value{g.Add(Concat{}, x, g.Add(conv, x))}
		}, "conv2d0 concat1"},
		{"an output", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Concat{}, y, g.Add(Tanh{}, x)), y}
		}, "conv2d0 tanh1 concat2"},
		{"twice the same", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			return []*Value{g.Add(Concat{}, y, y)}
		}, "conv2d0 concat1"},
		{"in two", 8, func(g *Graph, x *Value) []*Value {
			y, z := g.Add(conv, x), g.Add(Tanh{}, x)
			return []*Value{g.Add(Concat{}, y, z), g.Add(Concat{}, z, y)}
		}, "conv2d0 tanh1 concat3"},
		{"one in another", 8, func(g *Graph, x *Value) []*Value {
			a := g.Add(Concat{}, g.Add(conv, x), g.Add(Tanh{}, x))
			b := g.Add(Concat{}, g.Add(Add{}, x, x), a, g.Add(conv, a))
			return []*Value{g.Add(Concat{}, b, g.Add(SiLU{}, b))}
		}, "conv2d0 tanh1 add3 conv2d4 silu6"},
		{"a reader that writes over what it reads", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(conv, x)
			z := g.Add(Tanh{}, y)
			return []*Value{g.Add(Sigmoid{}, g.Add(Concat{}, y, z)), g.Add(Sigmoid{}, z)}
		}, "conv2d0 tanh1 sigmoid3 sigmoid4"},
		{"what a convolution adds", 32, func(g *Graph, x *Value) []*Value {
			y, z := g.Add(conv, x), g.Add(Tanh{}, x)
			return []*Value{g.Add(Concat{}, g.Add(Add{}, z, g.Add(conv, y)), z, y)}
		}, "conv2d0 tanh1 conv2d2+add concat4"},
		{"operators of other packages", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(Tanh{}, x)
			return []*Value{g.Add(Concat{}, g.Add(stranger{}, x), g.Add(Sigmoid{}, x), y), g.Add(stranger{}, y)}
		}, "tanh0 stranger1 sigmoid2 concat3 stranger4"},
		{"views", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(Reshape{H: 4, W: 16, C: 16}, g.Add(conv, x))
			z := g.Add(Reshape{H: 4, W: 16, C: 16}, g.Add(Transpose{Perm: [3]int{0, 2, 1}}, g.Add(Tanh{}, x)))
			return []*Value{g.Add(Concat{}, y, z)}
		}, "conv2d0 tanh2 transpose3 reshape4"},
		{"readers of views", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(Tanh{}, x)
			z := g.Add(conv, g.Add(Reshape{H: 4, W: 16, C: 16}, y))
			return []*Value{g.Add(Concat{}, g.Add(Sigmoid{}, x), y), g.Add(Dense{Units: 7}, g.Add(Flatten{}, y)), z}
		}, "tanh0 conv2d2 sigmoid3 dense6"},
		{"vectors", 8, func(g *Graph, x *Value) []*Value {
			y := g.Add(Dense{Units: 5}, g.Add(Flatten{}, x))
			return []*Value{g.Add(Dense{Units: 3}, g.Add(Concat{}, y, g.Add(LayerNorm{}, g.Add(GlobalAvgPool{}, x))))}
		}, "dense1 globalavgpool2 layernorm3 dense5"},
	}
}

// TestJoinInPlace: what a Concat joins is written where it belongs if operators can do so, which
// changes no bit.
func TestJoinInPlace(t *testing.T) {
	for i, c := range joinCases() {
		g := &Graph{}
		x := g.Input("x", Shape{c.side, c.side, 16})
		m, err := FromGraph("t", g, c.build(g, x)...)
		if err != nil {
			t.Fatal(c.name, err)
		}
		randomize(m, 1)
		if ops := opsOf(t, m, Options{Batch: 1, Threads: 1}); ops != c.want {
			t.Errorf("%s: %s, want %s", c.name, ops, c.want)
		}
		in := normals(5*m.Input().Len(), 1)
		kernels := []*simd.Kernels{simd.Best()}
		if i < 2 {
			kernels = simd.Variants()
		}
		for _, k := range kernels {
			want := outputsOf(t, m, Options{Kernels: k, Threads: 1, Strict: true}, mode{int8: true}, in)
			for _, o := range []Options{{Batch: 1, Threads: 1}, {Batch: 1, Threads: 3}, {Batch: 5, Threads: 2}, {Strict: true, Threads: 1}} {
				o.Kernels = k
				checkOutputs(t, c.name, m, o, in, want)
			}
		}
	}
}

// opsOf lists the operators that a Session runs.
func opsOf(t *testing.T, m *Model, o Options) string {
	t.Helper()
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	for _, op := range s.Ops() {
		names = append(names, op.Name)
	}
	return strings.Join(names, " ")
}

// TestJoinManyImages: where Winograd's algorithm takes many images at a time, convolutions write
// rows that lie side by side.
func TestJoinManyImages(t *testing.T) {
	c := joinCases()[0]
	g := &Graph{}
	m, err := FromGraph("t", g, c.build(g, g.Input("x", Shape{8, 8, 16}))...)
	if err != nil {
		t.Fatal(err)
	}
	if ops := opsOf(t, m, Options{Batch: 16, Threads: 1}); !strings.Contains(ops, "concat") {
		t.Error(ops)
	}
	if ops := opsOf(t, m, Options{Batch: 16, Threads: 1, Strict: true}); strings.Contains(ops, "concat") {
		t.Error(ops)
	}
}

// TestJoinInt8: bytes are written where they belong if they are in the steps of the output, else
// copied by a table; the plain loops give the same ones.
func TestJoinInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	same, other := anyParams(r), anyParams(r)
	for i, steps := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		g := &Graph{}
		x := extremeBytes(r, g, Spec{Shape: Shape{6, 5, 3}})
		var parts []*Value
		for k, agrees := range steps {
			out := other
			if agrees {
				out = same
			}
			y := g.Add([]Op{QAdd{out}, QTable{Output: out}}[k], []*Value{x, x}[:2-k]...)
			fillRandom(r, y.Node)
			parts = append(parts, y)
		}
		concat := QMove[Concat]{Output: same}
		joined := g.Add(concat, parts...)
		top := g.Add(QMaxPool{MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}}}, parts[i%2])
		m, err := Assemble("t", g, g.Add(QDequantize{}, g.Add(concat, joined, top)))
		if err != nil {
			t.Fatal(err)
		}
		ops := opsOf(t, m, Options{Threads: 1})
		if want := !(steps[0] && steps[1]); strings.Contains(ops, "concat") != want {
			t.Errorf("%v: %s", steps, ops)
		}
		checkInt8(t, m, concat)
	}
}
