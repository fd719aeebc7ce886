package simd

import (
	"math"
	"math/rand/v2"
	"unsafe"
)

// params are the numbers that a call takes beside its slices.
type params struct {
	slope, a    float32
	key         [2]uint32
	first, keep uint32
	adam        AdamStep
}

var testParams = params{
	slope: 0.3, a: -0.7, key: [2]uint32{0x9e3779b9, 0x1234567}, first: 1<<32 - 40, keep: 0xb3333333,
	adam: AdamStep{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-7},
}

// op is one function of a row, as the tests call it. A letter stands for each slice: n has
// rows*channels elements, v too but none is negative, c has channels, r has rows, b is a mask of
// one bit for each of rows*channels elements.
type op struct {
	name    string
	out, in string
	run     func(k *Kernels, p params, out, in [][]float32)
	model   func(f arith[float32], p params, out, in [][]float32)
	oracle  func(f arith[float64], p params, out, in [][]float64) // nil: nothing to round
	tol     func(rows float64) float64                            // largest error for values in [-2, 2], in units of 2^-24
	apart   bool                                                  // slices must not be the same
}

func flat(t float64) func(float64) float64 { return func(float64) float64 { return t } }

var ops = []op{
	{name: "Add", out: "n", in: "n", apart: true, tol: flat(4), model: addModel[float32], oracle: addModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Add(out[0], in[0]) }},
	{name: "Scale", out: "n", tol: flat(2), model: scaleModel[float32], oracle: scaleModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Scale(out[0], p.a) }},
	{name: "Axpy", out: "n", in: "n", apart: true, tol: flat(8), model: axpyModel[float32], oracle: axpyModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Axpy(out[0], p.a, in[0]) }},
	{name: "Tanh", out: "n", in: "n", tol: flat(1e-7 * (1 << 24)), model: tanhOpModel[float32], oracle: tanhOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Tanh(out[0], in[0]) }},
	{name: "Sigmoid", out: "n", in: "n", tol: flat(1e-7 * (1 << 24)), model: sigmoidOpModel[float32], oracle: sigmoidOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Sigmoid(out[0], in[0]) }},
	{name: "GELU", out: "n", in: "n", tol: flat(16), model: geluOpModel[float32], oracle: geluOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.GELU(out[0], in[0]) }},
	{name: "Gate", out: "n", in: "n", tol: flat(16), model: gateOpModel[float32], oracle: gateOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Gate(out[0], in[0], gateA, gateB) }},
	{name: "Softplus", out: "n", in: "n", tol: flat(16), model: softplusOpModel[float32], oracle: softplusOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Softplus(out[0], in[0]) }},
	{name: "Mish", out: "n", in: "n", tol: flat(16), model: mishOpModel[float32], oracle: mishOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Mish(out[0], in[0]) }},
	{name: "ELU", out: "n", in: "n", tol: flat(16), model: eluOpModel[float32], oracle: eluOpModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.ELU(out[0], in[0], p.a, p.slope) }},
	{name: "TanhGrad", out: "n", in: "nn", tol: flat(20), model: tanhGradModel[float32], oracle: tanhGradModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.TanhGrad(out[0], in[0], in[1]) }},
	{name: "BiasLeaky", out: "n", in: "nc", tol: flat(8), model: biasLeakyModel[float32], oracle: biasLeakyModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.BiasLeaky(out[0], in[0], in[1], p.slope) }},
	{name: "LeakyGrad", out: "n", in: "nn", tol: flat(2), model: leakyGradModel[float32], oracle: leakyGradModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.LeakyGrad(out[0], in[0], in[1], p.slope) }},
	{name: "RowScale", out: "n", in: "r", tol: flat(4), model: rowScaleModel[float32], oracle: rowScaleModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.RowScale(out[0], in[0]) }},
	{name: "ColumnSums", out: "c", in: "n", tol: func(r float64) float64 { return r * (2*r + 2) },
		model: columnSumsModel[float32], oracle: columnSumsModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.ColumnSums(out[0], in[0]) }},
	{name: "Moments", out: "cc", in: "nc", tol: func(r float64) float64 { return 48*r + 16*r*r },
		model: momentsModel[float32], oracle: momentsModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Moments(out[0], out[1], in[0], in[1]) }},
	{name: "Affine", out: "n", in: "ncc", tol: flat(16), model: affineModel[float32], oracle: affineModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Affine(out[0], in[0], in[1], in[2], p.slope) }},
	{name: "AffineGradSums", out: "cc", in: "nnccc", tol: func(r float64) float64 { return 24*r + 8*r*r },
		model: affineGradSumsModel[float32], oracle: affineGradSumsModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) {
			k.AffineGradSums(out[0], out[1], in[0], in[1], in[2], in[3], in[4], p.slope)
		}},
	{name: "AffineGrad", out: "n", in: "nncccc", tol: flat(50), model: affineGradModel[float32], oracle: affineGradModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) {
			k.AffineGrad(out[0], in[0], in[1], in[2], in[3], in[4], in[5], p.slope)
		}},
	{name: "Adam", out: "nnv", in: "n", apart: true, tol: flat(12), model: adamModel[float32], oracle: adamModel[float64],
		run: func(k *Kernels, p params, out, in [][]float32) { k.Adam(out[0], out[1], out[2], in[0], p.adam) }},
	{name: "Dropout", out: "nbb", in: "n", model: dropoutModel,
		run: func(k *Kernels, p params, out, in [][]float32) {
			k.Dropout(out[0], in[0], Dropout{Kept: asBits(out[1]), Above: asBits(out[2]), Key: p.key, First: p.first, Keep: p.keep, Scale: p.a})
		}},
	{name: "DropoutGrad", out: "n", in: "nb", model: dropoutGradModel,
		run: func(k *Kernels, p params, out, in [][]float32) { k.DropoutGrad(out[0], in[0], asBits(in[1]), p.a) }},
	{name: "DropoutLeakyGrad", out: "n", in: "nbb", model: dropoutLeakyGradModel,
		run: func(k *Kernels, p params, out, in [][]float32) {
			k.DropoutLeakyGrad(out[0], in[0], asBits(in[1]), asBits(in[2]), p.a, p.slope)
		}},
}

