package simd

import "math"

// The model: every function of a row once more, naive, over any arithmetic. With float32 and either
// kind of multiply-add it says which bits a row must give; with float64 it is the oracle.

type float interface{ float32 | float64 }

// arith is what rows differ in.
type arith[T float] struct {
	ma            func(x, y, z T) T // x*y+z
	tanh, sigmoid func(x T) T
	smooth        activations[T]
}

var (
	rounded = arith[float32]{
		ma: func(x, y, z float32) float32 { return float32(x*y) + z },
	}
	fused  = arith[float32]{ma: fma32}
	oracle = arith[float64]{
		ma:      func(x, y, z float64) float64 { return x*y + z },
		tanh:    math.Tanh,
		sigmoid: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		smooth:  trueActivations,
	}
)

func init() {
	for _, a := range []*arith[float32]{&rounded, &fused} {
		a.tanh = func(x float32) float32 { return tanhModel(a.ma, x) }
		a.sigmoid = func(x float32) float32 { return sigmoidModel(a.ma, x) }
		a.smooth = modelActivations(a.ma)
	}
}

// model32 is the arithmetic that row k promises.
func model32(k *Kernels) arith[float32] {
	if k.FMA {
		return fused
	}
	return rounded
}

// fma32 is x*y+z rounded once. The product is exact in float64; the sum is rounded to odd there, so
// that the second rounding is right (Boldo and Melquiond 2008).
func fma32(x, y, z float32) float32 {
	p, w := float64(x)*float64(y), float64(z)
	s := p + w
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	pp := s - w // two-sum: s+err is the exact sum
	err := (p - pp) + (w - (s - pp))
	if bits := math.Float64bits(s); err != 0 && bits&1 == 0 {
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

func expNegModel(ma func(x, y, z float32) float32, y float32) float32 {
	if y > expMax {
		return 0
	}
	t := ma(y, log2E, roundMagic)
	k := t - roundMagic
	r := ma(k, ln2Lo, ma(k, ln2Hi, -y))
	p := float32(expE4)
	for _, c := range []float32{expE3, expE2, expE1, expE0, 1, 1} {
		p = ma(p, r, c)
	}
	return float32(math.Ldexp(float64(p), -int(k)))
}

func tanhModel(ma func(x, y, z float32) float32, x float32) float32 {
	if x != x {
		return x
	}
	z := float32(math.Abs(float64(x)))
	y := z
	if z < tanhCut {
		u := z * z
		y = ma(u*z, ma(ma(ma(tanhT3, u, tanhT2), u, tanhT1), u, tanhT0), z)
	} else {
		e := expNegModel(ma, z+z)
		y = 1 - (e+e)/(1+e)
	}
	return float32(math.Copysign(float64(y), float64(x)))
}

func sigmoidModel(ma func(x, y, z float32) float32, x float32) float32 {
	if x != x {
		return x
	}
	e := expNegModel(ma, float32(math.Abs(float64(x))))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// mul is a product that nothing fuses.
func mul[T float](x, y T) T { return T(x * y) }

func lrelu[T float](v, slope T) T {
	if v < 0 {
		return mul(slope, v)
	}
	return v
}

func dlrelu[T float](dy, y, slope T) T {
	if y > 0 {
		return dy
	}
	return mul(slope, dy)
}

func addModel[T float](_ arith[T], _ params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] += in[0][i]
	}
}

func scaleModel[T float](_ arith[T], p params, out, _ [][]T) {
	for i := range out[0] {
		out[0][i] *= T(p.a)
	}
}

func axpyModel[T float](f arith[T], p params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] = f.ma(T(p.a), in[0][i], out[0][i])
	}
}

func tanhOpModel[T float](f arith[T], _ params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] = f.tanh(in[0][i])
	}
}

func sigmoidOpModel[T float](f arith[T], _ params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] = f.sigmoid(in[0][i])
	}
}

func tanhGradModel[T float](f arith[T], _ params, out, in [][]T) {
	for i, y := range in[1] {
		out[0][i] = mul(in[0][i], f.ma(-y, y, 1))
	}
}

func biasLeakyModel[T float](_ arith[T], p params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] = lrelu(in[0][i]+in[1][i%len(in[1])], T(p.slope))
	}
}

func leakyGradModel[T float](_ arith[T], p params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] = dlrelu(in[0][i], in[1][i], T(p.slope))
	}
}

func rowScaleModel[T float](_ arith[T], _ params, out, in [][]T) {
	for i := range out[0] {
		out[0][i] *= in[0][i/(len(out[0])/len(in[0]))]
	}
}

func columnSumsModel[T float](_ arith[T], _ params, out, in [][]T) {
	for i, x := range in[0] {
		out[0][i%len(out[0])] += x
	}
}

