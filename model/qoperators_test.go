package model

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// anyParams are steps of a scale not far from 1/16.
func anyParams(r *rand.Rand) quant.Params {
	zeros := []int32{-128, 127, 0, int32(r.IntN(256)) - 128}
	return quant.Params{Scale: float32(math.Ldexp(1+r.Float64(), r.IntN(3)-5)), Zero: zeros[r.IntN(4)]}
}

// bytesForm returns the int8 operator of a float32 one, nil if that is another's.
func bytesForm(r *rand.Rand, o Op) Op {
	out := anyParams(r)
	switch o := o.(type) {
	case Add:
		return QAdd{out}
	case Mul:
		return QMul{out}
	case Concat:
		return QMove[Concat]{o, out}
	case Slice:
		return QMove[Slice]{o, out}
	case Pad:
		if o.Mode == PadZero {
			o.Value = []float32{-128, 127, 3}[r.IntN(3)]
		}
		return QMove[Pad]{o, out}
	case Transpose:
		return QMove[Transpose]{o, out}
	case PixelShuffle:
		return QMove[PixelShuffle]{o, out}
	case Resize:
		if o.Mode == ResizeNearest {
			return QMove[nearestResize]{nearestResize{o}, out}
		}
		return QAverage[bilinearResize]{bilinearResize{o}, out}
	case AvgPool:
		return QAverage[AvgPool]{o, out}
	case GlobalAvgPool:
		return QAverage[GlobalAvgPool]{o, out}
	case MaxPool:
		return QMaxPool{o}
	case Embedding:
		return QEmbedding{o.Dim, out}
	case Reshape:
		return QReshape(o)
	case Flatten:
		return nil
	case BatchNorm, PReLU, ConditionalBatchNorm:
		return QAffine{Shift: 8 + r.IntN(20), Output: out, Features: r.IntN(2) == 0}
	case InstanceNorm, LayerNorm, PixelNorm, GroupNorm:
		q := QNorm{From: o.Kind(), Epsilon: math.Ldexp(r.Float64(), -r.IntN(30)), Shift: 1 + r.IntN(40), Slope: []float32{1, 0.25, 0}[r.IntN(3)], Output: out}
		if g, ok := o.(GroupNorm); ok {
			q.Groups = g.Groups
		}
		return q
	case Tanh:
		return QTable{Output: out}
	case ReLU:
		return QTable{Pixels: true}
	}
	return nil
}

// more are inputs of int8 operators that no entry of operatorTests gives.
var more = []func(r *rand.Rand) (Op, []Spec){
	func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		return QAffine{Shift: 1 + r.IntN(40), Output: anyParams(r)}, []Spec{in, {Shape: Flat(1), Type: Type{Kind: Class, Classes: 4}}}
	},
	func(r *rand.Rand) (Op, []Spec) { // a view, and one that moves
		in := anyShape(r)
		return QReshape{in.Shape.W, in.Shape.H, in.Shape.C}, []Spec{in}
	},
	func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		return QReshape{in.Shape.C, in.Shape.W, in.Shape.H}, []Spec{in}
	},
	func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		return QReshape{1, 1, in.Shape.Len()}, []Spec{in}
	},
	func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		g := conv.Same(in.Shape.H, in.Shape.W, in.Shape.C, 1+r.IntN(9), 3, 1, false)
		return QLinear{From: "conv2d", Geometry: g, Slope: r.Float32(), Output: anyParams(r)}, []Spec{in}
	},
	func(r *rand.Rand) (Op, []Spec) { // more channels than are worked on at a time
		in := Floats(Shape{1, 1 + r.IntN(3), 2 * (normChannels - 1 + r.IntN(3))})
		from := []string{"instancenorm", "layernorm", "pixelnorm", "groupnorm"}[r.IntN(4)]
		q := QNorm{From: from, Epsilon: 1e-5, Shift: 10 + r.IntN(20), Slope: 1, Output: anyParams(r)}
		if from == "groupnorm" {
			q.Groups = 2
		}
		return q, []Spec{in}
	},
	func(r *rand.Rand) (Op, []Spec) { return QTable{Output: anyParams(r)}, []Spec{anyShape(r)} },
	func(r *rand.Rand) (Op, []Spec) { return QTable{Pixels: true}, []Spec{anyShape(r)} },
}

