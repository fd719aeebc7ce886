package model

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// activations are all that are not fused, with attributes that no default gives.
func activations() []Op {
	return []Op{
		PReLU{}, ELU{Alpha: 0.7}, SELU{}, GELU{}, GELU{Tanh: true}, SiLU{}, Softplus{}, HardSigmoid{}, HardSwish{},
		Clip{Min: -0.6, Max: 0.9}, Mish{}, Tanh{}, Sigmoid{},
	}
}

// activationNets are each activation alone, on images and vectors, and between operators that keep
// or fuse what it reads and writes.
func activationNets() (list []testNet) {
	for _, o := range activations() {
		name := o.Kind()
		list = append(list,
			testNet{name + " of images", Shape{3, 2, 5}, []Op{o}},
			testNet{name + " in a chain", Shape{4, 3, 2}, []Op{
				Conv2D{Filters: 3, Kernel: [2]int{3, 2}, Same: true, Bias: true}, o, Dropout{Rate: 0.3}, o, Conv2D{Filters: 2, Kernel: [2]int{2, 2}}, BatchNorm{}, o,
			}},
			testNet{name + " of a vector in another layout", Flat(4), []Op{
				Dense{Units: 12, Bias: true}, o, Reshape{2, 2, 3}, Tanh{}, Flatten{}, o, Dense{Units: 3},
			}})
	}
	return append(list,
		testNet{"dropout after flatten", Shape{3, 2, 5}, []Op{Flatten{}, Dropout{Rate: 0.4}, Dense{Units: 7}}},
		testNet{"dropout before reshape", Flat(5), []Op{Dense{Units: 24}, Tanh{}, Dropout{Rate: 0.4}, Reshape{2, 3, 4}, Conv2D{Filters: 2, Kernel: [2]int{2, 2}}}})
}

// images computes what treats every image alike.
func (p *plainNet) images(l LayerInfo, x []float64, n int) []float64 {
	y := make([]float64, n*l.Out.Shape.Len())
	in, out := l.In[0].Shape.Len(), l.Out.Shape.Len()
	var params [][]float64
	for _, q := range l.Params {
		params = append(params, p.params[q.Name])
	}
	for k := range n {
		reference(l.Op, y[k*out:][:out], [][]float64{x[k*in:][:in]}, params, l.In)
	}
	return y
}

// reference computes one image by whichever rule the operator has.
func reference(o Op, y []float64, x, p [][]float64, in []Spec) {
	switch o := o.(type) {
	case Referencer:
		o.Reference(y, x, p, in)
	case Pointwise:
		for i, v := range x[0] {
			y[i] = o.At(v)
		}
	default:
		panic("no reference for " + o.Kind())
	}
}

// TestReferences: at inference every operator's Reference gives what the plain networks of these
// tests give.
func TestReferences(t *testing.T) {
	const n = 2
	for _, m := range smallNets(t) {
		p := newPlain(m)
		x := widen(normals(n*m.Input().Len(), 5))
		for i, l := range m.Layers() {
			y, other := p.layer(i, l, x, n), p.images(l, x, n)
			for j := range y {
				if !(math.Abs(y[j]-other[j]) < 1e-11) {
					t.Fatalf("%s, %s: value %d is %v, want %v", m.Name, l.Name, j, other[j], y[j])
				}
			}
			x = y
		}
	}
}

// TestDerivatives compares each activation's derivative with central differences, also where
// exponential functions overflow.
func TestDerivatives(t *testing.T) {
	for _, o := range activations() {
		p, ok := o.(Pointwise)
		if !ok {
			continue
		}
		for _, x := range []float64{-800, -150, -45, -17, -6, -2.5, -1, -0.55, -1e-3, 1e-3, 0.3, 0.85, 1.1, 2.9, 3.1, 6, 17, 45, 150, 800} {
			const h = 1e-6
			y := p.At(x)
			want, got := (p.At(x+h)-p.At(x-h))/(2*h), p.Derivative(x, y)
			if !(math.Abs(got-want) < 1e-7) || math.IsInf(y, 0) {
				t.Errorf("%s at %v: y = %v, derivative %v, want %v", o.Kind(), x, y, got, want)
			}
		}
		if y := p.At(math.NaN()); !math.IsNaN(y) {
			t.Errorf("%s of NaN is %v", o.Kind(), y)
		}
	}
}

