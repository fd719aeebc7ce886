package model

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/simd"
)

// branchedNet is a graph of an image and a class in which values have several readers, operators
// read one value twice, and every operator of several inputs, positions and channels occurs.
func branchedNet(t testing.TB) *Model {
	g := &Graph{}
	x, class := g.Input("x", Shape{4, 6, 3}), g.Class("class", 5)
	three := [2]int{3, 3}
	a := g.Add(Conv2D{Filters: 8, Kernel: three, Same: true, Bias: true}, x)
	b := g.Add(LeakyReLU{Slope: 0.2}, a)
	up := g.Add(Resize{H: 8, W: 12, Mode: ResizeNearest, Coordinates: Asymmetric}, b)
	c := g.Add(Conv2D{Filters: 6, Kernel: three, Same: true}, up)
	pooled := g.Add(MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, b)
	wide := g.Add(Resize{H: 8, W: 12, Mode: ResizeBilinear, Coordinates: HalfPixel}, pooled)
	shuffled := g.Add(PixelShuffle{Factor: 2}, b)
	joined := g.Add(Concat{}, c, wide, shuffled) // 8x12x16
	gate := g.Add(Sigmoid{}, g.Add(Embedding{Dim: 16}, class))
	gated := g.Add(Mul{}, joined, gate)
	twice := g.Add(Add{}, g.Add(Mul{}, gated, gated), g.Add(Add{}, joined, joined))
	attention := g.Add(Softmax{}, g.Add(Slice{From: [3]int{0, 0, 3}, Size: [3]int{8, 12, 1}}, twice))
	turned := g.Add(Transpose{Perm: [3]int{1, 2, 0}}, g.Add(Slice{Size: [3]int{8, 12, 5}}, g.Add(Mul{}, twice, attention))) // 12x5x8
	padded := g.Add(Pad{Pad: [4]int{0, 0, 1, 2}, Mode: PadReflect}, turned)                                                 // 12x8x8
	small := g.Add(AvgPool{Kernel: [2]int{3, 2}, Stride: [2]int{3, 2}}, padded)                                             // 4x4x8
	mean := g.Add(GlobalAvgPool{}, small)
	sum := g.Add(Add{}, small, mean)
	y := g.Add(Dense{Units: 3, Bias: true}, g.Add(Flatten{}, g.Add(ReLU{}, sum)))
	m, err := FromGraph("branched", g, y, g.Add(Tanh{}, joined))
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 5)
	return m
}

func classesOf(n, classes int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i * i % classes)
	}
	return list
}

