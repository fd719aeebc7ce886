package simd

// The int8 tiles of the row "go": plain Go like the scalar reference, but arranged for the
// compiler. Rows of a tile are taken a few at a time. There are 14 at most, as many as two lines of
// the reference network's images have:
//
//   - triples, where registers have 64 bits: three activations go into one number, 21 bits apart,
//     so that one multiplication makes three products, and sums of 32 of them stay apart. A product
//     takes 2.2 instructions on riscv64, 4.8 in the reference.
//   - single rows of four columns elsewhere, sixteen channels at a time: the twelve registers of
//     32-bit ARM hold their sums and operands. A product takes 3.1 instructions instead of 7.8.

const goQMR = 14

// int8Triples is for machines of 64 bits, int8Fours for others; both run anywhere.
func int8Triples() *Int8 {
	return &Int8{form: formTriples, MR: goQMR, NR: 8, Group: 1, Width: 1, GEMM: qgemmTriples, Gather: gatherScalar, Peak: qpeakTriples}
}

func int8Fours() *Int8 {
	return &Int8{form: formFours, MR: goQMR, NR: 4, Group: 1, Width: 1, GEMM: qgemmFours, Gather: gatherScalar, Peak: qpeakScalar}
}

const (
	formTriples form = 100
	formFours   form = 101
)

func qgemmTriples(g *QGEMM) {
	const nr = 8
	if !g.check(formTriples) {
		return
	}
	depth := g.Tiles.depth
	for i := range g.Tiles.tiles[g.From:g.To] {
		t := &g.Tiles.tiles[g.From+i]
		rows, runA, runC := g.rows(t)
		for r := 0; r < rows; r += 3 {
			n := min(3, rows-r)
			var s sums
			var a, c [3]int // where the rows are; missing ones stand in for the last
			for j := range 3 {
				a[j], c[j] = t.row(min(r+j, rows-1), rows, runA, runC)
				if j < n {
					g.start(s[j][:], t, c[j])
				}
			}
			if depth > 0 {
				for _, tap := range g.Tiles.taps[t.Tap:][:t.Taps] {
					b := g.B[int(t.B)+tap.B:][:depth*nr]
					if n == 1 {
						qgemmRow(&s[0], g.A[a[0]+tap.A:][:depth], b)
						continue
					}
					triple(&s, g.A[a[0]+tap.A:][:depth], g.A[a[1]+tap.A:][:depth], g.A[a[2]+tap.A:][:depth], b)
				}
			}
			for j := range n {
				g.finish(s[j][:], t, r+j, c[j])
			}
		}
	}
}

// tripleDepth is how many products of int8 fit the 21 bits of a field.
const (
	tripleDepth = 32
	field       = 21
)

// triple: s[r][j] += Σ ar[k]*b[k*8+j].
func triple(s *sums, a0, a1, a2, b []int8) {
	var p [8]int64
	for len(a0) >= tripleDepth {
		tripleBlock(&p, (*[tripleDepth]int8)(a0), (*[tripleDepth]int8)(a1), (*[tripleDepth]int8)(a2), (*[8 * tripleDepth]int8)(b))
		s.add(&p)
		a0, a1, a2, b = a0[tripleDepth:], a1[tripleDepth:], a2[tripleDepth:], b[8*tripleDepth:]
	}
	if len(a0) > 0 {
		tripleRest(&p, a0, a1, a2, b)
		s.add(&p)
	}
}

// tripleBlock: p[j] = Σ x[k]*b[k*8+j], x[k] = a0[k] + a1[k]<<21 + a2[k]<<42. Arrays need no checks
// of bounds.
func tripleBlock(p *[8]int64, a0, a1, a2 *[tripleDepth]int8, b *[8 * tripleDepth]int8) {
	var s0, s1, s2, s3, s4, s5, s6, s7 int64
	for k := range a0 {
		x := int64(a0[k]) + int64(a1[k])<<field + int64(a2[k])<<(2*field)
		w := (*[8]int8)(b[8*k:])
		s0 += x * int64(w[0])
		s1 += x * int64(w[1])
		s2 += x * int64(w[2])
		s3 += x * int64(w[3])
		s4 += x * int64(w[4])
		s5 += x * int64(w[5])
		s6 += x * int64(w[6])
		s7 += x * int64(w[7])
	}
	*p = [8]int64{s0, s1, s2, s3, s4, s5, s6, s7}
}

