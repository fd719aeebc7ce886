package simd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Kernels is one row of the table: the functions of one instruction set and the tile shape of its
// matrix products. Rows are shared and must not be changed.
//
// Matrices are row-major; x[r,c] stands for x[r*C+c], where C is the number of channels that the
// comment names. leaky(v, s) is s*v where v < 0 and v elsewhere; its derivative, dleaky(v, s), is 1
// where v > 0 and s elsewhere, so that it may be taken from the activation's input or from its
// output (also for ReLU, whose output is never negative).
type Kernels struct {
	Name   string // scalar, avx2, avx512, ...
	MR, NR int    // most rows and columns of C that one call of GEMM or Outer makes; NR is also the width of packed panels
	Flush  bool   // GEMM and Transform take subnormal numbers for zero, and give zero in their place, where they compute
	FMA    bool   // products are fused as the comments say: all such rows agree to the bit, except in Sum and Dot

	// Add: dst[i] += x[i]. The slices must not overlap.
	Add func(dst, x []float32)
	// Scale: dst[i] *= a.
	Scale func(dst []float32, a float32)
	// Axpy: dst[i] = fma(a, x[i], dst[i]). The slices must not overlap.
	Axpy func(dst []float32, a float32, x []float32)
	// Sum returns Σ x[i], in any order; the error is at most 2^-24 * len(x) * Σ |x[i]|.
	Sum func(x []float32) float32
	// Dot returns Σ x[i]*y[i], in any order; the error is at most 2^-24 * (len(x)+1) * Σ
	// |x[i]*y[i]|.
	Dot func(x, y []float32) float32

	// Tanh: dst[i] = tanh(x[i]) by the steps in tanh.go.
	Tanh func(dst, x []float32)
	// Sigmoid: dst[i] = 1/(1+exp(-x[i])) by the steps in tanh.go.
	Sigmoid func(dst, x []float32)
	// TanhGrad: dx[i] = dy[i] * fma(-y[i], y[i], 1), where y is Tanh's output.
	TanhGrad func(dx, dy, y []float32)
	// GELU: dst[i] = x[i]*F(x[i]), where F is the normal distribution function, by the steps in
	// activation.go, as are the four that follow.
	GELU func(dst, x []float32)
	// Gate: dst[i] = x[i]*sigmoid(x[i]*(a+b*x[i]*x[i])), with a at least 0.7 and b at least 0. It
	// is SiLU for a = 1 and b = 0, and GELU's approximation by tanh for other numbers.
	Gate func(dst, x []float32, a, b float32)
	// Softplus: dst[i] = ln(1+exp(x[i])).
	Softplus func(dst, x []float32)
	// Mish: dst[i] = x[i]*tanh(ln(1+exp(x[i]))).
	Mish func(dst, x []float32)
	// ELU: dst[i] = s*x[i] where x[i] > 0, a*(exp(x[i])-1) elsewhere; a and s are finite.
	ELU func(dst, x []float32, a, s float32)
	// BiasLeaky: dst[r,c] = leaky(x[r,c]+bias[c], slope), C = len(bias). Slope 1 adds the bias
	// only, slope 0 makes a ReLU.
	BiasLeaky func(dst, x, bias []float32, slope float32)
	// LeakyGrad: dx[i] = dy[i] where y[i] > 0, slope*dy[i] elsewhere; y is the activation's output
	// or its input.
	LeakyGrad func(dx, dy, y []float32, slope float32)

	// RowScale: x[r,c] *= s[r], C = len(x)/len(s).
	RowScale func(x, s []float32)
	// ColumnSums: sum[c] += x[r,c] for each row r in turn, C = len(sum).
	ColumnSums func(sum, x []float32)

	// Moments: for each row r in turn, from zero, with d = x[r,c]-shift[c]:
	// sum[c] += d and sq[c] = fma(d, d, sq[c]). C = len(shift).
	Moments func(sum, sq, x, shift []float32)
	// Affine: dst[r,c] = leaky(z, slope), z = fma(a[c], x[r,c], b[c]). C = len(a).
	Affine func(dst, x, a, b []float32, slope float32)
	// AffineGradSums: for each row r in turn, from zero, with z as in Affine and dz = dy[r,c] where
	// z > 0, slope*dy[r,c] elsewhere: sdz[c] += dz and sdzx[c] = fma(dz, x[r,c]-mean[c], sdzx[c]).
	// C = len(a).
	AffineGradSums func(sdz, sdzx, dy, x, a, b, mean []float32, slope float32)
	// AffineGrad: dx[r,c] = fma(a[c], dz, fma(k1[c], x[r,c], k0[c])) with dz as in AffineGradSums.
	// C = len(a).
	AffineGrad func(dx, dy, x, a, b, k0, k1 []float32, slope float32)

	// Adam is one update of the weights w with the gradients g and the running moments m and v, in
	// Keras' form (Kingma and Ba 2014, with eps outside the bias correction):
	//	m = fma(Beta1, m, (1-Beta1)*g)
	//	v = fma(Beta2, v, ((1-Beta2)*g)*g)
	//	w = w - (LR*m) / (sqrt(v)+Eps)
	Adam func(w, m, v, g []float32, p AdamStep)

	// Dropout draws a mask and applies it, with Hash32(d.Key, d.First+i) < d.Keep where x[i] stays,
	// see the type: dst[i] = x[i]*d.Scale there, 0 elsewhere. It leaves the mask in d.Kept, and in
	// d.Above where x[i] > 0.
	Dropout func(dst, x []float32, d Dropout)
	// DropoutGrad: dx[i] = dy[i]*scale where bit i%32 of kept[i/32] is set, 0 elsewhere; len(kept)
	// = ceil(len(dy)/32).
	DropoutGrad func(dx, dy []float32, kept []uint32, scale float32)
	// DropoutLeakyGrad is the gradient of a dropout and of the leaky activation before it, whose
	// positive outputs above marks: with g as DropoutGrad's result, dx[i] = g where above's bit is
	// set, slope*g elsewhere.
	DropoutLeakyGrad func(dx, dy []float32, kept, above []uint32, scale, slope float32)

	// Transform multiplies a small matrix m (rows, cols), each side from 1 to 8, with the rows of
	// src, as Winograd's transforms need: for i < n, j < rows
	//	dst[j*ds+i] = Σ m[j*cols+c] * src[c*ss+i], c in order: s = m*src for c = 0, then s = fma(m, src, s)
	// Strides of more than one row are at least n. dst and src must not overlap.
	Transform func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int)

	// Transforms is Transform for each of several rows, see the type Transforms.
	Transforms func(*Transforms)

	// CopyRows: dst[r*ds+i] = src[r*ss+i] for r < rows, i < width. Strides of more than one row are
	// at least width. dst and src must not overlap.
	CopyRows func(dst []float32, ds int, src []float32, ss, rows, width int)
	// Transpose: dst[c*ds+r] = src[r*ss+c] for r < rows, c < cols. Strides of more than one row are
	// at least the length of a row, in dst rows, in src cols. dst and src must not overlap.
	Transpose func(dst []float32, ds int, src []float32, ss, rows, cols int)

	// GEMM computes one tile of a matrix product, see the type.
	GEMM func(*GEMM)
	// Outer computes one tile of a weight gradient, see the type.
	Outer func(*Outer)

	// Peak makes n rounds of independent multiply-adds on registers alone, the most that this row
	// can do, and returns how many floating-point operations they were (a multiply-add is two).
	// Callers time it.
	Peak func(n int) (flops int64)

	// Int8 holds the row's int8 functions, see the type.
	Int8 *Int8
	// Bytes holds those that take int8 elements one by one, see the type.
	Bytes *Bytes
}

