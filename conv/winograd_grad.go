package conv

import (
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// filterGrad is the weight gradient by minimal filtering, F(5x5, 4x4): the
// adjoint of the forward filter in its kernel,
//
//	dw = G^T [ S_blocks (B^T d B) . (A dY A^T) ] G
//
// whose sum over blocks and images is for each frequency a product of (input
// channels) x (output channels) that contracts their rows.
type filterGrad struct {
	tiles   gradTiles
	f       *filter   // the forward pass's
	chunk   int       // images transformed together; fixes the order of the sums
	inverse []float32 // G^T, taps by frequencies
}

func newFilterGrad(f *filter) *filterGrad {
	d := &filterGrad{tiles: newGradTiles(f.k, f.src.C, f.dst.C), f: f, inverse: transposed(f.kernel, blockTaps)}
	d.chunk = f.chunk
	return d
}

// planes are the strides of the transformed inputs and gradients.
func (d *filterGrad) planes() (in, out int) {
	blocks := d.f.tiles() * d.chunk
	return blocks*d.f.src.C + spread, blocks*d.f.dst.C + spread + d.f.k.NR
}

// inverseFloats is how many weights of a tap are transformed back together.
const inverseFloats = 2048

func (d *filterGrad) scratch() int {
	in, out := d.planes()
	_, block := blockOf(d.f.dst)
	t := max(d.f.lines(), d.f.dst.W*block, blockIn*blockTaps*inverseFloats)
	return t + blockIn*(in+out)
}

func (d *filterGrad) images() int { return d.chunk }

// sumsLen is the floats of all frequencies' sums.
func (d *filterGrad) sumsLen() int { return frequencies * d.sumPlane() }

func (d *filterGrad) sumPlane() int { return d.f.src.C*d.f.dst.C + spread }

// run makes share part of parts of the sums. The shares are runs of row panels
// of input channels, ordered by frequency along y: workers transform nothing
// that another one transforms too, but at the ends of their runs.
func (d *filterGrad) run(ws *Workspace, sums, x, dy []float32, n int, add bool, part, parts int) {
	f := d.f
	lo, hi := pool.Split(blockIn*len(d.tiles.rows), parts, part)
	in, out := d.planes()
	v := ws.buf[:blockIn*in]
	g := ws.buf[len(v):][:blockIn*out]
	t := ws.buf[len(v)+len(g):]
	for n0 := 0; n0 < n || n0 == 0 && !add; n0 += d.chunk {
		images := min(d.chunk, n-n0)
		for at := lo; at < hi; {
			i, r0 := at/len(d.tiles.rows), at%len(d.tiles.rows)
			r1 := min(len(d.tiles.rows), r0+hi-at)
			at += r1 - r0
			blockRow(ws, f.k, v, in, t, x[n0*f.src.Row:], f.src, images, i, f.ys, f.xs)
			blockRow(ws, f.k, g, out, t, dy[n0*f.dst.Row:], f.dst, images, i, f.outY, f.outX)
			for j := range blockIn {
				d.contract(ws, sums[(i*blockIn+j)*d.sumPlane():], v[j*in:], g[j*out:][:out], r0, r1, having(f.xs, j)*having(f.ys, i)*images, add || n0 > 0)
			}
		}
	}
}

// finish transforms the sums of row panels number part of parts back to taps.
func (d *filterGrad) finish(ws *Workspace, dw, sums []float32, part, parts int) {
	r0, r1 := pool.Split(len(d.tiles.rows), parts, part)
	d.invert(dw, sums, ws.buf, d.tiles.rowAt[r0], d.tiles.rowAt[r1])
}

// contract adds one frequency's products of a chunk to its sums.
func (d *filterGrad) contract(ws *Workspace, sums, v, g []float32, r0, r1, blocks int, accumulate bool) {
	o := &ws.outer
	ws.one[0] = simd.Tap{}
	*o = simd.Outer{Taps: ws.one[:], K: blocks, Accumulate: accumulate}
	d.tiles.add(o, sums, v, g, r0, r1)
}

// invert transforms the sums of input channels [first, last) back to taps.
func (d *filterGrad) invert(dw, sums, t []float32, first, last int) {
	f := d.f
	plane, tap := d.sumPlane(), f.src.C*f.dst.C
	for at := first * f.dst.C; at < last*f.dst.C; at += inverseFloats {
		n := min(inverseFloats, last*f.dst.C-at)
		for j := range blockIn { // t[y][j] = S_i G[i][y] sums[i][j]
			f.k.Mix(t[j*n:], blockIn*n, sums[j*plane+at:], blockIn*plane, n, d.inverse, blockTaps, blockIn)
		}
		for y := range blockTaps {
			f.k.Mix(dw[y*blockTaps*tap+at:], tap, t[y*blockIn*n:], n, n, d.inverse, blockTaps, blockIn)
		}
	}
}
