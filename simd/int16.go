package simd

// Int16 holds the functions of one instruction set that exact Winograd plans of int8 layers are
// made of (see package conv). A product of 16-bit integers costs more than one of 8 bits, but such
// a plan has a third of them. All rows give the same results: all arithmetic is on whole numbers
// and wraps.
//
// Rows of elements are whole vectors: N, and the columns of matrices, are multiples of Lanes16.
type Int16 struct {
	// GEMM computes a matrix product, see the type GEMM16.
	GEMM func(*GEMM16)
	// Evaluate multiplies rows of bytes or of int16 by a small matrix, see the type.
	Evaluate func(*Evaluation)
	// Interpolate turns values of polynomials into coefficients, see the type.
	Interpolate func(*Interpolation)
	// Requantize turns sums into bytes, see the type.
	Requantize func(*Requantization)
}

// Lanes16 is what the lengths of Int16's functions are multiples of. It is also the width of a
// panel of GEMM16.
const Lanes16 = 16

// GEMM16 is a product of int16 matrices, for r < Rows, j < Panels*Lanes16:
//
//	C[r*LDC+j] = Σ A[r*LDA+k] * w(k, j), k < K, with sums of 32 bits that wrap
//
// K is a multiple of Lanes16, and B a panel of Lanes16 columns after the other: w(k, p*Lanes16+j)
// is B[Packed16(K, p, k, j)]. C overlaps neither A nor B.
type GEMM16 struct {
	C               []int32
	A, B            []int16
	Rows, Panels, K int
	LDA, LDC        int
}

// Packed16 is where GEMM16 finds the weight of channel k and column j of panel p: pairs of channels
// stand side by side.
func Packed16(depth, p, k, j int) int { return (p*depth+k&^1)*Lanes16 + 2*j + k&1 }

// check panics unless the matrices fit. It reports whether there is anything to do.
func (g *GEMM16) check() bool {
	inRange(g.Rows, g.Panels, g.K, g.LDA, g.LDC)
	if g.K%Lanes16 != 0 {
		panic("simd: GEMM16: bad depth")
	}
	if g.Rows == 0 || g.Panels == 0 {
		return false
	}
	rows := int64(g.Rows - 1)
	if rows*int64(g.LDA)+int64(g.K) > int64(len(g.A)) || int64(g.Panels)*int64(g.K)*Lanes16 > int64(len(g.B)) ||
		rows*int64(g.LDC)+int64(g.Panels)*Lanes16 > int64(len(g.C)) {
		panic("simd: GEMM16: out of range")
	}
	return true
}

// maxEvaluation is the most columns of Evaluation's matrix.
const maxEvaluation = 5

// Evaluation multiplies Count blocks of rows by a small matrix M (Rows, Cols), Cols from 1 to 5:
// for q < Count, j < Rows, i < N
//
//	Dst[q*DStep+j*DS+i] = Σ_c M[j*Cols+c] * src[q*SStep+c*SS+i], in int16, which wraps
//
// where src is Bytes or, if that is nil, Src. Dst overlaps neither.
type Evaluation struct {
	Dst, Src            []int16
	Bytes               []int8
	M                   []int16
	Rows, Cols          int
	N, DS, SS           int
	Count, DStep, SStep int
}

// check panics unless the fields fit together. It reports whether there is anything to do.
func (e *Evaluation) check() bool {
	inRange(e.Rows, e.N, e.DS, e.SS, e.Count, e.DStep, e.SStep)
	if e.Cols < 1 || e.Cols > maxEvaluation || e.N%Lanes16 != 0 {
		panic("simd: Evaluation: bad matrix or length")
	}
	sameLen(len(e.M), e.Rows*e.Cols)
	if e.Rows == 0 || e.N == 0 || e.Count == 0 {
		return false
	}
	n, src := int64(e.N), len(e.Src)
	if e.Bytes != nil {
		src = len(e.Bytes)
	}
	if int64(e.Count-1)*int64(e.DStep)+int64(e.Rows-1)*int64(e.DS)+n > int64(len(e.Dst)) ||
		int64(e.Count-1)*int64(e.SStep)+int64(e.Cols-1)*int64(e.SS)+n > int64(src) {
		panic("simd: Evaluation: out of range")
	}
	return true
}

// maxPoints is the most points of an Interpolation.
const maxPoints = 8

// Coefficient is one output of an Interpolation, a row of Dst. M are its factors: of an even one
// for x[0] and the sums of the pairs, of an odd one for the differences of the pairs and, behind
// them, for x at infinity. Factors behind those are not used.
type Coefficient struct {
	At  int // where its row begins in Dst
	Add int // not 0: it is added to what is there
	M   [4]int32
}

// Interpolation makes coefficients of polynomials of their values at Points points, for i < N: x[p]
// = Src[p*SS+i] at 0 and at pairs of a point and its negative and, if the number of points is even,
// z = Src[Last+i] at infinity.
//
//	even: y = M[0]*x[0] + Σ M[p+1]*(x[2p+1]+x[2p+2])
//	odd:  y = Σ M[p]*(x[2p+1]-x[2p+2]) + M[pairs]*z
//	Dst[At+i] = y, or y + what is there, in int32, which wraps
//
// Dst does not overlap Src.
type Interpolation struct {
	Dst, Src   []int32
	Points, SS int
	Last       int
	N          int
	Even, Odd  []Coefficient
}

// check panics unless the fields fit together. It reports whether there is anything to do.
func (p *Interpolation) check() bool {
	inRange(p.N, p.SS, p.Last)
	if p.Points < 1 || p.Points > maxPoints || p.N%Lanes16 != 0 {
		panic("simd: Interpolation: bad points or length")
	}
	if p.N == 0 {
		return false
	}
	finite := (p.Points-1)/2*2 + 1
	if int64(finite-1)*int64(p.SS)+int64(p.N) > int64(len(p.Src)) || p.Points > finite && int64(p.Last)+int64(p.N) > int64(len(p.Src)) {
		panic("simd: Interpolation: out of range")
	}
	for _, list := range [2][]Coefficient{p.Even, p.Odd} {
		for i := range list {
			if at := list[i].At; at < 0 || at > len(p.Dst)-p.N {
				panic("simd: Interpolation: out of range")
			}
		}
	}
	return true
}

// Requantization turns rows of sums into bytes, for r < Rows, j < Cols:
//
//	Q[r*LDQ+j] = Requantize(S[r*LDS+j]>>Shift + Start[j], Scale[j], Slope, Zero)
type Requantization struct {
	Q                    []int8
	S, Start             []int32
	Scale                []float32
	Rows, Cols, LDQ, LDS int
	Shift                int // 0 to 31
	Slope                float32
	Zero                 int32 // an int8
}

// check panics unless the fields fit together. It reports whether there is anything to do.
func (q *Requantization) check() bool {
	inRange(q.Rows, q.Cols, q.LDQ, q.LDS)
	if q.Cols%Lanes16 != 0 || q.Shift < 0 || q.Shift > 31 || !(q.Slope <= 1) || q.Zero < -128 || q.Zero > 127 {
		panic("simd: Requantization: bad columns, Shift, Slope or Zero")
	}
	sameLen(len(q.Start), q.Cols)
	sameLen(len(q.Scale), q.Cols)
	if q.Rows == 0 || q.Cols == 0 {
		return false
	}
	rows, n := int64(q.Rows-1), int64(q.Cols)
	if rows*int64(q.LDQ)+n > int64(len(q.Q)) || rows*int64(q.LDS)+n > int64(len(q.S)) {
		panic("simd: Requantization: out of range")
	}
	return true
}
