package simd

// The checks that every row makes before it touches data. Assembly trusts what has passed here.

// sameLen panics unless a length is n.
func sameLen(n, m int) {
	if n != m {
		panic("simd: slices differ in length")
	}
}

// wholeRows panics unless n elements are whole rows of c channels; it returns the number of rows.
func wholeRows(n, c int) int {
	if c == 0 {
		if n != 0 {
			panic("simd: elements but no channels")
		}
		return 0
	}
	if n%c != 0 {
		panic("simd: length is no multiple of the channels")
	}
	return n / c
}

// enoughBits panics unless bits holds one bit for each of n elements.
func enoughBits(n, words int) {
	if n/32+(n%32+31)/32 != words {
		panic("simd: mask differs in length")
	}
}

// check panics unless dst, x and both masks fit together.
func (d *Dropout) check(dst, x int) {
	sameLen(dst, x)
	enoughBits(x, len(d.Kept))
	enoughBits(x, len(d.Above))
}

// maxTransform is the largest side of Transform's matrix.
const maxTransform = 8

// checkTransform panics unless Transform's arguments fit together. It reports whether there is
// anything to do.
func checkTransform(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) bool {
	if rows < 1 || rows > maxTransform || cols < 1 || cols > maxTransform {
		panic("simd: Transform: bad matrix")
	}
	sameLen(len(m), rows*cols)
	inRange(n, ds, ss)
	if rows > 1 && ds < n || cols > 1 && ss < n {
		panic("simd: Transform: stride shorter than a row")
	}
	if int64(rows-1)*int64(ds)+int64(n) > int64(len(dst)) || int64(cols-1)*int64(ss)+int64(n) > int64(len(src)) {
		panic("simd: Transform: out of range")
	}
	return n > 0
}

// checkRows panics unless x holds rows of width at their stride.
func checkRows[T any](x []T, stride, rows, width int) {
	inRange(stride, rows, width)
	if rows > 1 && stride < width {
		panic("simd: stride shorter than a row")
	}
	if rows > 0 && width > 0 && int64(rows-1)*int64(stride)+int64(width) > int64(len(x)) {
		panic("simd: rows out of range")
	}
}

// maxStep bounds strides and counts, so that the sums below cannot overflow an int64.
const maxStep = 1<<31 - 1

// inRange panics unless all of v are in [0, maxStep].
func inRange(v ...int) {
	for _, n := range v {
		if n < 0 || n > maxStep {
			panic("simd: bad count or stride")
		}
	}
}

// check panics unless the tile has at most mr rows and stays within its slices, panels being nr
// wide. It returns the number of panels, 0 if there is nothing to do.
func (g *GEMM) check(mr, nr int) (panels int) {
	if uint(g.Rows) > uint(mr) || g.Cols < 0 {
		panic("simd: GEMM: tile too large")
	}
	// Negative numbers have their high bits set.
	if uint64(g.K|g.LDA|g.LDB|g.LDC|g.Cols) > maxStep || uint64(int64(g.ARun)+maxStep)|uint64(int64(g.CRun)+maxStep) > 2*maxStep+1 {
		panic("simd: GEMM: bad count or stride")
	}
	if g.Rows == 0 || g.Cols == 0 {
		return 0
	}
	panels = 1
	if g.Cols > nr {
		panels = (g.Cols + nr - 1) / nr
	}
	h := (g.Rows + 1) / 2
	second := g.Rows - h
	// From the first row to the last of each run. Without a second run its offset counts for
	// nothing.
	endC, endA, startA := int64(h-1)*int64(g.LDC), int64(h-1)*int64(g.LDA), int64(0)
	if second > 0 {
		if g.CRun < 0 {
			panic("simd: GEMM: C out of range")
		}
		endC = max(endC, int64(g.CRun)+int64(second-1)*int64(g.LDC))
		endA = max(endA, int64(g.ARun)+int64(second-1)*int64(g.LDA))
		startA = min(0, int64(g.ARun))
	}
	if endC+int64(g.Cols) > int64(len(g.C)) {
		panic("simd: GEMM: C out of range")
	}
	if g.Start != StartZero || g.Scale != nil {
		g.checkStart(panels * nr)
	}
	if g.K == 0 || len(g.Taps) == 0 {
		return panels
	}
	b := len(g.B)
	if g.Half != nil {
		b = len(g.Half)
	}
	endA, endB := int64(len(g.A))-endA-int64(g.K), int64(b)-int64(g.K)*int64(nr)-int64(panels-1)*int64(g.LDB)
	if endA+startA < 0 || endB < 0 {
		panic("simd: GEMM: A or B out of range")
	}
	least, spanA, spanB := int(-startA), uint(endA+startA), uint(endB) // all within an int
	for i := range g.Taps {
		t := &g.Taps[i]
		if uint(t.A-least) > spanA || uint(t.B) > spanB {
			panic("simd: GEMM: A or B out of range")
		}
	}
	return panels
}

// checkStart panics unless Start, Bias and Scale fit together for n columns.
func (g *GEMM) checkStart(n int) {
	switch {
	case g.Start > StartC || g.Scale != nil && g.Start != StartZero:
		panic("simd: GEMM: bad Start")
	case g.Start != StartC && len(g.Bias) < n:
		panic("simd: GEMM: Bias shorter than the panels")
	case g.Scale != nil && len(g.Scale) < n:
		panic("simd: GEMM: Scale shorter than the panels")
	}
}

// check panics unless the tile has the size of a row with mr and nr and stays within its slices.
// It reports whether there is anything to do.
func (o *Outer) check(mr, nr int) bool {
	if uint(o.Rows) > uint(mr) || uint(o.Cols) > uint(nr) {
		panic("simd: Outer: tile too large")
	}
	// Negative numbers have their high bits set.
	if uint64(o.K|o.LDA|o.LDB|o.LDC) > maxStep {
		panic("simd: Outer: bad count or stride")
	}
	if o.Rows == 0 || o.Cols == 0 {
		return false
	}
	if int64(o.Rows-1)*int64(o.LDC)+int64(o.Cols) > int64(len(o.C)) {
		panic("simd: Outer: C out of range")
	}
	if o.K == 0 || len(o.Taps) == 0 {
		return true
	}
	endA := int64(len(o.A)) - int64(o.K-1)*int64(o.LDA) - int64(o.Rows)
	endB := int64(len(o.B)) - int64(o.K-1)*int64(o.LDB) - int64(nr)
	if endA < 0 || endB < 0 {
		panic("simd: Outer: A or B out of range")
	}
	for i := range o.Taps {
		t := &o.Taps[i]
		if uint64(t.A) > uint64(endA) || uint64(t.B) > uint64(endB) {
			panic("simd: Outer: A or B out of range")
		}
	}
	return true
}
