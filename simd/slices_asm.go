//go:build (amd64 || arm64) && !purego

package simd

// What stands between the table and the assembly: each function checks lengths once and cuts long
// work into pieces of maxPiece elements, for a goroutine cannot be preempted inside assembly. One
// function serves every instruction set.

func addWith(kernel func(dst, x *float32, n int)) func(dst, x []float32) {
	return func(dst, x []float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n)
			dst, x = dst[n:], x[n:]
		}
	}
}

func scaleWith(kernel func(dst *float32, n int, a float32)) func(dst []float32, a float32) {
	return func(dst []float32, a float32) {
		for len(dst) > 0 {
			n := min(len(dst), maxPiece)
			kernel(&dst[0], n, a)
			dst = dst[n:]
		}
	}
}

func axpyWith(kernel func(dst, x *float32, n int, a float32)) func(dst []float32, a float32, x []float32) {
	return func(dst []float32, a float32, x []float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, a)
			dst, x = dst[n:], x[n:]
		}
	}
}

func tanhGradWith(kernel func(dx, dy, y *float32, n int)) func(dx, dy, y []float32) {
	return func(dx, dy, y []float32) {
		sameLen(len(dx), len(dy))
		sameLen(len(dx), len(y))
		for len(y) > 0 {
			n := min(len(y), maxPiece)
			kernel(&dx[0], &dy[0], &y[0], n)
			dx, dy, y = dx[n:], dy[n:], y[n:]
		}
	}
}

func leakyGradWith(kernel func(dx, dy, y *float32, n int, slope float32)) func(dx, dy, y []float32, slope float32) {
	return func(dx, dy, y []float32, slope float32) {
		sameLen(len(dx), len(dy))
		sameLen(len(dx), len(y))
		for len(y) > 0 {
			n := min(len(y), maxPiece)
			kernel(&dx[0], &dy[0], &y[0], n, slope)
			dx, dy, y = dx[n:], dy[n:], y[n:]
		}
	}
}

func adamWith(kernel func(w, m, v, g *float32, n int, lr, b1, c1, b2, c2, eps float32)) func(w, m, v, g []float32, p AdamStep) {
	return func(w, m, v, g []float32, p AdamStep) {
		sameLen(len(w), len(m))
		sameLen(len(w), len(v))
		sameLen(len(w), len(g))
		for len(w) > 0 {
			n := min(len(w), maxPiece)
			kernel(&w[0], &m[0], &v[0], &g[0], n, p.LR, p.Beta1, 1-p.Beta1, p.Beta2, 1-p.Beta2, p.Eps)
			w, m, v, g = w[n:], m[n:], v[n:], g[n:]
		}
	}
}

func dropoutGradWith(kernel func(dst, x *float32, n int, bits *uint32, scale float32)) func(dx, dy []float32, kept []uint32, scale float32) {
	return func(dx, dy []float32, kept []uint32, scale float32) {
		sameLen(len(dx), len(dy))
		enoughBits(len(dy), len(kept))
		for len(dy) > 0 {
			n := min(len(dy), maxPiece)
			kernel(&dx[0], &dy[0], n, &kept[0], scale)
			dx, dy, kept = dx[n:], dy[n:], kept[(n+31)/32:]
		}
	}
}

func dropoutLeakyGradWith(kernel func(dst, x *float32, n int, bits, above *uint32, scale, slope float32)) func(dx, dy []float32, kept, above []uint32, scale, slope float32) {
	return func(dx, dy []float32, kept, above []uint32, scale, slope float32) {
		sameLen(len(dx), len(dy))
		enoughBits(len(dy), len(kept))
		enoughBits(len(dy), len(above))
		for len(dy) > 0 {
			n := min(len(dy), maxPiece)
			kernel(&dx[0], &dy[0], n, &kept[0], &above[0], scale, slope)
			words := (n + 31) / 32
			dx, dy, kept, above = dx[n:], dy[n:], kept[words:], above[words:]
		}
	}
}

// piece is what one call does of rows of channels: rows r to r+rows of n, channels c to c+width of
// stride.
type piece struct{ r, rows, n, c, width, stride int }

// pieces is the first piece; next gives those that follow, rows in order within the same channels,
// and at last one without rows.
func pieces(n, channels int) piece {
	width := min(channels, maxPiece)
	if width == 0 {
		return piece{}
	}
	return piece{n: n, width: width, stride: channels}.limit()
}

func (p piece) next() piece {
	if p.r += p.rows; p.r == p.n {
		p.r, p.c = 0, p.c+p.width
		if p.width = min(p.stride-p.c, maxPiece); p.width == 0 {
			return piece{}
		}
	}
	return p.limit()
}

// limit sets the number of rows.
func (p piece) limit() piece {
	p.rows = min(p.n-p.r, max(1, maxPiece/max(1, p.width)))
	return p
}

// at is where the piece begins.
func (p piece) at() int { return p.r*p.stride + p.c }

func biasLeakyWith(kernel func(dst, x, bias *float32, rows, c, stride int, slope float32)) func(dst, x, bias []float32, slope float32) {
	return func(dst, x, bias []float32, slope float32) {
		sameLen(len(dst), len(x))
		if n := len(x); n == len(bias) && 0 < n && n <= maxPiece { // one row: no division
			kernel(&dst[0], &x[0], &bias[0], 1, n, n, slope)
			return
		}
		for p := pieces(wholeRows(len(x), len(bias)), len(bias)); p.rows > 0; p = p.next() {
			kernel(&dst[p.at()], &x[p.at()], &bias[p.c], p.rows, p.width, p.stride, slope)
		}
	}
}

