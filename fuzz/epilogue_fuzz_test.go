package fuzz

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// epilogue is what follows a layer's sums, each part of it or none, of one image after another.
type epilogue struct {
	bias, scale []float32 // by channel, of dense layers by feature
	add         []float32 // by element
	slope       float32
}

// randomEpilogue takes the parts that the bits of which name.
func randomEpilogue(rng *rand.Rand, g conv.Geometry, n, positions int, which uint8) epilogue {
	features := g.OutC
	if g.IsDense() {
		features *= positions
	}
	e := epilogue{slope: []float32{1, 0.3, 0, -0.5}[which>>4%4]}
	if which&1 != 0 {
		e.bias = noise(rng, features)
	}
	if which&2 != 0 && g.IsDense() {
		e.bias, e.scale = noise(rng, features), noise(rng, features)
	}
	if which&4 != 0 && !g.IsDense() {
		e.add = noise(rng, n*positions*g.OutC)
	}
	return e
}

// apply turns sums into results, in float64, and their sizes into those of all terms.
func (e epilogue) apply(s sums) {
	for i, y := range s.want {
		size := s.size[i]
		if e.scale != nil {
			scale := float64(e.scale[i%len(e.scale)])
			y, size = y*scale, size*math.Abs(scale)
		}
		if e.bias != nil {
			b := float64(e.bias[i%len(e.bias)])
			y, size = y+b, size+math.Abs(b)
		}
		if e.add != nil {
			y, size = y+float64(e.add[i]), size+math.Abs(float64(e.add[i]))
		}
		if y < 0 {
			y *= float64(e.slope)
		}
		s.want[i], s.size[i] = y, size
	}
}

// FuzzEpilogue: biases, scales, additions and activations as the sums leave a plan, by weights in
// float32 and, where a plan takes them, in half precision, are what they are afterwards.
func FuzzEpilogue(f *testing.F) {
	for i := range uint8(16) {
		which := i&7 | i<<4
		f.Add(uint64(i), 2+3*i, 7-i%7, 6-i%5, 2*i, 3+i, 1+i%5, 1+i%4, i%2*0x11, uint8(0), i, 2*i, which, i%3 == 0, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, inH, inW, inC, outC, kh, kw, strides, groups, before, after, which uint8, transposed, dense bool) {
		g := smallGeometry(inH, inW, inC, outC, kh, kw, strides, 0, groups, before, after, transposed, dense)
		h, w, err := g.Out()
		images := atMost(n, 33)
		if macs, _ := g.MACs(); err != nil || macs*int64(images) > 4<<20 {
			t.Skip()
		}
		rng := rand.New(rand.NewPCG(seed, 9))
		x, weights := noise(rng, images*g.InH*g.InW*g.InC), noise(rng, g.WeightLen())
		for i, v := range weights { // what half precision holds
			weights[i] = half.Widen(half.Narrow(v))
		}
		e := randomEpilogue(rng, g, images, h*w, which)
		y := directSums(images*h*w*g.OutC, x, weights, func(to []float64, a, b []float32) { conv.DirectForward(g, to, a, b, images) })
		e.apply(y)
		in, out := layouts(g, images, h, w, seed)
		bx := filled(in.Len())
		in.Import(bx, x)
		applied := conv.Epilogue{Bias: e.bias, Scale: e.scale, Slope: e.slope}
		if e.add != nil {
			applied.Add = filled(out.Len())
			out.Import(applied.Add, e.add)
		}
		for _, k := range simd.Variants() {
			p, err := conv.NewPlan(g, in, out, k)
			if err != nil {
				t.Fatal(err)
			}
			ws, got := p.NewWorkspace(), filled(out.Len())
			packed := filled(p.PackedLen())
			p.Pack(ws, packed, weights)
			parts := 1 + int(seed>>8%4)
			for part := range parts {
				p0, p1 := pool.Split(p.Panels(), parts, part)
				p.Forward(ws, got, bx, packed, applied, conv.Share{N1: images, P0: p0, P1: p1})
			}
			y.check(t, k.Name, exported(t, out, got))
			if p.TakesHalf() {
				again, halves := filled(out.Len()), make([]uint16, p.PackedLen())
				if !p.PackHalf(halves, weights) {
					t.Fatalf("%s: half precision loses what it holds", k.Name)
				}
				p.ForwardHalf(ws, again, bx, halves, applied, conv.Share{N1: images, P1: p.Panels()})
				if i := firstDifference(again, got); i >= 0 {
					t.Fatalf("%s: by half weights element %d is %g, else %g", k.Name, i, again[i], got[i])
				}
			}
		}
	})
}
