package conv

// This file is the reference: each pass by explicit im2col and matrix product,
// and again as direct loops in float64. It works on plain (N, H, W, C) arrays,
// has no tricks, and shares nothing with plans but the Geometry. All functions
// overwrite their result and expect a valid geometry.

// ReferenceForward: y = conv(x, w) of n images, by im2col and matrix product
// or, transposed, by matrix product and col2im.
func ReferenceForward(g Geometry, y, x, w []float32, n int) {
	r := newReference(g, n)
	if r.dense {
		matmul(n, r.out, r.in, y, r.out, x, r.in, w, r.out)
		return
	}
	if g.Transposed {
		clear(y)
		r.groups(func(grp int) { r.toLarge(y, x, w, grp) })
		return
	}
	r.groups(func(grp int) { r.toSmall(y, x, w, grp) })
}

// ReferenceInputGrad: dx is the gradient of sum(dy*y) by x, of n images.
func ReferenceInputGrad(g Geometry, dx, dy, w []float32, n int) {
	r := newReference(g, n)
	if r.dense {
		matmul(n, r.in, r.out, dx, r.in, dy, r.out, transpose(w, r.in, r.out), r.in)
		return
	}
	if g.Transposed {
		r.groups(func(grp int) { r.toSmall(dx, dy, w, grp) })
		return
	}
	clear(dx)
	r.groups(func(grp int) { r.toLarge(dx, dy, w, grp) })
}

// ReferenceWeightGrad: dw is the gradient of sum(dy*y) by w, of n images.
func ReferenceWeightGrad(g Geometry, dw, x, dy []float32, n int) {
	r := newReference(g, n)
	if r.dense {
		matmul(r.in, r.out, n, dw, r.out, transpose(x, n, r.in), n, dy, r.out)
		return
	}
	small, large := dy, x
	if g.Transposed {
		small, large = x, dy
	}
	r.groups(func(grp int) {
		// gw[(tap, large channel)][small channel] = patches^T . small
		patches := r.im2col(large, grp)
		k := r.taps * r.largeC
		rows := slice(small, r.rows, r.smallC*g.Groups, grp*r.smallC, r.smallC)
		gw := make([]float32, k*r.smallC)
		matmul(k, r.smallC, r.rows, gw, r.smallC, transpose(patches, r.rows, k), r.rows, rows, r.smallC)
		r.weights(grp, func(i, tap, ci, co int) { dw[i] = gw[r.matrixIndex(tap, ci, co)] })
	})
}

// reference names the sizes of a convolution's two sides. The small side is
// the one whose positions each meet a whole kernel of the large side: the
// output of a convolution, the input of a transposed one. Channels are a
// group's.
type reference struct {
	g              Geometry
	dense          bool
	in, out        int // features of a dense layer
	rows, taps     int // rows: small positions of all images
	smallH, smallW int
	largeH, largeW int
	smallC, largeC int
	inC, outC      int // of a group
}

func newReference(g Geometry, n int) *reference {
	h, w, err := g.Out()
	if err != nil {
		panic(err.Error())
	}
	r := &reference{g: g, dense: g.IsDense(), taps: g.KH * g.KW, inC: g.InC / g.Groups, outC: g.OutC / g.Groups}
	r.in, r.out = g.InH*g.InW*g.InC, h*w*g.OutC
	r.smallH, r.smallW, r.smallC = h, w, r.outC
	r.largeH, r.largeW, r.largeC = g.InH, g.InW, r.inC
	if g.Transposed {
		r.smallH, r.largeH = r.largeH, r.smallH
		r.smallW, r.largeW = r.largeW, r.smallW
		r.smallC, r.largeC = r.largeC, r.smallC
	}
	r.rows = n * r.smallH * r.smallW
	return r
}

func (r *reference) groups(f func(grp int)) {
	for grp := range r.g.Groups {
		f(grp)
	}
}

// toSmall: small = im2col(large) . matrix, the forward pass of a convolution
// and the input gradient of a transposed one.
func (r *reference) toSmall(small, large, w []float32, grp int) {
	k := r.taps * r.largeC
	out := make([]float32, r.rows*r.smallC)
	matmul(r.rows, r.smallC, k, out, r.smallC, r.im2col(large, grp), k, r.matrix(w, grp), r.smallC)
	unslice(small, out, r.rows, r.smallC*r.g.Groups, grp*r.smallC, r.smallC)
}

// toLarge: large += col2im(small . matrix^T), the adjoint of toSmall.
func (r *reference) toLarge(large, small, w []float32, grp int) {
	k := r.taps * r.largeC
	rows := slice(small, r.rows, r.smallC*r.g.Groups, grp*r.smallC, r.smallC)
	patches := make([]float32, r.rows*k)
	matmul(r.rows, k, r.smallC, patches, k, rows, r.smallC, transpose(r.matrix(w, grp), k, r.smallC), k)
	r.patches(grp, func(patch, pixel int) { large[pixel] += patches[patch] })
}

// im2col returns the patches of a group: (rows, taps, large channels), zero
// where a tap lies outside the image.
func (r *reference) im2col(large []float32, grp int) []float32 {
	p := make([]float32, r.rows*r.taps*r.largeC)
	r.patches(grp, func(patch, pixel int) { p[patch] = large[pixel] })
	return p
}

