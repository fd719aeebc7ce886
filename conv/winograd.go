package conv

import "github.com/gantiny/gantiny/simd"

// Winograd's algorithm F(4x4, 5x5): a 4x4 block of outputs of a 5x5
// kernel at stride 1 takes 8x8 products instead of 16x25, as
//
//	Y = A^T [ (G g G^T) . (B^T d B) ] A
//
// with the input block d (8x8), the kernel g and the points 0, 1, -1, 2, -2, 1/2,
// infinity and -1/2. A block of three outputs or fewer, at the end of an axis,
// does without the last one: 7x7 outputs take 225 products instead of 256. Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2015. Larger blocks lose too
// many digits in float32; here errors stay near 1e-5 of the largest value.
const (
	blockOut  = 4 // outputs of a block along one axis
	blockTaps = 5
	blockIn   = blockOut + blockTaps - 1 // also the frequencies along one axis

	frequencies = blockIn * blockIn
)

// winogradChannels is the fewest channels on either side: the transforms cost
// the same for each channel and pay only when many products share them.
const winogradChannels = 32

// inputT is B^T: frequencies by inputs.
var inputT = [blockIn * blockIn]float32{
	1, 0, -5.25, 0, 5.25, 0, -1, 0,
	0, 1, 1, -4.25, -4.25, 1, 1, 0,
	0, -1, 1, 4.25, -4.25, -1, 1, 0,
	0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0,
	0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0,
	0, 2, 4, -2.5, -5, 0.5, 1, 0,
	0, -1, 0, 5.25, 0, -5.25, 0, 1,
	0, -2, 4, 2.5, -5, -0.5, 1, 0,
}

// outputT is A^T: outputs by frequencies.
var outputT = [blockOut * blockIn]float32{
	1, 1, 1, 1, 1, 1, 0, 1,
	0, 1, -1, 2, -2, 0.5, 0, -0.5,
	0, 1, 1, 4, 4, 0.25, 0, 0.25,
	0, 1, -1, 8, -8, 0.125, 1, -0.125,
}

// kernelT is G: frequencies by taps; row i is scale * point^tap.
var kernelT = func() (m [blockIn * blockTaps]float32) {
	for i, r := range kernelPoints {
		v := r.scale
		for t := range blockTaps {
			m[i*blockTaps+t] = float32(v)
			v *= r.point
		}
	}
	clear(m[infinity*blockTaps:][:blockTaps])
	m[infinity*blockTaps+blockTaps-1] = 1
	return m
}()

// infinity is the number of that point.
const infinity = blockIn - 2

var kernelPoints = [blockIn]struct{ point, scale float64 }{
	{0, 1}, {1, -2. / 9}, {-1, -2. / 9}, {2, 1. / 90}, {-2, 1. / 90}, {0.5, 32. / 45}, {}, {-0.5, 32. / 45},
}

// shortIn is the frequencies of a block of blockOut-1 outputs, the first of all.
const shortIn = blockIn - 1

// shortInputT is B^T of such a block, to go with the same G: row i holds the
// coefficients of the product of x-p over all other finite points p, divided by
// its value at point i and by G's scale; at infinity the product over all.
var shortInputT = func() (m [shortIn * shortIn]float32) {
	for i := range shortIn {
		c := make([]float64, shortIn)
		c[0] = 1
		value := kernelPoints[i].scale
		if i == infinity {
			value = 1
		}
		for j := range shortIn {
			if j == i || j == infinity {
				continue
			}
			p := kernelPoints[j].point
			for k := shortIn - 1; k > 0; k-- {
				c[k] = c[k-1] - float64(p*c[k])
			}
			c[0] *= -p
			if i != infinity {
				value *= kernelPoints[i].point - p
			}
		}
		for k := range c {
			m[i*shortIn+k] = float32(c[k] / value)
		}
	}
	return m
}()