// tripleRest is tripleBlock of fewer channels.
func tripleRest(p *[8]int64, a0, a1, a2, b []int8) {
	*p = [8]int64{}
	for k, v := range a0 {
		x := int64(v) + int64(a1[k])<<field + int64(a2[k])<<(2*field)
		for j, w := range b[8*k:][:8] {
			p[j] += x * int64(w)
		}
	}
}

// sums are those of three rows.
type sums [3][8]int32

// add adds the three fields of each p[j] to the sums of column j. A field that is negative has
// taken 1 from the one above.
func (s *sums) add(p *[8]int64) {
	for j, v := range p {
		low := v << (64 - field) >> (64 - field)
		v = (v - low) >> field
		middle := v << (64 - field) >> (64 - field)
		s[0][j] += int32(low)
		s[1][j] += int32(middle)
		s[2][j] += int32((v - middle) >> field)
	}
}

// qgemmFours: see the top of the file.
func qgemmFours(g *QGEMM) {
	const nr = 4
	if !g.check(formFours) {
		return
	}
	depth := g.Tiles.depth
	for i := range g.Tiles.tiles[g.From:g.To] {
		t := &g.Tiles.tiles[g.From+i]
		rows, runA, runC := g.rows(t)
		for r := range rows {
			a, c := t.row(r, rows, runA, runC)
			var s [nr]int32
			g.start(s[:], t, c)
			if depth > 0 {
				for _, tap := range g.Tiles.taps[t.Tap:][:t.Taps] {
					four(&s, g.A[a+tap.A:][:depth], g.B[int(t.B)+tap.B:][:depth*nr])
				}
			}
			g.finish(s[:], t, r, c)
		}
	}
}

// four: s[j] += Σ a[k]*b[k*4+j].
func four(s *[4]int32, a, b []int8) {
	s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
	for len(a) >= 16 && len(b) >= 64 {
		x, w := (*[16]int8)(a), (*[64]int8)(b)
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[0], (*[4]int8)(w[0:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[1], (*[4]int8)(w[4:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[2], (*[4]int8)(w[8:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[3], (*[4]int8)(w[12:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[4], (*[4]int8)(w[16:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[5], (*[4]int8)(w[20:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[6], (*[4]int8)(w[24:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[7], (*[4]int8)(w[28:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[8], (*[4]int8)(w[32:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[9], (*[4]int8)(w[36:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[10], (*[4]int8)(w[40:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[11], (*[4]int8)(w[44:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[12], (*[4]int8)(w[48:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[13], (*[4]int8)(w[52:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[14], (*[4]int8)(w[56:]))
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, x[15], (*[4]int8)(w[60:]))
		a, b = a[16:], b[64:]
	}
	for k, v := range a {
		s0, s1, s2, s3 = add4(s0, s1, s2, s3, v, (*[4]int8)(b[4*k:]))
	}
	*s = [4]int32{s0, s1, s2, s3}
}

// add4: sj + v*w[j].
func add4(s0, s1, s2, s3 int32, v int8, w *[4]int8) (int32, int32, int32, int32) {
	x := int32(v)
	return s0 + x*int32(w[0]), s1 + x*int32(w[1]), s2 + x*int32(w[2]), s3 + x*int32(w[3])
}

// qpeakTriples multiplies as triple does.
func qpeakTriples(n int) (ops int64) {
	var p [8]int64
	var s sums
	var a [tripleDepth]int8
	var b [8 * tripleDepth]int8
	for i := range a {
		a[i], b[i] = int8(i), int8(3*i)
	}
	for range n {
		tripleBlock(&p, &a, &a, &a, &b)
		s.add(&p)
	}
	return 2 * 3 * 8 * tripleDepth * int64(max(n, 0))
}