// fillRandom gives parameters values of every size that an operator takes.
func fillRandom(r *rand.Rand, n *Node) {
	for _, p := range n.Params {
		p.allocate()
		for i := range p.Int8 {
			p.Int8[i] = int8(max(-127, r.IntN(256)-128))
		}
		most := 1 << 17
		if strings.HasSuffix(p.Name, "weight") {
			most = 1<<affineBits + 1
		}
		for i := range p.Int32 {
			p.Int32[i] = int32(r.IntN(2*most-1) - most + 1)
		}
		for i := range p.Data {
			p.Data[i] = r.Float32() / 4096
		}
	}
}

// extremeBytes adds a value of random bytes, the extreme ones among them, that follows from an
// input.
func extremeBytes(r *rand.Rand, g *Graph, s Spec) *Value {
	x := g.Input(fmt.Sprint("x", len(g.Inputs)), s.Shape)
	t := g.Add(QTable{Output: anyParams(r)}, g.Add(QLatents{Step: 8192}, x))
	table := make([]int8, 256)
	for i := range table {
		if table[i] = int8(r.IntN(256) - 128); r.IntN(4) == 0 {
			table[i] = []int8{-128, 127}[r.IntN(2)]
		}
	}
	t.Node.Params[0].Int8 = table
	return t
}

// int8Graph is a graph of one int8 operator on random bytes, nil if the operator refuses them.
func int8Graph(t *testing.T, r *rand.Rand, o Op, in []Spec) *Model {
	g := &Graph{}
	var values []*Value
	for _, s := range in {
		if s.Type.Kind == Class {
			values = append(values, g.Class("class", s.Type.Classes))
			continue
		}
		values = append(values, extremeBytes(r, g, s))
	}
	y := g.Add(o, values...)
	if g.err != nil {
		t.Fatal(g.err)
	}
	fillRandom(r, y.Node)
	if y.Type.Kind == Int8 {
		y = g.Add(QDequantize{}, y)
	}
	m, err := Assemble("one", g, y)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestInt8Operators holds every int8 operator to its plain loops, in sessions of all kinds.
func TestInt8Operators(t *testing.T) {
	seen := map[string]bool{"qlatents": true, "qdequantize": true}
	r := rand.New(rand.NewPCG(1, 2))
	check := func(o Op, in []Spec) {
		m := int8Graph(t, r, o, in)
		seen[o.Kind()] = true
		checkInt8(t, m, o)
	}
	for range 6 {
		for _, c := range operatorTests {
			o, in := c.make(r)
			if d, ok := o.(defaulter); ok {
				o = d.withDefaults()
			}
			if q := bytesForm(r, o); q != nil {
				check(q, in)
			}
		}
		for _, c := range more {
			check(c(r))
		}
	}
	for _, kind := range Kinds() {
		if strings.HasPrefix(kind, "q") && !seen[kind] {
			t.Errorf("nothing tests the operator %q", kind)
		}
	}
}

func checkInt8(t *testing.T, m *Model, o Op) {
	t.Helper()
	const n = 19
	var f Feed
	for i, v := range m.Inputs() {
		if v.Type.Kind == Class {
			f.In = append(f.In, Data{Classes: classesOf(n, v.Type.Classes)})
			continue
		}
		f.In = append(f.In, Data{Floats: make([]float32, n*v.Shape.Len())})
		Latents(f.In[i].Floats, v.Shape.Len(), 3, i*n)
	}
	size := m.Output().Len()
	var want []float32
	for k := range n {
		var z []float32
		var class []int32
		for i, v := range m.Inputs() {
			if v.Type.Kind == Class {
				class = append(class, f.In[i].Classes[k])
			} else {
				z = append(z, f.In[i].Floats[k*v.Shape.Len():][:v.Shape.Len()]...)
			}
		}
		y := make([]float32, size)
		if err := m.ExactFloats([][]float32{y}, z, class...); err != nil {
			t.Fatal(err)
		}
		want = append(want, y...)
	}
	for _, k := range simd.Variants() {
		for _, threads := range []int{1, 3, n + 2} {
			s, err := m.NewSession(Options{Threads: threads, Kernels: k})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, len(want))
			f.Out = []Data{{Floats: got}}
			err = s.RunFeed(context.Background(), f)
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v (%s), %s, %d threads: other bytes", o, o.Kind(), k.Name, threads)
			}
		}
	}
}