func momentsModel[T float](f arith[T], _ params, out, in [][]T) {
	clear(out[0])
	clear(out[1])
	for i, x := range in[0] {
		c := i % len(in[1])
		d := x - in[1][c]
		out[0][c] += d
		out[1][c] = f.ma(d, d, out[1][c])
	}
}

func affineModel[T float](f arith[T], p params, out, in [][]T) {
	for i, x := range in[0] {
		c := i % len(in[1])
		out[0][i] = lrelu(f.ma(in[1][c], x, in[2][c]), T(p.slope))
	}
}

func affineGradSumsModel[T float](f arith[T], p params, out, in [][]T) {
	dy, x, a, b, mean := in[0], in[1], in[2], in[3], in[4]
	clear(out[0])
	clear(out[1])
	for i := range x {
		c := i % len(a)
		dz := dlrelu(dy[i], f.ma(a[c], x[i], b[c]), T(p.slope))
		out[0][c] += dz
		out[1][c] = f.ma(dz, x[i]-mean[c], out[1][c])
	}
}

func affineGradModel[T float](f arith[T], p params, out, in [][]T) {
	dy, x, a, b, k0, k1 := in[0], in[1], in[2], in[3], in[4], in[5]
	for i := range x {
		c := i % len(a)
		dz := dlrelu(dy[i], f.ma(a[c], x[i], b[c]), T(p.slope))
		out[0][i] = f.ma(a[c], dz, f.ma(k1[c], x[i], k0[c]))
	}
}

func adamModel[T float](f arith[T], p params, out, in [][]T) {
	w, m, v, g := out[0], out[1], out[2], in[0]
	s := p.adam
	lr, b1, b2, eps := T(s.LR), T(s.Beta1), T(s.Beta2), T(s.Eps)
	for i := range w {
		m[i] = f.ma(b1, m[i], mul(1-b1, g[i]))
		v[i] = f.ma(b2, v[i], mul(mul(1-b2, g[i]), g[i]))
		w[i] -= mul(lr, m[i]) / (T(math.Sqrt(float64(v[i]))) + eps)
	}
}

func dropoutModel(_ arith[float32], p params, out, in [][]float32) {
	kept, above := asBits(out[1]), asBits(out[2])
	clear(kept)
	clear(above)
	for i, x := range in[0] {
		out[0][i] = 0
		if x > 0 {
			above[i/32] |= 1 << (i % 32)
		}
		if Hash32(p.key, p.first+uint32(i)) < p.keep {
			kept[i/32] |= 1 << (i % 32)
			out[0][i] = x * p.a
		}
	}
}

func dropoutGradModel(_ arith[float32], p params, out, in [][]float32) {
	words := asBits(in[1])
	for i, x := range in[0] {
		out[0][i] = 0
		if words[i/32]>>(i%32)&1 == 1 {
			out[0][i] = x * p.a
		}
	}
}

func dropoutLeakyGradModel(_ arith[float32], p params, out, in [][]float32) {
	kept, above := asBits(in[1]), asBits(in[2])
	for i, dy := range in[0] {
		g := float32(0)
		if kept[i/32]>>(i%32)&1 == 1 {
			g = dy * p.a
		}
		if above[i/32]>>(i%32)&1 == 0 {
			g *= p.slope
		}
		out[0][i] = g
	}
}

// tile is a GEMM's or an Outer's numbers in any arithmetic.
type tile[T float] struct{ c, a, b, bias, scale []T }

func gemmModel[T float](f arith[T], g *GEMM, nr int, d tile[T]) {
	h := (g.Rows + 1) / 2
	at := func(r, ld, run int) int {
		if r < h {
			return r * ld
		}
		return run + (r-h)*ld
	}
	for r := range g.Rows {
		for j := range g.Cols {
			c := &d.c[at(r, g.LDC, g.CRun)+j]
			var s T
			switch g.Start {
			case StartBias:
				s = d.bias[j]
			case StartC:
				s = *c
			}
			for _, t := range g.Taps {
				for k := range g.K {
					s = f.ma(d.a[t.A+at(r, g.LDA, g.ARun)+k], d.b[j/nr*g.LDB+t.B+k*nr+j%nr], s)
				}
			}
			if g.Scale != nil {
				s = f.ma(s, d.scale[j], d.bias[j])
			}
			*c = lrelu(s, T(g.Slope))
		}
	}
}

func outerModel[T float](f arith[T], o *Outer, d tile[T]) {
	for r := range o.Rows {
		for j := range o.Cols {
			c := &d.c[r*o.LDC+j]
			s := *c
			if !o.Accumulate {
				s = 0
			}
			for _, t := range o.Taps {
				for k := range o.K {
					s = f.ma(d.a[t.A+k*o.LDA+r], d.b[t.B+k*o.LDB+j], s)
				}
			}
			*c = s
		}
	}
}
