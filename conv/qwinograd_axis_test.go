package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// The three matrices give a line of a transposed convolution, for every phase and border.
func TestExactAxis(t *testing.T) {
	rnd := rand.New(rand.NewPCG(51, 0))
	for stride := 1; stride <= 2; stride++ {
		for k := stride; k <= exactTaps*stride; k++ {
			for small := 1; small <= 14; small++ {
				for pad := range k {
					large := (small-1)*stride + k - 2*pad
					if large < 1 {
						continue
					}
					t.Run(fmt.Sprintf("stride %d, kernel %d, %d -> %d", stride, k, small, large), func(t *testing.T) {
						a := axis{small: small, large: large, k: k, stride: stride, dilation: 1, pad: pad}
						checkExactAxis(t, rnd, a, newExactAxis(a, true))
					})
				}
			}
		}
	}
}

func checkExactAxis(t *testing.T, rnd *rand.Rand, a axis, e *exactAxis) {
	x, w := make([]int32, a.small), make([]int32, a.k)
	for i := range x {
		x[i] = int32(rnd.IntN(256) - 128)
	}
	for i := range w {
		w[i] = int32(rnd.IntN(255) - 127)
	}
	want, got, seen := make([]int32, a.large), make([]int32, a.large*simd.Lanes16), make([]bool, a.large)
	for i := range x {
		for k := range w {
			if o := i*a.stride + k - a.pad; o >= 0 && o < a.large {
				want[o] += x[i] * w[k]
				seen[o] = true
			}
		}
	}
	for i := range e.tiles {
		for p := range a.stride {
			interpolateTile(e, i, p, x, w, got)
		}
	}
	all := true
	for o := range want {
		all = all && seen[o]
		if got[o*simd.Lanes16]>>e.shift != want[o] {
			t.Fatalf("position %d: %d >> %d, want %d", o, got[o*simd.Lanes16], e.shift, want[o])
		}
	}
	if e.reached() != all {
		t.Errorf("reached says %v", e.reached())
	}
}

// interpolateTile adds what a tile and a phase make to y, whose positions are Lanes16 apart.
func interpolateTile(e *exactAxis, i, phase int, x, w, y []int32) {
	tile := &e.tiles[i]
	q := tile.products[phase]
	values := make([]int32, exactPoints*simd.Lanes16)
	for slot, point := range q.points {
		var v, u int32
		for j, f := range valueAt(point, tile.n) {
			v += f * x[tile.at+j]
		}
		for j, f := range valueAt(point, e.taps[phase]) {
			u += f * w[e.stride*j+phase]
		}
		values[slot*simd.Lanes16] = v * u
	}
	in := simd.Interpolation{Dst: y, Src: values, Points: len(q.points), SS: simd.Lanes16, Last: (len(q.points) - 1) * simd.Lanes16, N: simd.Lanes16}
	for _, c := range q.even {
		c.At *= simd.Lanes16
		in.Even = append(in.Even, c)
	}
	for _, c := range q.odd {
		c.At *= simd.Lanes16
		in.Odd = append(in.Odd, c)
	}
	simd.Variants()[0].Int8.Int16.Interpolate(&in)
}