func rowScaleWith(kernel func(x, s *float32, rows, c, stride int)) func(x, s []float32) {
	return func(x, s []float32) {
		c := wholeRows(len(x), len(s))
		switch {
		case c == 0:
			return
		case c == 1:
			for i, a := range s {
				x[i] *= a
			}
			return
		case c < 8: // a vector would wait for the store of the row before, which it overlaps
			rowScaleScalar(x, s)
			return
		}
		for p := pieces(len(s), c); p.rows > 0; p = p.next() {
			kernel(&x[p.at()], &s[p.r], p.rows, p.width, p.stride)
		}
	}
}

func columnSumsWith(kernel func(sum, x *float32, rows, c, stride int)) func(sum, x []float32) {
	return func(sum, x []float32) {
		for p := pieces(wholeRows(len(x), len(sum)), len(sum)); p.rows > 0; p = p.next() {
			kernel(&sum[p.c], &x[p.at()], p.rows, p.width, p.stride)
		}
	}
}

func momentsWith(kernel func(sum, sq, x, shift *float32, rows, c, stride int)) func(sum, sq, x, shift []float32) {
	return func(sum, sq, x, shift []float32) {
		c := len(shift)
		sameLen(c, len(sum))
		sameLen(c, len(sq))
		n := wholeRows(len(x), c)
		clear(sum)
		clear(sq)
		for p := pieces(n, c); p.rows > 0; p = p.next() {
			kernel(&sum[p.c], &sq[p.c], &x[p.at()], &shift[p.c], p.rows, p.width, p.stride)
		}
	}
}

func affineWith(kernel func(dst, x, a, b *float32, rows, c, stride int, slope float32)) func(dst, x, a, b []float32, slope float32) {
	return func(dst, x, a, b []float32, slope float32) {
		sameLen(len(dst), len(x))
		c := len(a)
		sameLen(c, len(b))
		for p := pieces(wholeRows(len(x), c), c); p.rows > 0; p = p.next() {
			kernel(&dst[p.at()], &x[p.at()], &a[p.c], &b[p.c], p.rows, p.width, p.stride, slope)
		}
	}
}

func affineGradSumsWith(kernel func(sdz, sdzx, dy, x, a, b, mean *float32, rows, c, stride int, slope float32)) func(sdz, sdzx, dy, x, a, b, mean []float32, slope float32) {
	return func(sdz, sdzx, dy, x, a, b, mean []float32, slope float32) {
		sameLen(len(dy), len(x))
		c := len(a)
		sameLen(c, len(b))
		sameLen(c, len(mean))
		sameLen(c, len(sdz))
		sameLen(c, len(sdzx))
		n := wholeRows(len(x), c)
		clear(sdz)
		clear(sdzx)
		for p := pieces(n, c); p.rows > 0; p = p.next() {
			kernel(&sdz[p.c], &sdzx[p.c], &dy[p.at()], &x[p.at()], &a[p.c], &b[p.c], &mean[p.c], p.rows, p.width, p.stride, slope)
		}
	}
}

func affineGradWith(kernel func(dx, dy, x, a, b, k0, k1 *float32, rows, c, stride int, slope float32)) func(dx, dy, x, a, b, k0, k1 []float32, slope float32) {
	return func(dx, dy, x, a, b, k0, k1 []float32, slope float32) {
		sameLen(len(dx), len(x))
		sameLen(len(dy), len(x))
		c := len(a)
		sameLen(c, len(b))
		sameLen(c, len(k0))
		sameLen(c, len(k1))
		for p := pieces(wholeRows(len(x), c), c); p.rows > 0; p = p.next() {
			kernel(&dx[p.at()], &dy[p.at()], &x[p.at()], &a[p.c], &b[p.c], &k0[p.c], &k1[p.c], p.rows, p.width, p.stride, slope)
		}
	}
}

func copyRowsWith(kernel func(dst *float32, ds int, src *float32, ss, rows, width int)) func(dst []float32, ds int, src []float32, ss, rows, width int) {
	return func(dst []float32, ds int, src []float32, ss, rows, width int) {
		checkRows(dst, ds, rows, width)
		checkRows(src, ss, rows, width)
		for p := pieces(rows, width); p.rows > 0; p = p.next() {
			kernel(&dst[p.r*ds+p.c], ds, &src[p.r*ss+p.c], ss, p.rows, p.width)
		}
	}
}

// transposeWith: kernel takes whole blocks of lanes by lanes.
func transposeWith(kernel func(dst *float32, ds int, src *float32, ss, rows, cols int), lanes int) func(dst []float32, ds int, src []float32, ss, rows, cols int) {
	return func(dst []float32, ds int, src []float32, ss, rows, cols int) {
		checkRows(src, ss, rows, cols)
		checkRows(dst, ds, cols, rows)
		blockRows, blockCols := rows-rows%lanes, cols-cols%lanes
		most := maxPiece / lanes // columns of one call
		for r := 0; r < blockRows; r += lanes {
			for c := 0; c < blockCols; c += most {
				kernel(&dst[c*ds+r], ds, &src[r*ss+c], ss, lanes, min(blockCols-c, most))
			}
		}
		if blockCols < cols && blockRows > 0 {
			transposeScalar(dst[blockCols*ds:], ds, src[blockCols:], ss, blockRows, cols-blockCols)
		}
		if blockRows < rows && cols > 0 {
			transposeScalar(dst[blockRows:], ds, src[blockRows*ss:], ss, rows-blockRows, cols)
		}
	}
}
