package conv

import "github.com/gantiny/gantiny/simd"

// filter is a pass by minimal filtering: dst[q] = S_k src[q+k-pad] . w'[k], where
// w' has w's taps in reverse order if flip is set.
type filter struct {
	k          *simd.Kernels
	src, dst   Layout
	ys, xs     []patch   // of src
	outY, outX []patch   // of dst
	kernel     []float32 // G with its columns reversed if the taps are
	chunk      int       // images transformed together
	weights    weightIndex
	panels     int
}

// newFilter returns the filter from src to dst; forward says that src is the
// layer's input.
func newFilter(g Geometry, src, dst Layout, forward bool, w weightIndex, k *simd.Kernels) *filter {
	f := &filter{k: k, src: src, dst: dst, kernel: kernelT[:], weights: w, panels: (dst.C + k.NR - 1) / k.NR}
	padY, padX := g.PadTop, g.PadLeft
	// A convolution reads src at q+k-pad; its gradient and a transposed one at q+pad-k.
	if g.Transposed == forward {
		padY, padX = blockTaps-1-padY, blockTaps-1-padX
		f.kernel = reversedColumns(kernelT[:], blockTaps)
	}
	f.ys, f.xs = inputPatches(src.H, dst.H, padY), inputPatches(src.W, dst.W, padX)
	f.outY, f.outX = outputPatches(dst.H), outputPatches(dst.W)
	f.chunk = chunkImages(f.tiles()*max(src.C, dst.C), src.N)
	return f
}

// chunkImages returns how many images of perImage floats a frequency are
// transformed together: one frequency row is to stay in the second cache.
func chunkImages(perImage, n int) int {
	c := 64
	for c > 1 && blockIn*c*perImage > 140_000 {
		c /= 2
	}
	return min(c, n)
}

// tiles is the number of blocks of an image.
func (f *filter) tiles() int { return len(f.ys) * len(f.xs) }

// spread is added to the strides of planes, which are mostly large powers of two.
const spread = 80

// planes are the strides of the scratch: inputs and products of one frequency,
// half transformed products.
func (f *filter) planes() (in, product int) {
	return f.tiles()*f.chunk*f.src.C + spread, f.tiles()*f.chunk*f.dst.C + spread
}

// lines is the room for a block of one line.
func (f *filter) lines() int {
	_, block := blockOf(f.src)
	return f.src.W * block
}

func (f *filter) scratch() int {
	in, product := f.planes()
	return f.lines() + blockIn*in + (blockIn+blockIn*blockOut)*product
}

func (f *filter) packedLen() int64 {
	return frequencies * int64(f.panels) * int64(f.src.C) * int64(f.k.NR)
}

// run computes images [n0, n1) and panels [p0, p1) of dst.
func (f *filter) run(ws *Workspace, dst, src, packed []float32, e Epilogue, n0, n1, p0, p1 int) {
	in, product := f.planes()
	t := ws.buf[:f.lines()]
	v := ws.buf[len(t):][:blockIn*in]
	m := ws.buf[len(t)+len(v):][:blockIn*product]
	half := ws.buf[len(t)+len(v)+len(m):][:blockIn*blockOut*product]
	width := min(f.dst.C, p1*f.k.NR) - p0*f.k.NR
	for n0 < n1 {
		images := tileRows(n1-n0, f.chunk)
		for i := range blockIn {
			blockRow(ws, f.k, v, in, t, src[n0*f.src.Row:], f.src, images, i, f.ys, f.xs)
			rows := having(f.ys, i)
			for j := range blockIn {
				f.multiply(ws, m[j*product:], v[j*in:], packed, i*blockIn+j, having(f.xs, j)*rows*images, p0, p1, width)
			}
			// Along x: row i of M A.
			n := images * width
			for tx, x := range f.outX {
				for ty := range rows {
					f.k.Mix(half[i*blockOut*product+(ty*len(f.xs)+tx)*n:], product, m[(tx*rows+ty)*n:], product, n, x.back, x.n, x.points)
				}
			}
		}
		f.outputs(ws, dst, half, product, e, n0, images, p0*f.k.NR, width)
		n0 += images
	}
}