// TestBranchedSession: the same bits for any batch, chunk and number of threads, and nearly so with
// nothing fused or rewritten.
func TestBranchedSession(t *testing.T) {
	m := branchedNet(t)
	const n = 37
	x, class := normals(n*m.Input().Len(), 1), classesOf(n, 5)
	run := func(o Options, md mode, step int) (y [2][]float32) {
		s, err := m.newSession(o, md)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i, v := range m.Outputs() {
			y[i] = make([]float32, n*v.Shape.Len())
		}
		for lo := 0; lo < n; lo += step {
			hi := min(lo+step, n)
			f := Feed{In: []Data{{Floats: x[lo*m.Input().Len() : hi*m.Input().Len()]}, {Classes: class[lo:hi]}}}
			for i, v := range m.Outputs() {
				f.Out = append(f.Out, Data{Floats: y[i][lo*v.Shape.Len() : hi*v.Shape.Len()]})
			}
			if err := s.RunFeed(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		return y
	}
	var fused [2][]float32
	for _, k := range simd.Variants() {
		plain := run(Options{Kernels: k, Threads: 1, Strict: true}, mode{plain: true}, n)
		first := run(Options{Kernels: k, Threads: 1, Strict: true}, mode{}, n)
		for _, c := range []struct{ batch, threads, step int }{{1, 1, 1}, {1, 3, 1}, {0, 3, n}, {5, 2, 5}, {2, 4, 2}} {
			y := run(Options{Kernels: k, Batch: c.batch, Threads: c.threads, Strict: true}, mode{}, c.step)
			for i := range y {
				if !equalBits(y[i], first[i]) {
					t.Errorf("%s, %+v: output %d: the bits differ", k.Name, c, i)
				}
			}
		}
		if k.FMA && fused[0] == nil {
			fused = first
		}
		for i := range first {
			if k.FMA && !equalBits(first[i], fused[i]) {
				t.Errorf("%s: output %d: the bits differ from another row's", k.Name, i)
			}
			checkClose(t, k.Name+": rewritten", first[i], widen(plain[i]), bound)
		}
	}
}

// TestBranchedPass: the same bits for any number of threads; chunks of images make a difference to
// sums over images only.
func TestBranchedPass(t *testing.T) {
	m := branchedNet(t)
	const n = 128 + 64 // chunks of 96
	x, class := normals(n*m.Input().Len(), 1), classesOf(n, 5)
	run := func(o PassOptions, md mode) (r result) {
		o.Batch, o.InputGrad = n, true
		md.training = true
		p, err := m.newPass(o, md)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		in, buf := p.Input()
		in.Import(buf, x)
		copy(p.Classes(1), class)
		var douts [][]float32
		for range 2 { // the second time over what the first has left
			p.Forward(1)
			douts, r = nil, result{}
			for i, v := range m.Outputs() {
				at, y := p.OutputAt(i)
				r.y = append(r.y, exported(at, y)...)
				dy := make([]float32, at.Len())
				at.Import(dy, normals(n*v.Shape.Len(), uint64(2+i)))
				douts = append(douts, dy)
			}
			p.BackwardAll(douts, nil, 0)
		}
		at, dx := p.InputGrad()
		r.dx = exported(at, dx)
		for _, g := range p.Grads() {
			r.grads = append(r.grads, &Param{Name: g.Name, Data: slices.Clone(g.Data)})
		}
		return r
	}
	var fused *result
	for _, k := range simd.Variants() {
		first := run(PassOptions{Kernels: k, Threads: 1, Strict: true}, mode{})
		if k.FMA && fused == nil {
			fused = &first
		}
		if k.FMA {
			first.same(t, k.Name+" and another row", *fused)
		}
		for _, threads := range []int{2, 3} {
			run(PassOptions{Kernels: k, Threads: threads, Strict: true}, mode{}).same(t, fmt.Sprint(k.Name, ", ", threads, " threads"), first)
		}
		whole := run(PassOptions{Kernels: k, Threads: 2, Strict: true}, mode{whole: true})
		if !equalBits(whole.y, first.y) || !equalBits(whole.dx, first.dx) {
			t.Errorf("%s: chunks make a difference", k.Name)
		}
		for i, g := range first.grads {
			checkClose(t, k.Name+": "+g.Name, g.Data, widen(whole.grads[i].Data), bound)
		}
	}
}

// TestBranchedAllocations: a step and a Run allocate nothing.
func TestBranchedAllocations(t *testing.T) {
	m := branchedNet(t)
	const n = 4
	p, err := m.NewPass(PassOptions{Batch: n, Threads: 2, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	douts := make([][]float32, 2)
	for i := range douts {
		at, _ := p.OutputAt(i)
		douts[i] = make([]float32, at.Len())
	}
	step := func() {
		p.Forward(1)
		p.BackwardAll(douts, nil, 0)
	}
	if n := alloctest.PerRun(step); n != 0 {
		t.Errorf("%d allocations a step", n)
	}
	s, err := m.NewSession(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := Feed{In: []Data{{Floats: normals(n*m.Input().Len(), 1)}, {Classes: classesOf(n, 5)}}, Out: make([]Data, 2)}
	for i, v := range m.Outputs() {
		f.Out[i].Floats = make([]float32, n*v.Shape.Len())
	}
	run := func() {
		if err := s.RunFeed(context.Background(), f); err != nil {
			t.Fatal(err)
		}
	}
	if n := alloctest.PerRun(run); n != 0 {
		t.Errorf("%d allocations a Run", n)
	}
}