// shortOutputT is A^T of such a block.
var shortOutputT = func() (m [(blockOut - 1) * shortIn]float32) {
	for q := range blockOut - 1 {
		copy(m[q*shortIn:][:shortIn], outputT[q*blockIn:])
		m[q*shortIn+infinity] = 0
	}
	m[(blockOut-2)*shortIn+infinity] = 1
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

// isWinograd says that a Winograd plan may compute g at stride 1.
func isWinograd(g Geometry) bool {
	return !g.IsDense() && g.KH == blockTaps && g.KW == blockTaps && g.Groups == 1 &&
		g.StrideH == 1 && g.StrideW == 1 && g.DilationH == 1 && g.DilationW == 1 &&
		g.InC >= winogradChannels && g.OutC >= winogradChannels
}

// patch is what one block takes along one axis: positions [at, at+n) and the
// matrix, points by n, that turns them into frequencies. Of outputs there is the
// way back too, n by points.
type patch struct {
	at, n  int
	points int
	m      []float32
	back   []float32
}

// withFrequency is how many blocks have frequency i; they are the first ones.
func withFrequency(ps []patch, i int) int {
	n := 0
	for _, p := range ps {
		if i < p.points {
			n++
		}
	}
	return n
}

// inputPatches cuts an axis into blocks of 4 outputs, which read 8 inputs from
// 4b-pad on, or one less; what lies outside the image is left out of the matrix.
func inputPatches(in, out, pad int) []patch {
	var ps []patch
	for at := 0; at < out; at += blockOut {
		m, points := inputT[:], blockIn
		if out-at < blockOut {
			m, points = shortInputT[:], shortIn
		}
		lo, hi := max(0, pad-at), min(points, in+pad-at)
		if lo >= hi {
			ps = append(ps, patch{points: points})
			continue
		}
		ps = append(ps, patch{at: at - pad + lo, n: hi - lo, points: points, m: columnsOf(m, points, lo, hi)})
	}
	return ps
}

// outputPatches are the blocks' outputs with the adjoint of the output transform.
func outputPatches(out int) []patch {
	var ps []patch
	for at := 0; at < out; at += blockOut {
		n, back, points := min(blockOut, out-at), outputT[:], blockIn
		if n < blockOut {
			back, points = shortOutputT[:], shortIn
		}
		back = back[:n*points]
		ps = append(ps, patch{at: at, n: n, points: points, m: transposed(back, points), back: back})
	}
	return ps
}

// laneBlock is about how many values of a position are transformed at a time:
// what lies between the two axes stays in the first cache.
const laneBlock = 512

// blockOf returns how many images of m make a laneBlock, and their values. A block is contiguous:
// of a window of wider rows it is one image.
func blockOf(m Layout) (images, values int) {
	images = 1
	if m.dense() {
		images = max(1, laneBlock/m.C)
	}
	return images, images * m.C
}

// blockRow makes frequency row i of images of m from their first on:
// v[j*plane + ((tx*rows+ty)*images+n)*C+c] for the columns j of each block; rows
// are the blocks along y that have i. t is scratch, of a block
// for each column of m.
func blockRow(ws *Workspace, k *simd.Kernels, v []float32, plane int, t, src []float32, m Layout, images, i int, ys, xs []patch) {
	step, block := blockOf(m)
	for n := 0; n < images; n += step {
		count := min(step, images-n)
		rows := withFrequency(ys, i)
		for ty, y := range ys[:rows] {
			if y.n > 0 {
				ws.transforms = simd.Transforms{
					Dst: t, DS: block, DStep: block, Src: src[y.at*m.W*m.Stride+n*m.Row:], SS: m.W * m.Stride, SStep: m.Stride,
					M: y.m[i*y.n:][:y.n], Rows: 1, Cols: y.n, N: count * m.C, Count: m.W,
				}
				k.Transforms(&ws.transforms)
			}
			for tx, x := range xs {
				at := ((tx*rows+ty)*images + n) * m.C
				if y.n == 0 || x.n == 0 {
					for j := range x.points {
						clear(v[j*plane+at:][:count*m.C])
					}
				} else {
					k.Transform(v[at:], plane, t[x.at*block:], block, count*m.C, x.m, x.points, x.n)
				}
			}
		}
	}
}
