package simd

func bytesScalar() *Bytes {
	return &Bytes{
		Table: tableBytesScalar, Add: addBytesScalar, Mul: mulBytesScalar,
		Affine: affineBytesScalar, Moments: momentsBytesScalar, Mean: meanBytesScalar,
	}
}

func tableBytesScalar(dst, x []int8, t *ByteTable) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] = t.entry[int(v)+128]
	}
}

// roundByte returns byte(round(v / 2^(half+1)), zero): half a step is added to what is twice as
// fine, so that no sum overflows.
func roundByte(v int32, half uint32, zero int32) int8 {
	return int8(max(-128, min(127, (v>>half+1)>>1+zero)))
}

// halfShift is the shift to twice what round(v / 2^shift) is, for an int32.
func halfShift(shift int32) uint32 { return uint32(min(shift-1, 31)) & 31 }

func addBytesScalar(dst, x, y []int8, s *ByteSum) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	a, b, c, half, zero := s.A, s.B, s.C, halfShift(s.Shift), s.Zero
	for i, v := range x {
		dst[i] = roundByte(int32(v)*a+int32(y[i])*b+c, half, zero)
	}
}

func mulBytesScalar(dst, x, y []int8, p *ByteProduct) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	s := p.scale
	for i, v := range x {
		dst[i] = s.round(int64((int32(v) - p.X) * (int32(y[i]) - p.Y)))
	}
}

func affineBytesScalar(dst []int8, ds int, x []int8, xs, rows int, a ByteAffine) {
	a.check(dst, ds, x, xs, rows)
	affineBytesColumns(dst, ds, x, xs, rows, &a, 0)
}

// affineBytesColumns is Affine of the columns from first on.
func affineBytesColumns(dst []int8, ds int, x []int8, xs, rows int, a *ByteAffine, first int) {
	n := len(a.Weight)
	weight, bias, shift := a.Weight[first:], a.Bias[first:n], a.Shift[first:n]
	if n == first {
		return
	}
	for r := range rows {
		to, from := dst[r*ds+first:r*ds+n], x[r*xs+first:r*xs+n]
		if a.Slope == nil {
			for c, w := range weight {
				to[c] = roundByte(int32(from[c])*w+bias[c], halfShift(shift[c]), a.Zero)
			}
			continue
		}
		slope := a.Slope[first:n]
		for c, w := range weight {
			v := int32(from[c])*w + bias[c]
			// No branch: of values of either sign it takes 5 ns an element longer.
			v = max(v, 0) + int32(int64(min(v, 0))*int64(slope[c])>>16)
			to[c] = roundByte(v, halfShift(shift[c]), a.Zero)
		}
	}
}

func momentsBytesScalar(sum, squares []int32, x []int8, xs, rows int) {
	checkMoments(sum, squares, x, xs, rows)
	clear(sum)
	clear(squares)
	momentsBytesColumns(sum, squares, x, xs, rows, 0)
}

// checkMoments panics unless the slices fit.
func checkMoments(sum, squares []int32, x []int8, xs, rows int) {
	sameLen(len(sum), len(squares))
	checkRows(x, xs, rows, len(sum))
	if rows > MaxMoments {
		panic("simd: Moments: too many rows")
	}
}

// momentsBytesColumns adds to the moments of the columns from first on.
func momentsBytesColumns(sum, squares []int32, x []int8, xs, rows, first int) {
	n := len(sum)
	if n == first {
		return
	}
	sum, squares = sum[first:], squares[first:n]
	for r := range rows {
		for c, v := range x[r*xs+first : r*xs+n] {
			v := int32(v)
			sum[c] += v
			squares[c] += v * v
		}
	}
}

func meanBytesScalar(dst, src []int8, stride int, m *ByteMean) {
	m.check(dst, src, stride)
	meanBytesColumns(dst, src, stride, m, 0)
}

// meanBytesColumns is Mean of the elements from first on.
func meanBytesColumns(dst, src []int8, stride int, m *ByteMean, first int) {
	var total [64]int64
	for lo := first; lo < len(dst); lo += len(total) {
		part := total[:min(len(total), len(dst)-lo)]
		for c := range part {
			part[c] = m.start
		}
		for _, t := range m.terms {
			for c, v := range src[int(t.From)*stride+lo:][:len(part)] {
				part[c] += int64(t.Weight) * int64(v)
			}
		}
		for c, v := range part {
			dst[lo+c] = m.round(v)
		}
	}
}
