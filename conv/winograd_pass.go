package conv

import "github.com/gantiny/gantiny/simd"

// winogradPass is a pass at stride 1: dst[q] = Σ_k src[q+k-pad] . w'[k], where w' has w's
// taps in reverse order or not.
type winogradPass struct {
	pass
	ys, xs     []patch   // of src
	outY, outX []patch   // of dst
	kernel     []float32 // G with its columns reversed if the taps are
	chunk      int       // images transformed together
	packing    kernelPacking
}

// newWinogradPass returns the pass from src to dst; forward says that src is the
// layer's input.
func newWinogradPass(g Geometry, src, dst Layout, forward bool, k *simd.Kernels) *winogradPass {
	p := &winogradPass{pass: newPass(g, src, dst, forward, k), kernel: kernelT[:]}
	p.bands = 1
	padY, padX := g.PadTop, g.PadLeft
	// A convolution reads src at q+k-pad; its gradient and a transposed one at q+pad-k.
	if g.Transposed == forward {
		padY, padX = blockTaps-1-padY, blockTaps-1-padX
		p.kernel = reversedColumns(kernelT[:], blockTaps)
	}
	p.ys, p.xs = inputPatches(src.H, dst.H, padY), inputPatches(src.W, dst.W, padX)
	p.outY, p.outX = outputPatches(dst.H), outputPatches(dst.W)
	p.chunk = chunkImages(p.tiles()*max(src.C, dst.C), src.N)
	p.planPacking()
	return p
}

// planPacking plans to write all frequencies of a column at once.
func (p *winogradPass) planPacking() {
	f := kernelPhase{lines: blockTaps, columns: blockTaps, points: blockIn, g: p.kernel}
	row := p.panels * p.tapLen()
	for j := range blockIn {
		f.to = append(f.to, []packedPoints{{g: p.kernel, rows: blockIn, at: j * row, next: blockIn * row, panel: p.tapLen()}})
	}
	p.packing = kernelPacking{
		k: p.k, weights: p.weights, depth: p.depth, cols: p.cols, panels: p.panels,
		kernelW: blockTaps, taps: p.taps, stride: 1, phases: []kernelPhase{f},
	}
}

func (p *winogradPass) packScratch() int { return p.packing.scratch() }

func (p *winogradPass) pack(ws *Workspace, dst, w []float32) { p.packing.pack(ws, dst, w) }

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
func (p *winogradPass) tiles() int { return len(p.ys) * len(p.xs) }

// planePad is added to the strides of planes, which are mostly large powers of two.
const planePad = 80

// planes are the strides of the scratch: inputs and products of one frequency,
// half transformed products.
func (p *winogradPass) planes() (in, product int) {
	return p.tiles()*p.chunk*p.src.C + planePad, p.tiles()*p.chunk*p.dst.C + planePad
}

// lineLen is the length of a block of one line.
func (p *winogradPass) lineLen() int {
	_, block := blockOf(p.src)
	return p.src.W * block
}

func (p *winogradPass) scratch() int {
	in, product := p.planes()
	return p.lineLen() + blockIn*in + (blockIn+blockIn*blockOut)*product
}

// packedLen is that of [frequency][panel][depth][NR].
func (p *winogradPass) packedLen() int64 {
	return frequencies * int64(p.panels) * int64(p.depth) * int64(p.nr)
}

func (p *winogradPass) compute(ws *Workspace, dst, src, packed []float32, e Epilogue, w window) {
	in, product := p.planes()
	line, rest := cut(ws.buf, p.lineLen())
	v, rest := cut(rest, blockIn*in)
	m, rest := cut(rest, blockIn*product)
	half, _ := cut(rest, blockIn*blockOut*product)
	o := newOutput(&p.tiling, e, w)
	for o.n0 < w.n1 {
		o.images = tileRows(w.n1-o.n0, p.chunk)
		n := o.images * o.width
		for i := range blockIn {
			blockRow(ws, p.k, v, in, line, src[o.n0*p.src.Row:], p.src, o.images, i, p.ys, p.xs)
			rows := withFrequency(p.ys, i)
			for j := range blockIn {
				p.multiply(ws, m[j*product:], v[j*in:], packed, i*blockIn+j, withFrequency(p.xs, j)*rows*o.images, &o)
			}
			// Along x: row i of M A.
			for tx, x := range p.outX {
				for ty := range rows {
					p.k.Transform(half[i*blockOut*product+(ty*len(p.xs)+tx)*n:], product, m[(tx*rows+ty)*n:], product, n, x.back, x.n, x.points)
				}
			}
		}
		p.outputs(ws, dst, half, product, &o)
		o.n0 += o.images
	}
}

// multiply: m[row][column] = v[row] . U of one frequency.
func (p *winogradPass) multiply(ws *Workspace, m, v, packed []float32, freq, rows int, o *output) {
	g := &ws.gemm
	ws.one[0] = simd.Tap{}
	g.Taps, g.K, g.Start, g.Slope = ws.one[:], p.depth, simd.StartZero, 1
	g.LDA, g.LDC = p.depth, o.width
	panel := p.tapLen()
	for q := range o.panels {
		at := (freq*p.panels + o.panel + q) * panel
		g.B = packed[at:][:panel]
		g.Cols = min(p.nr, o.width-q*p.nr)
		t := rowTiles{next: packed[min(at+panel, len(packed)-panel):][:panel], total: rows}
		t.run(p.k, g, m[q*p.nr:], v, rows)
	}
	g.Ahead = nil
}

// outputs finishes the transform along y into dst and applies the epilogue.
func (p *winogradPass) outputs(ws *Workspace, dst, half []float32, product int, o *output) {
	runs, n := o.runs(p.dst)
	line := p.dst.W * p.dst.Stride
	tile := 0
	for _, y := range p.outY {
		for _, x := range p.outX {
			for q := range x.n {
				from := half[q*product+tile*o.images*o.width:]
				to := dst[y.at*line+(x.at+q)*p.dst.Stride+o.first(p.dst):]
				for r := range runs {
					d := to[r*p.dst.Row:]
					ws.transforms = simd.Transforms{
						Dst: d, DS: line, Src: from[r*o.width:], SS: blockOut * product, N: n, Count: 1,
						M: y.back, Rows: y.n, Cols: y.points, Stream: o.streams(p.dst),
					}
					p.k.Transforms(&ws.transforms)
					for i := range y.n {
						o.finish(p.k, d[i*line:][:n])
					}
				}
			}
			tile++
		}
	}
}