// TestTangents: for piecewise linear operators, Tangent is the product of the Jacobian and a
// vector.
func TestTangents(t *testing.T) {
	const n = 3
	s := Shape{2, 3, 5}
	for _, o := range []Op{PReLU{}, HardSigmoid{}, Clip{Min: -0.6, Max: 0.9}, LeakyReLU{Slope: 0.2}, ReLU{}} {
		m, err := New(o.Kind(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 4)
		node := m.graph.Nodes[0]
		l := node.lowering(n, simd.Best())
		lowered, err := lowerTraining(o, l)
		if err != nil {
			t.Fatal(err)
		}
		x, y, tx, ty := tensor(l.In[0], 1), tensor(l.Out, 0), tensor(l.In[0], 2), tensor(l.Out, 0)
		w := &Worker{Of: 1, Kernels: simd.Best()}
		all := Share{N1: n}
		lowered.Forward(w, y, []Tensor{x}, all)
		lowered.(TangentKernel).Tangent(w, ty, []Tensor{tx}, []Tensor{x}, y, all)

		ref := newPlain(m)
		shifted := func(h float64) []float64 {
			v := widen(exported(x.Layout, x.F))
			for i, d := range exported(tx.Layout, tx.F) {
				v[i] += h * float64(d)
			}
			return ref.forward(v, n)
		}
		const h = 1e-6
		want := shifted(h)
		for i, v := range shifted(-h) {
			want[i] = (want[i] - v) / (2 * h)
		}
		checkClose(t, o.Kind(), exported(ty.Layout, ty.F), want, bound)
	}
	for _, o := range []Op{GELU{}, HardSwish{}, ELU{Alpha: 1}} {
		m, err := New(o.Kind(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.NewPass(PassOptions{Batch: 1, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.nodes[0].kernel.(TangentKernel); ok {
			t.Errorf("%s has a tangent", o.Kind())
		}
		p.Close()
	}
}

// tensor makes a value in memory, of random numbers unless seed is 0.
func tensor(l conv.Layout, seed uint64) Tensor {
	t := Tensor{Layout: l, F: make([]float32, l.Len())}
	if seed != 0 {
		copy(t.F, normals(len(t.F), seed))
	}
	return t
}

// TestWindows: operators take windows of wider rows, and shares of images or positions give the
// bits of the whole.
func TestWindows(t *testing.T) {
	const n = 5
	s := Shape{3, 2, 6}
	norms := []Op{InstanceNorm{}, GroupNorm{Groups: 2}, LayerNorm{}, PixelNorm{}, ConditionalBatchNorm{}}
	for _, o := range slices.Concat(activations(), norms) {
		g := &Graph{}
		in := []*Value{g.Input("x", s)}
		if _, ok := o.(ConditionalBatchNorm); ok {
			in = append(in, g.Class("class", 3))
		}
		m, err := FromGraph(o.Kind(), g, g.Add(o, in...))
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 4)
		l := m.graph.Nodes[0].lowering(n, simd.Best())
		k, err := lower(m.graph.Nodes[0].Op, l)
		if err != nil {
			t.Fatal(err)
		}
		classes := Tensor{Class: []int32{2, 0, 1, 1, 0}}
		w := newScratchWorker(k)
		x, want := tensor(l.In[0], 1), tensor(l.Out, 0)
		k.Forward(w, want, []Tensor{x, classes}, Share{N1: n, Count: 1})
		wide := conv.Layout{H: s.H, W: s.W, C: s.C, N: n, Row: s.C + 3, Stride: n*(s.C+3) + 1}
		from := tensor(wide, 0)
		wide.Import(from.F, exported(x.Layout, x.F))
		for _, parts := range []int{1, 2, 3, 7} {
			for name, x := range map[string]Tensor{"dense": x, "window": from} {
				for _, out := range []conv.Layout{l.Out, wide} {
					y := tensor(out, 0)
					for part := range parts {
						k.Forward(w, y, []Tensor{x, classes}, Share{N0: 0, N1: 2, Index: part, Count: parts})
						k.Forward(w, y, []Tensor{x, classes}, Share{N0: 2, N1: n, Index: part, Count: parts})
					}
					if !equalBits(exported(out, y.F), exported(want.Layout, want.F)) {
						t.Errorf("%s: other bits from %s, %d parts, rows of %d", o.Kind(), name, parts, out.Row)
					}
				}
			}
		}
	}
}

// newScratchWorker makes a worker with room for k.
func newScratchWorker(k Kernel) *Worker {
	w := []Worker{{Of: 1, Kernels: simd.Best()}}
	floats, doubles := scratchOf(k, 0, 0)
	makeScratch(w, floats, doubles)
	return &w[0]
}

// TestPReLUStart: slopes start at 0.25, with Init and without.
func TestPReLUStart(t *testing.T) {
	m, err := New("m", Flat(3), PReLU{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if p := m.Params()[0]; p.Name != "prelu0.slope" || !slices.Equal(p.Data, []float32{0.25, 0.25, 0.25}) {
			t.Errorf("%s = %v", p.Name, p.Data)
		}
		m.Init(1, GlorotUniform)
	}
	s, err := m.NewSession(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := make([]float32, 3)
	if err := s.RunContext(context.Background(), y, []float32{-4, 0, 2}); err != nil || !slices.Equal(y, []float32{-1, 0, 2}) {
		t.Errorf("y = %v, %v", y, err)
	}
}
