package conv

import (
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// winogradGrad is the weight gradient by Winograd, F(5x5, 4x4): the
// adjoint of the forward pass in its kernel,
//
//	dw = G^T [ Σ_blocks (B^T d B) . (A dY A^T) ] G
//
// whose sum over blocks and images is for each frequency a product of (input
// channels) x (output channels) that contracts their rows.
type winogradGrad struct {
	tiles   gradTiles
	f       *winogradPass // the forward pass
	chunk   int           // images transformed together; fixes the order of the sums
	inverse []float32     // G^T, taps by frequencies
}

func newWinogradGrad(f *winogradPass) *winogradGrad {
	d := &winogradGrad{tiles: newGradTiles(f.k, f.src.C, f.dst.C), f: f, inverse: transposed(f.kernel, blockTaps)}
	d.chunk = f.chunk
	return d
}

// planes are the strides of the transformed inputs and gradients.
func (d *winogradGrad) planes() (in, out int) {
	blocks := d.f.tiles() * d.chunk
	return blocks*d.f.src.C + planePad, blocks*d.f.dst.C + planePad + d.f.k.NR
}

// inverseFloats is how many weights of a tap are transformed back together.
const inverseFloats = 2048

func (d *winogradGrad) scratch() int {
	in, out := d.planes()
	_, block := blockOf(d.f.dst)
	t := max(d.f.lineLen(), d.f.dst.W*block, blockIn*blockTaps*inverseFloats)
	return t + blockIn*(in+out)
}

func (d *winogradGrad) images() int { return d.chunk }

// sumsLen is the floats of all frequencies' sums.
func (d *winogradGrad) sumsLen() int { return frequencies * d.sumPlane() }

func (d *winogradGrad) sumPlane() int { return d.f.src.C*d.f.dst.C + planePad }

// run makes one share of the sums. The shares are runs of row panels of input channels,
// ordered by frequency along y: workers transform nothing that another one transforms too,
// but at the ends of their runs.
func (d *winogradGrad) run(ws *Workspace, s Sums, x, dy []float32, n, share, shares int) {
	f := d.f
	lo, hi := pool.Split(blockIn*len(d.tiles.rows), shares, share)
	in, out := d.planes()
	v, rest := cut(ws.buf, blockIn*in)
	g, line := cut(rest, blockIn*out)
	for n0 := 0; n0 < n || n0 == 0 && !s.Add; n0 += d.chunk {
		images := min(d.chunk, n-n0)
		for at := lo; at < hi; {
			i, r0 := at/len(d.tiles.rows), at%len(d.tiles.rows)
			r1 := min(len(d.tiles.rows), r0+hi-at)
			at += r1 - r0
			blockRow(ws, f.k, v, in, line, x[n0*f.src.Row:], f.src, images, i, f.ys, f.xs)
			blockRow(ws, f.k, g, out, line, dy[n0*f.dst.Row:], f.dst, images, i, f.outY, f.outX)
			for j := range blockIn {
				blocks := withFrequency(f.xs, j) * withFrequency(f.ys, i) * images
				d.contract(ws, s.Workspace[(i*blockIn+j)*d.sumPlane():], v[j*in:], g[j*out:][:out], r0, r1, blocks, s.Add || n0 > 0)
			}
		}
	}
}

// finish transforms one share of the sums' row panels back to taps.
func (d *winogradGrad) finish(ws *Workspace, s Sums, share, shares int) {
	r0, r1 := pool.Split(len(d.tiles.rows), shares, share)
	d.invert(s.DW, s.Workspace, ws.buf, d.tiles.rowAt[r0], d.tiles.rowAt[r1])
}

// contract adds one frequency's products of a chunk to its sums.
func (d *winogradGrad) contract(ws *Workspace, sums, v, g []float32, r0, r1, blocks int, accumulate bool) {
	o := &ws.outer
	ws.one[0] = simd.Tap{}
	*o = simd.Outer{Taps: ws.one[:], K: blocks, Accumulate: accumulate}
	d.tiles.add(o, sums, v, g, r0, r1)
}

// invert transforms the sums of input channels [first, last) back to taps.
func (d *winogradGrad) invert(dw, sums, t []float32, first, last int) {
	f := d.f
	plane, tap := d.sumPlane(), f.src.C*f.dst.C
	for at := first * f.dst.C; at < last*f.dst.C; at += inverseFloats {
		n := min(inverseFloats, last*f.dst.C-at)
		for j := range blockIn { // t[y][j] = Σ_i G[i][y] sums[i][j]
			f.k.Transform(t[j*n:], blockIn*n, sums[j*plane+at:], blockIn*plane, n, d.inverse, blockTaps, blockIn)
		}
		for y := range blockTaps {
			f.k.Transform(dw[y*blockTaps*tap+at:], tap, t[y*blockIn*n:], n, n, d.inverse, blockTaps, blockIn)
		}
	}
}
