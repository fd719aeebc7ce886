package simd

import "github.com/gantiny/gantiny/internal/half"

// The scalar tiles, 4x8. Both products walk them row by row: eight accumulators fit any register
// file and hide an addition's latency.

const (
	scalarMR = 4
	scalarNR = 8
)

func gemmScalar(g *GEMM) { gemmPlain(g, scalarMR, false) }

// gemmPlain computes a tile of up to mr rows in plain Go, for the row "go" by gemmRowBy4: the same
// values.
func gemmPlain(g *GEMM, mr int, by4 bool) {
	panels := g.check(mr, scalarNR)
	factors := [2]float32{1, g.Slope}
	for r := range g.Rows {
		rowA, rowC := r*g.LDA, r*g.LDC
		if h := (g.Rows + 1) / 2; r >= h {
			rowA, rowC = g.ARun+(r-h)*g.LDA, g.CRun+(r-h)*g.LDC
		}
		for p := range panels {
			c := g.C[rowC:][p*scalarNR : min(g.Cols, (p+1)*scalarNR)]
			var s [scalarNR]float32
			switch g.Start {
			case StartBias:
				copy(s[:], g.Bias[p*scalarNR:])
			case StartC:
				copy(s[:], c)
			}
			if g.K > 0 {
				for _, t := range g.Taps {
					switch a, b := g.A[t.A+rowA:][:g.K], t.B+p*g.LDB; {
					case g.Half != nil:
						gemmRowHalf(&s, a, g.Half[b:][:g.K*scalarNR])
					case by4:
						gemmRowBy4(&s, a, g.B[b:][:g.K*scalarNR])
					default:
						gemmRow(&s, a, g.B[b:][:g.K*scalarNR])
					}
				}
			}
			for j := range c {
				v := s[j]
				if g.Scale != nil {
					v = float32(v*g.Scale[p*scalarNR+j]) + g.Bias[p*scalarNR+j]
				}
				c[j] = leaky(v, &factors)
			}
		}
	}
}

// gemmRowHalf is gemmRow for half precision.
func gemmRowHalf(s *[scalarNR]float32, a []float32, b []uint16) {
	var row [scalarNR]float32
	for k := range a {
		for j := range row {
			row[j] = half.Widen(b[k*scalarNR+j])
		}
		gemmRow(s, a[k:k+1], row[:])
	}
}

// gemmRow: s[j] += a[k]*b[k*8+j] for k in order.
func gemmRow(s *[scalarNR]float32, a, b []float32) {
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for _, x := range a {
		row := (*[scalarNR]float32)(b)
		s0 += float32(x * row[0])
		s1 += float32(x * row[1])
		s2 += float32(x * row[2])
		s3 += float32(x * row[3])
		s4 += float32(x * row[4])
		s5 += float32(x * row[5])
		s6 += float32(x * row[6])
		s7 += float32(x * row[7])
		b = b[scalarNR:]
	}
	*s = [scalarNR]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}

func outerScalar(o *Outer) { outerPlain(o, scalarMR) }

// outerPlain computes a tile of up to mr rows.
func outerPlain(o *Outer, mr int) {
	if !o.check(mr, scalarNR) {
		return
	}
	for r := range o.Rows {
		var s [scalarNR]float32
		c := o.C[r*o.LDC:][:o.Cols]
		if o.Accumulate {
			copy(s[:], c)
		}
		if o.K > 0 {
			for _, t := range o.Taps {
				outerRow(&s, o.A[t.A+r:], o.B[t.B:], o.K, o.LDA, o.LDB)
			}
		}
		copy(c, s[:])
	}
}

// outerRow: s[j] += a[k*lda]*b[k*ldb+j] for k < n in order.
func outerRow(s *[scalarNR]float32, a, b []float32, n, lda, ldb int) {
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for k := range n {
		x, row := a[k*lda], (*[scalarNR]float32)(b[k*ldb:])
		s0 += float32(x * row[0])
		s1 += float32(x * row[1])
		s2 += float32(x * row[2])
		s3 += float32(x * row[3])
		s4 += float32(x * row[4])
		s5 += float32(x * row[5])
		s6 += float32(x * row[6])
		s7 += float32(x * row[7])
	}
	*s = [scalarNR]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}
