package conv

import "github.com/gantiny/gantiny/simd"

// Minimal filtering (Winograd) F(4x4, 5x5): a 4x4 block of outputs of a 5x5
// kernel at stride 1 takes 8x8 products in place of 16x25, as
//
//	Y = A^T [ (G g G^T) . (B^T d B) ] A
//
// with the input block d (8x8), the kernel g and the points 0, 1, -1, 2, -2, 1/2,
// -1/2 and infinity. Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015. Larger blocks lose too many digits in float32; here errors
// stay near 1e-5 of the largest value.
const (
	blockOut  = 4 // outputs of a block along one axis
	blockTaps = 5
	blockIn   = blockOut + blockTaps - 1 // also the frequencies along one axis

	frequencies = blockIn * blockIn
)

// minimalChannels is the fewest channels on either side: the transforms cost
// the same for each channel and pay only when many products share them.
const minimalChannels = 32

// inputT is B^T: frequencies by inputs.
var inputT = [blockIn * blockIn]float32{
	1, 0, -5.25, 0, 5.25, 0, -1, 0,
	0, 1, 1, -4.25, -4.25, 1, 1, 0,
	0, -1, 1, 4.25, -4.25, -1, 1, 0,
	0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0,
	0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0,
	0, 2, 4, -2.5, -5, 0.5, 1, 0,
	0, -2, 4, 2.5, -5, -0.5, 1, 0,
	0, -1, 0, 5.25, 0, -5.25, 0, 1,
}

// outputT is A^T: outputs by frequencies.
var outputT = [blockOut * blockIn]float32{
	1, 1, 1, 1, 1, 1, 1, 0,
	0, 1, -1, 2, -2, 0.5, -0.5, 0,
	0, 1, 1, 4, 4, 0.25, 0.25, 0,
	0, 1, -1, 8, -8, 0.125, -0.125, 1,
}

// kernelT is G: frequencies by taps; row i is scale * point^tap.
var kernelT = func() (m [blockIn * blockTaps]float32) {
	rows := [blockIn - 1]struct{ point, scale float64 }{
		{0, 1}, {1, -2. / 9}, {-1, -2. / 9}, {2, 1. / 90}, {-2, 1. / 90}, {0.5, 32. / 45}, {-0.5, 32. / 45},
	}
	for i, r := range rows {
		v := r.scale
		for t := range blockTaps {
			m[i*blockTaps+t] = float32(v)
			v *= r.point
		}
	}
	m[len(m)-1] = 1
	return m
}()

// columnsOf returns columns [lo, hi) of a row-major matrix.
func columnsOf(m []float32, cols, lo, hi int) []float32 {
	var s []float32
	for ; len(m) > 0; m = m[cols:] {
		s = append(s, m[lo:hi]...)
	}
	return s
}

// transposed returns the transpose of a row-major matrix.
func transposed(m []float32, cols int) []float32 {
	var s []float32
	for c := range cols {
		for r := 0; r < len(m); r += cols {
			s = append(s, m[r+c])
		}
	}
	return s
}

// reversedColumns returns a row-major matrix with its columns in reverse order.
func reversedColumns(m []float32, cols int) []float32 {
	var s []float32
	for ; len(m) > 0; m = m[cols:] {
		for c := cols - 1; c >= 0; c-- {
			s = append(s, m[c])
		}
	}
	return s
}

// minimal says that a plan may use minimal filtering for g.
func minimal(g Geometry) bool {
	return !g.IsDense() && g.KH == blockTaps && g.KW == blockTaps && g.Groups == 1 &&
		g.StrideH == 1 && g.StrideW == 1 && g.DilationH == 1 && g.DilationW == 1 &&
		g.InC >= minimalChannels && g.OutC >= minimalChannels
}

// patch is what one block takes along one axis: positions [at, at+n) and the
// 8 x n matrix that turns them into frequencies.
type patch struct {
	at, n int
	m     []float32
}

// inputPatches cuts an axis into blocks of 4 outputs, which read 8 inputs from
// 4b-pad on; what lies outside the image is left out of the matrix.
func inputPatches(in, out, pad int) []patch {
	var ps []patch
	for at := 0; at < out; at += blockOut {
		lo, hi := max(0, pad-at), min(blockIn, in+pad-at)
		if lo >= hi {
			ps = append(ps, patch{})
			continue
		}
		ps = append(ps, patch{at - pad + lo, hi - lo, columnsOf(inputT[:], blockIn, lo, hi)})
	}
	return ps
}

// outputPatches are the blocks' outputs with the adjoint of the output transform.
func outputPatches(out int) []patch {
	var ps []patch
	for at := 0; at < out; at += blockOut {
		n := min(blockOut, out-at)
		ps = append(ps, patch{at, n, columnsOf(transposed(outputT[:], blockIn), blockOut, 0, n)})
	}
	return ps
}

// laneBlock is about how many values of a position are transformed at a time:
// what lies between the two axes stays in the first cache.
const laneBlock = 512

// blockOf returns how many images of c channels make a laneBlock, and their values.
func blockOf(c int) (images, values int) {
	images = max(1, laneBlock/c)
	return images, images * c
}

// blockRow makes frequency row i of images of m from their first on:
// v[j*plane + (tile*images+n)*C+c] for the 8 columns j. t is scratch, of a block
// for each column of m.
func blockRow(ws *Work, k *simd.Kernels, v []float32, plane int, t, src []float32, m Map, images, i int, ys, xs []patch) {
	step, block := blockOf(m.C)
	for n := 0; n < images; n += step {
		count := min(step, images-n)
		at := n * m.C
		for _, y := range ys {
			if y.n > 0 {
				ws.mixes = simd.Mixes{
					Dst: t, DS: block, DStep: block, Src: src[y.at*m.W*m.Stride+n*m.C:], SS: m.W * m.Stride, SStep: m.Stride,
					M: y.m[i*y.n:][:y.n], Rows: 1, Cols: y.n, N: count * m.C, Count: m.W,
				}
				k.Mixes(&ws.mixes)
			}
			for _, x := range xs {
				if y.n == 0 || x.n == 0 {
					for j := range blockIn {
						clear(v[j*plane+at:][:count*m.C])
					}
				} else {
					k.Mix(v[at:], plane, t[x.at*block:], block, count*m.C, x.m, blockIn, x.n)
				}
				at += images * m.C
			}
		}
	}
}
