package simd

// The scalar functions of Int16, which all others are tested against.

func scalarInt16() *Int16 {
	return &Int16{GEMM: gemm16Scalar, Evaluate: evaluateScalar, Interpolate: interpolateScalar, Requantize: requantizeScalar}
}

func gemm16Scalar(g *GEMM16) {
	if !g.check() {
		return
	}
	for p := range g.Panels {
		b := g.B[p*g.K*Lanes16:][:g.K*Lanes16]
		for r := range g.Rows {
			c := (*[Lanes16]int32)(g.C[r*g.LDC+p*Lanes16:])
			gemm16Row(c, g.A[r*g.LDA:][:g.K], b)
		}
	}
}

// gemm16Row: c[j] = Σ a[k]*w(k, j) of one panel.
func gemm16Row(c *[Lanes16]int32, a, b []int16) {
	var s [Lanes16]int32
	for k := 0; k+1 < len(a); k += 2 {
		x, y := int32(a[k]), int32(a[k+1])
		pairs := (*[2 * Lanes16]int16)(b[k*Lanes16:])
		for j := range s {
			s[j] += x*int32(pairs[2*j]) + y*int32(pairs[2*j+1])
		}
	}
	*c = s
}

func evaluateScalar(e *Evaluation) {
	if !e.check() {
		return
	}
	for q := range e.Count {
		for j := range e.Rows {
			dst := e.Dst[q*e.DStep+j*e.DS:][:e.N]
			clear(dst)
			for c, m := range e.M[j*e.Cols:][:e.Cols] {
				at := q*e.SStep + c*e.SS
				if e.Bytes != nil {
					for i, x := range e.Bytes[at:][:e.N] {
						dst[i] += m * int16(x)
					}
					continue
				}
				for i, x := range e.Src[at:][:e.N] {
					dst[i] += m * x
				}
			}
		}
	}
}

func interpolateScalar(p *Interpolation) {
	if !p.check() {
		return
	}
	pairs := (p.Points - 1) / 2
	for i := range p.N {
		x := func(point int) int32 { return p.Src[point*p.SS+i] }
		for _, c := range p.Even {
			y := c.M[0] * x(0)
			for k := range pairs {
				y += c.M[k+1] * (x(2*k+1) + x(2*k+2))
			}
			c.put(p.Dst, i, y)
		}
		for _, c := range p.Odd {
			y := int32(0)
			for k := range pairs {
				y += c.M[k] * (x(2*k+1) - x(2*k+2))
			}
			if p.Points%2 == 0 {
				y += c.M[pairs] * p.Src[p.Last+i]
			}
			c.put(p.Dst, i, y)
		}
	}
}

func (c *Coefficient) put(dst []int32, i int, y int32) {
	if c.Add != 0 {
		y += dst[c.At+i]
	}
	dst[c.At+i] = y
}

func requantizeScalar(q *Requantization) {
	if !q.check() {
		return
	}
	for r := range q.Rows {
		to, s := q.Q[r*q.LDQ:][:q.Cols], q.S[r*q.LDS:][:q.Cols]
		for j := range to {
			to[j] = Requantize(s[j]>>q.Shift+q.Start[j], q.Scale[j], q.Slope, q.Zero)
		}
	}
}