// patches calls f with every index into the patches and the pixel of the large
// side that it stands for.
func (r *reference) patches(grp int, f func(patch, pixel int)) {
	g := r.g
	for row := range r.rows {
		n, y, x := row/(r.smallH*r.smallW), row/r.smallW%r.smallH, row%r.smallW
		for tap := range r.taps {
			ly := y*g.StrideH + tap/g.KW*g.DilationH - g.PadTop
			lx := x*g.StrideW + tap%g.KW*g.DilationW - g.PadLeft
			if ly < 0 || ly >= r.largeH || lx < 0 || lx >= r.largeW {
				continue
			}
			for c := range r.largeC {
				f((row*r.taps+tap)*r.largeC+c, ((n*r.largeH+ly)*r.largeW+lx)*r.largeC*g.Groups+grp*r.largeC+c)
			}
		}
	}
}

// weights calls f with every weight of a group: its index and what it joins.
func (r *reference) weights(grp int, f func(i, tap, ci, co int)) {
	for tap := range r.taps {
		for ci := range r.inC {
			for co := range r.outC {
				f((tap*r.inC+ci)*r.g.OutC+grp*r.outC+co, tap, ci, co)
			}
		}
	}
}

// matrixIndex is the place of a weight in matrix.
func (r *reference) matrixIndex(tap, ci, co int) int {
	if r.g.Transposed {
		return (tap*r.largeC+co)*r.smallC + ci
	}
	return (tap*r.largeC+ci)*r.smallC + co
}

// matrix returns a group's weights as ((tap, large channel), small channel).
func (r *reference) matrix(w []float32, grp int) []float32 {
	m := make([]float32, r.taps*r.largeC*r.smallC)
	r.weights(grp, func(i, tap, ci, co int) { m[r.matrixIndex(tap, ci, co)] = w[i] })
	return m
}

// matmul: c = a . b with c (m, n), a (m, k), b (k, n), row-major with the row
// lengths ldc, lda, ldb.
func matmul(m, n, k int, c []float32, ldc int, a []float32, lda int, b []float32, ldb int) {
	for i := range m {
		row := c[i*ldc:][:n]
		clear(row)
		for p := range k {
			v := a[i*lda+p]
			for j, w := range b[p*ldb:][:n] {
				row[j] += float32(v * w)
			}
		}
	}
}

// transpose returns the (cols, rows) transpose of a (rows, cols) matrix.
func transpose(m []float32, rows, cols int) []float32 {
	t := make([]float32, rows*cols)
	for r := range rows {
		for c := range cols {
			t[c*rows+r] = m[r*cols+c]
		}
	}
	return t
}

// slice returns the columns [from, from+n) of a matrix of rows of width cols.
func slice(m []float32, rows, cols, from, n int) []float32 {
	s := make([]float32, rows*n)
	for r := range rows {
		copy(s[r*n:][:n], m[r*cols+from:])
	}
	return s
}

// unslice is the inverse of slice: it writes s to those columns of m.
func unslice(m, s []float32, rows, cols, from, n int) {
	for r := range rows {
		copy(m[r*cols+from:][:n], s[r*n:])
	}
}

// DirectForward is ReferenceForward as plain loops over everything that meets,
// in float64.
func DirectForward(g Geometry, y []float64, x, w []float32, n int) {
	clear(y)
	g.direct(n, func(xi, yi, wi int) { y[yi] += float64(x[xi]) * float64(w[wi]) })
}

// DirectInputGrad is ReferenceInputGrad as plain loops in float64.
func DirectInputGrad(g Geometry, dx []float64, dy, w []float32, n int) {
	clear(dx)
	g.direct(n, func(xi, yi, wi int) { dx[xi] += float64(dy[yi]) * float64(w[wi]) })
}

// DirectWeightGrad is ReferenceWeightGrad as plain loops in float64.
func DirectWeightGrad(g Geometry, dw []float64, x, dy []float32, n int) {
	clear(dw)
	g.direct(n, func(xi, yi, wi int) { dw[wi] += float64(x[xi]) * float64(dy[yi]) })
}

// direct calls f for every product x[xi]*w[wi] that is part of y[yi].
func (g Geometry) direct(n int, f func(xi, yi, wi int)) {
	outH, outW, err := g.Out()
	if err != nil {
		panic(err.Error())
	}
	if g.IsDense() {
		in, out := g.InH*g.InW*g.InC, outH*outW*g.OutC
		for img := range n {
			for i := range in {
				for o := range out {
					f(img*in+i, img*out+o, i*out+o)
				}
			}
		}
		return
	}
	inC, outC := g.InC/g.Groups, g.OutC/g.Groups
	pixel := func(img, iy, ix, oy, ox, tap int) {
		for grp := range g.Groups {
			for ci := range inC {
				for co := range outC {
					f(((img*g.InH+iy)*g.InW+ix)*g.InC+grp*inC+ci, ((img*outH+oy)*outW+ox)*g.OutC+grp*outC+co, (tap*inC+ci)*g.OutC+grp*outC+co)
				}
			}
		}
	}
	for img := range n {
		for ky := range g.KH {
			for kx := range g.KW {
				if g.Transposed {
					for iy := range g.InH {
						for ix := range g.InW {
							oy, ox := iy*g.StrideH+ky*g.DilationH-g.PadTop, ix*g.StrideW+kx*g.DilationW-g.PadLeft
							if oy >= 0 && oy < outH && ox >= 0 && ox < outW {
								pixel(img, iy, ix, oy, ox, ky*g.KW+kx)
							}
						}
					}
					continue
				}
				for oy := range outH {
					for ox := range outW {
						iy, ix := oy*g.StrideH+ky*g.DilationH-g.PadTop, ox*g.StrideW+kx*g.DilationW-g.PadLeft
						if iy >= 0 && iy < g.InH && ix >= 0 && ix < g.InW {
							pixel(img, iy, ix, oy, ox, ky*g.KW+kx)
						}
					}
				}
			}
		}
	}
}