// asBits is x seen as words.
func asBits(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// length is the length of a slice of that letter.
func length(letter byte, rows, channels int) int {
	switch letter {
	case 'c':
		return channels
	case 'r':
		return rows
	case 'b':
		return (rows*channels + 31) / 32
	}
	return rows * channels
}

// place makes the slices of o for one shape, unfilled.
func (o *op) place(mem memory, rows, channels int) (out, in [][]float32) {
	mem.reset()
	for i := range o.out {
		out = append(out, mem.slice(length(o.out[i], rows, channels)))
	}
	for i := range o.in {
		in = append(in, mem.slice(length(o.in[i], rows, channels)))
	}
	return out, in
}

// fill draws values in [-2, 2] (v: in [0.01, 2], b: any bits), and keeps the argument of a leaky
// unit away from its kink.
func (o *op) fill(rnd *rand.Rand, out, in [][]float32) {
	for i, s := range append(append([][]float32(nil), out...), in...) {
		switch (o.out + o.in)[i] {
		case 'b':
			for j := range s {
				s[j] = math.Float32frombits(rnd.Uint32())
			}
		case 'v':
			for j := range s {
				s[j] = 0.01 + 1.99*rnd.Float32()
			}
		default:
			for j := range s {
				s[j] = 4*rnd.Float32() - 2
			}
		}
	}
	if o.name != "AffineGradSums" && o.name != "AffineGrad" {
		return
	}
	x, a, b := in[1], in[2], in[3]
	for c := range b {
		b[c] = float32(math.Copysign(0.05+math.Abs(float64(b[c]))*0.9, float64(b[c])))
	}
	for i := range x {
		for c := i % len(a); math.Abs(float64(a[c])*float64(x[i])+float64(b[c])) < 1e-3; {
			x[i] = 4*rnd.Float32() - 2
		}
	}
}

// clones returns copies of slices, in another arithmetic.
func clones[T float](slices [][]float32) [][]T {
	var list [][]T
	for _, s := range slices {
		list = append(list, convert[T](s))
	}
	return list
}

func convert[T float](s []float32) []T {
	t := make([]T, len(s))
	for i, v := range s {
		t[i] = T(v)
	}
	return t
}
