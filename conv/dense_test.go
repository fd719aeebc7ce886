package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// TestDenseHalf: weights in half precision give the bits that the same numbers give as float32,
// whatever the batch and the share of the work; a scale multiplies the sums before the bias is
// added.
func TestDenseHalf(t *testing.T) {
	for _, g := range []Geometry{Dense(1, 1, 100, 7, 7, 256), Dense(1, 1, 5, 3, 1, 41), Dense(2, 3, 7, 1, 1, 3), Dense(2, 1, 4, 2, 2, 70)} {
		for _, k := range simd.Variants() {
			for _, n := range []int{1, 3, k.MR + 2} {
				t.Run(fmt.Sprintf("%dx%dx%d-%dx%dx%d/%s/%d", g.InH, g.InW, g.InC, g.DenseH, g.DenseW, g.OutC, k.Name, n), func(t *testing.T) {
					testDenseHalf(t, g, k, n)
				})
			}
		}
	}
}

func testDenseHalf(t *testing.T, g Geometry, k *simd.Kernels, n int) {
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(g.OutC)))
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = half.Widen(half.Narrow(2*rnd.Float32() - 1))
		}
		return v
	}
	p, err := NewPlan(g, NewLayout(g.InH, g.InW, g.InC, n), NewLayout(g.DenseH, g.DenseW, g.OutC, n), k)
	if err != nil {
		t.Fatal(err)
	}
	ws := p.NewWorkspace()
	features := g.DenseH * g.DenseW * g.OutC
	w, x, bias, scale := fill(g.WeightLen()), fill(p.In().Len()), fill(features), fill(features)
	packed, halves := make([]float32, p.PackedLen()), make([]uint16, p.PackedLen())
	p.Pack(ws, packed, w)
	if !p.TakesHalf() || !p.PackHalf(halves, w) {
		t.Fatal("these weights fit half precision")
	}
	all := Share{0, n, 0, p.Panels()}
	want, sums := make([]float32, p.Out().Len()), make([]float32, p.Out().Len())
	p.Forward(ws, sums, x, packed, Epilogue{Slope: 1}, all)
	p.Forward(ws, want, x, packed, Epilogue{Bias: bias, Scale: scale, Slope: 0.3}, all)
	for q := range p.Out().Positions() {
		for i := range n {
			for c := range g.OutC {
				at, f := q*p.Out().Stride+i*g.OutC+c, q*g.OutC+c
				v := float64(sums[at])*float64(scale[f]) + float64(bias[f])
				if v < 0 {
					v *= 0.3
				}
				if e := math.Abs(float64(want[at]) - v); e > 1e-6*(1+math.Abs(v)) {
					t.Fatalf("position %d, image %d, channel %d: %g, want %g", q, i, c, want[at], v)
				}
			}
		}
	}
	got := make([]float32, len(want))
	for _, cut := range [][2]int{{n, p.Panels()}, {(n + 1) / 2, (p.Panels() + 2) / 3}} {
		clear(got)
		for n0 := 0; n0 < n; n0 += cut[0] {
			for p0 := 0; p0 < p.Panels(); p0 += cut[1] {
				share := Share{n0, min(n, n0+cut[0]), p0, min(p.Panels(), p0+cut[1])}
				p.ForwardHalf(ws, got, x, halves, Epilogue{Bias: bias, Scale: scale, Slope: 0.3}, share)
			}
		}
		for i, v := range want {
			if math.Float32bits(got[i]) != math.Float32bits(v) {
				t.Fatalf("cut by %v: y[%d] = %g, %g with the same weights in float32", cut, i, got[i], v)
			}
		}
	}
	w[len(w)-1] = 1 + 0x1p-20
	if p.PackHalf(halves, w) {
		t.Error("a weight was rounded, but packing says that it lost nothing")
	}
}