// AdamStep holds the constants of one Adam update. LR is corrected for the bias of the moments
// already: lr * sqrt(1-Beta2^t) / (1-Beta1^t). 1-Beta1 and 1-Beta2 are taken in float32, where they
// are exact.
type AdamStep struct{ LR, Beta1, Beta2, Eps float32 }

// Dropout is what a dropout draws. Bit i%32 of word i/32 of a mask stands for element i; a mask of
// n elements has ceil(n/32) words, and bits past the end are clear.
type Dropout struct {
	Kept, Above []uint32
	Key         [2]uint32
	First, Keep uint32 // Keep/2^32 is the share that stays
	Scale       float32
}

// Tap is one term of a contraction: element offsets into A and B.
type Tap struct{ A, B int }

// Where a GEMM tile starts from.
const (
	StartZero uint8 = iota // 0
	StartBias              // Bias[j]
	StartC                 // C[r,j]
)

// GEMM is one tile of a matrix product that sums over taps:
//
//	for r < Rows, j < Cols:
//		s = 0, Bias[j] or C[r,j], as Start says
//		for t in Taps, for k < K: s = fma(A[t.A+rowA(r)+k], B[t.B+k*NR+j], s)
//		C[r,j] = leaky(s, Slope)
//
// with one accumulator for each element, in this order. The rows lie in two runs, the first of h =
// (Rows+1)/2:
//
//	rowA(r) = r*LDA for r < h, ARun+(r-h)*LDA from there; rowC alike with LDC and CRun
//
// so that a tile may take rows from two places (one plain run has ARun = h*LDA, CRun = h*LDC). Rows
// is at most MR. Panels of B are NR wide whatever Cols is (callers pad them with zeros), and Bias
// has NR values for each. Where Cols is more than NR there are several panels, NR columns each:
// panel p starts LDB*p further on in B. C overlaps neither A nor B. The struct is the caller's to
// keep and reuse: a call does not retain it and does not allocate.
type GEMM struct {
	C, A, B, Bias []float32
	Half          []uint16  // if not nil, B in half precision (IEEE 754 binary16): each value is widened, exactly, where it is used
	Scale         []float32 // if not nil, as long as Bias: C[r,j] = leaky(fma(s, Scale[j], Bias[j]), Slope), and Start is StartZero
	Taps          []Tap
	Rows, Cols, K int
	LDA, ARun     int
	LDB           int // from panel to panel, at least 0
	LDC, CRun     int
	Start         uint8
	Slope         float32 // 1 for no activation

	// Hints; no result depends on them.
	Ahead []float32 // what a call to come reads, fetched into the second-level cache meanwhile, evenly over this one; nil if unknown
	Shift int       // without Ahead: how far A moves to the call to follow, whose rows are fetched if they lie together; 0 if unknown
}