// multiply: m[row][column] = v[row] . U of one frequency, panels [p0, p1).
func (f *filter) multiply(ws *Workspace, m, v, packed []float32, freq, rows, p0, p1, width int) {
	g := &ws.gemm
	ws.one[0] = simd.Tap{}
	g.Taps, g.K, g.Start, g.Slope = ws.one[:], f.src.C, simd.StartZero, 1
	g.LDA, g.LDC = f.src.C, width
	panel := f.src.C * f.k.NR
	for p := p0; p < p1; p++ {
		g.B = packed[(freq*f.panels+p)*panel:][:panel]
		col := (p - p0) * f.k.NR
		g.Cols = min(f.k.NR, width-col)
		t := rowTiles{next: packed[min((freq*f.panels+p+1)*panel, len(packed)-panel):][:panel], total: rows}
		t.run(f.k, g, m[col:], v, rows)
	}
	g.Ahead = nil
}

// outputs finishes the transform along y into dst and applies the epilogue.
func (f *filter) outputs(ws *Workspace, dst, half []float32, product int, e Epilogue, n0, images, col, width int) {
	o := output{e: e, n0: n0, images: images, col: col, width: width}
	runs, n := o.runs(f.dst)
	tile := 0
	for _, y := range f.outY {
		for _, x := range f.outX {
			for q := range x.n {
				from := half[q*product+tile*images*width:]
				to := dst[(y.at*f.dst.W+x.at+q)*f.dst.Stride+n0*f.dst.Row+col:]
				for r := range runs {
					d := to[r*f.dst.Row:]
					ws.mixes = simd.Mixes{
						Dst: d, DS: f.dst.W * f.dst.Stride, Src: from[r*width:], SS: blockOut * product, N: n, Count: 1,
						M: y.back, Rows: y.n, Cols: y.points, Stream: o.streams(f.dst),
					}
					f.k.Mixes(&ws.mixes)
					for line := range y.n {
						o.finish(f.k, d[line*f.dst.W*f.dst.Stride:][:n])
					}
				}
			}
			tile++
		}
	}
}

// packDepth is how many contracted channels pack transforms together, packTurn
// how many it transposes: a cache line of them.
const (
	packDepth = 8
	packTurn  = 16
)

// packScratch is the floats that pack needs: half transformed weights, and a transposed block
// where the contracted channels are the outputs.
func (f *filter) packScratch() int {
	n := blockIn * blockTaps * packDepth
	if f.weights.j != 1 {
		n += blockTaps * blockTaps * packTurn
	}
	return n * f.dst.C
}

// pack writes U = G g G^T as [frequency][panel][depth][NR].
func (f *filter) pack(ws *Workspace, dst, w []float32) {
	if f.dst.C%f.k.NR != 0 {
		clear(dst)
	}
	cols, panel := f.dst.C, f.src.C*f.k.NR
	for k := 0; k < f.src.C; k += packDepth {
		depth := min(packDepth, f.src.C-k)
		n := depth * cols
		t := ws.buf[:blockIn*blockTaps*n]
		from, step := w[k*f.weights.k:], f.src.C*f.dst.C // the block of tap 0, and from tap to tap
		if f.weights.j != 1 {
			turned := ws.buf[blockIn*blockTaps*packDepth*cols:]
			if k%packTurn == 0 {
				f.turn(turned, from, min(packTurn, f.src.C-k))
			}
			from, step = turned[k%packTurn*cols:], packTurn*cols
		}
		for y := range blockTaps {
			f.k.Mix(t[y*blockIn*n:], n, from[y*blockTaps*step:], step, n, f.kernel, blockIn, blockTaps)
		}
		for j := range blockIn { // column j of the frequencies, written where it belongs
			for p := range f.panels {
				ws.mixes = simd.Mixes{
					Dst: dst[(j*f.panels+p)*panel+k*f.k.NR:], DS: blockIn * f.panels * panel, DStep: f.k.NR,
					Src: t[j*n+p*f.k.NR:], SS: blockIn * n, SStep: cols, M: f.kernel, Rows: blockIn, Cols: blockTaps,
					N: min(f.k.NR, cols-p*f.k.NR), Count: depth, Stream: true,
				}
				f.k.Mixes(&ws.mixes)
			}
		}
	}
}

// turn: dst[tap][d][j] = w[tap][j][d] of depth contracted channels.
func (f *filter) turn(dst, w []float32, depth int) {
	cols, step := f.dst.C, f.weights.j
	for tap := range blockTaps * blockTaps {
		f.k.Transpose(dst[tap*packTurn*cols:], cols, w[tap*cols*step:], step, cols, depth)
	}
}