// TestDenseByPosition: a position at a time, forward from weights as they are and in the weight
// gradient, has the bits of all at once.
func TestDenseByPosition(t *testing.T) {
	for _, g := range []Geometry{Dense(1, 1, 100, 3, 3, 70), Dense(1, 1, 5, 3, 1, 41), Dense(2, 3, 7, 1, 2, 3)} {
		for _, k := range simd.Variants() {
			for i, n := range []int{1, k.MR + 2, 300} {
				rnd := rand.New(rand.NewPCG(uint64(n), uint64(g.OutC)))
				fill := func(n int) []float32 {
					v := make([]float32, n)
					for i := range v {
						v[i] = 2*rnd.Float32() - 1
					}
					return v
				}
				in, out := NewLayout(g.InH, g.InW, g.InC, n), NewLayout(g.DenseH, g.DenseW, g.OutC, n)
				if i == 1 { // windows of wider rows
					in.Row, out.Row = in.Row+3, out.Row+1
					in.Stride, out.Stride = n*in.Row, n*out.Row
				}
				p, err := NewPlan(g, in, out, k)
				if err != nil {
					t.Fatal(err)
				}
				ws := p.NewWorkspace()
				w, x, dy, bias := fill(g.WeightLen()), fill(p.In().Len()), fill(p.Out().Len()), fill(g.DenseH*g.DenseW*g.OutC)
				packed := make([]float32, p.PackedLen())
				p.Pack(ws, packed, w)
				e := Epilogue{Bias: bias, Slope: 0.3}
				want, got := make([]float32, p.Out().Len()), make([]float32, p.Out().Len())
				p.Forward(ws, want, x, packed, e, Share{0, n, 0, p.Panels()})
				wantDW, gotDW := make([]float32, len(w)), fill(len(w))
				p.WeightGrad(ws, Sums{DW: wantDW}, x, dy, n, 0, 1)
				for q := p.Out().Positions() - 1; q >= 0; q-- {
					p.ForwardUnpacked(ws, got, x, w, e, q)
					p.WeightGradAt(ws, Sums{DW: gotDW}, x, dy[q*p.Out().Stride:], n, q)
				}
				for i, v := range want {
					if math.Float32bits(got[i]) != math.Float32bits(v) {
						t.Fatalf("%s, %d images: y[%d] = %g, %g all at once", k.Name, n, i, got[i], v)
					}
				}
				for i, v := range wantDW {
					if math.Float32bits(gotDW[i]) != math.Float32bits(v) {
						t.Fatalf("%s, %d images: dw[%d] = %g, %g all at once", k.Name, n, i, gotDW[i], v)
					}
				}
			}
		}
	}
}

// TestDenseSingle: a layer of one feature against float64, with and without bias and scale, and the
// same bits however its images are shared out.
func TestDenseSingle(t *testing.T) {
	g := Dense(3, 2, 37, 1, 1, 1)
	for _, k := range simd.Variants() {
		for _, n := range []int{1, k.NR, k.NR + 3, 3*k.NR - 1} {
			rnd := rand.New(rand.NewPCG(uint64(n), 5))
			p, err := NewPlan(g, NewLayout(3, 2, 37, n), NewLayout(1, 1, 1, n), k)
			if err != nil {
				t.Fatal(err)
			}
			ws := p.NewWorkspace()
			w, x := make([]float32, g.WeightLen()), make([]float32, p.In().Len())
			for _, v := range [][]float32{w, x} {
				for i := range v {
					v[i] = 2*rnd.Float32() - 1
				}
			}
			packed := make([]float32, p.PackedLen())
			p.Pack(ws, packed, w)
			if p.TakesHalf() {
				t.Error("takes half precision")
			}
			for _, e := range []Epilogue{{Slope: 1}, {Bias: []float32{0.5}, Slope: 0.3}, {Bias: []float32{-0.5}, Scale: []float32{1.5}, Slope: 0.2}} {
				y, cut := make([]float32, n), make([]float32, n)
				p.Forward(ws, y, x, packed, e, Share{0, n, 0, p.Panels()})
				for n0 := 0; n0 < n; n0 += 5 {
					p.Forward(ws, cut, x, packed, e, Share{n0, min(n, n0+5), 0, p.Panels()})
				}
				for i, got := range y {
					want := 0.0
					for q := range p.In().Positions() {
						for c := range g.InC {
							want += float64(x[q*p.In().Stride+i*g.InC+c]) * float64(w[q*g.InC+c])
						}
					}
					if e.Scale != nil {
						want *= float64(e.Scale[0])
					}
					if e.Bias != nil {
						want += float64(e.Bias[0])
					}
					if want < 0 {
						want *= float64(e.Slope)
					}
					if d := math.Abs(float64(got) - want); d > 1e-4 {
						t.Fatalf("%s, %d images: y[%d] = %g, want %g", k.Name, n, i, got, want)
					}
					if math.Float32bits(cut[i]) != math.Float32bits(got) {
						t.Fatalf("%s, %d images: y[%d] = %g, %g in pieces", k.Name, n, i, got, cut[i])
					}
				}
			}
		}
	}
}