// Outer is one tile of a weight gradient, which contracts the rows of both operands:
//
//	for r < Rows, j < Cols:
//		s = 0, or C[r*LDC+j] if Accumulate
//		for t in Taps, for k < K: s = fma(A[t.A+k*LDA+r], B[t.B+k*LDB+j], s)
//		C[r*LDC+j] = s
//
// with one accumulator for each element, in this order. Rows is at most MR, Cols at most NR. Each
// row of B has NR readable values whatever Cols is. C overlaps neither A nor B. As with GEMM, a
// call retains nothing and does not allocate.
type Outer struct {
	C, A, B       []float32
	Taps          []Tap
	Rows, Cols, K int
	LDA, LDB, LDC int
	Accumulate    bool

	// Hints; no result depends on them.
	Ahead []float32 // as in GEMM
	Next  []float32 // C of the call to follow, fetched meanwhile; nil if unknown
}

// EnvKernel is the environment variable that names the row to use in place of the best one.
const EnvKernel = "GANTINY_KERNEL"

// ErrUnknownKernel is what Lookup's errors wrap.
var ErrUnknownKernel = errors.New("unknown kernel row")

// rows is the table: what this machine can run, scalar first, best last.
var rows = sync.OnceValue(func() []*Kernels {
	return append([]*Kernels{scalarRow()}, archRows()...)
})

// Variants returns the rows that this machine can run, scalar first, best last.
func Variants() []*Kernels { return slices.Clone(rows()) }

// Best returns the row that GANTINY_KERNEL names, or the last of Variants if it names none that
// this machine can run (Lookup("") reports that as an error).
func Best() *Kernels {
	if k, err := Lookup(""); err == nil {
		return k
	}
	return rows()[len(rows())-1]
}

// Lookup returns the row called name. The empty name stands for GANTINY_KERNEL's value and, without
// one, for the best row. The error wraps ErrUnknownKernel and lists the rows that this machine can
// run.
func Lookup(name string) (*Kernels, error) {
	from := ""
	if name == "" {
		if name = os.Getenv(EnvKernel); name == "" {
			return rows()[len(rows())-1], nil
		}
		from = EnvKernel + ": "
	}
	var known []string
	for _, k := range rows() {
		if k.Name == name {
			return k, nil
		}
		known = append(known, k.Name)
	}
	return nil, fmt.Errorf("simd: %s%w %q; this machine runs %s", from, ErrUnknownKernel, name, strings.Join(known, ", "))
}
