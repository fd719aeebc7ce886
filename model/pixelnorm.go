package model

import "math"

// PixelNorm scales each position's vector of channels to a mean square of 1 (Karras et al. 2017):
//
//	y = x / sqrt(Σx*x/C + Epsilon), the sum over the C channels
type PixelNorm struct {
	Epsilon float64 `json:"epsilon"` // 1e-8 if unset
}

func init() { Register[PixelNorm]() }

// Kind returns "pixelnorm".
func (PixelNorm) Kind() string { return "pixelnorm" }

// Infer returns what the input is.
func (l PixelNorm) Infer(in []Spec) (Spec, error) {
	if err := checkEpsilon(l.Epsilon); err != nil {
		return Spec{}, err
	}
	return sameAs(in)
}

// Params returns none.
func (PixelNorm) Params([]Spec) []Param { return nil }

func (l PixelNorm) withDefaults() Op {
	if l.Epsilon == 0 {
		l.Epsilon = 1e-8
	}
	return l
}

// Reference: y = x / sqrt(Σx*x/C + Epsilon).
func (l PixelNorm) Reference(y []float64, x, _ [][]float64, in []Spec) {
	c := in[0].Shape.C
	for at := 0; at < len(y); at += c {
		sum := 0.0
		for _, v := range x[0][at:][:c] {
			sum += v * v / float64(c)
		}
		for i, v := range x[0][at:][:c] {
			y[at+i] = v / math.Sqrt(sum+l.Epsilon)
		}
	}
}

func (PixelNorm) backwardInPlace() {}

// keeps: Backward reads the input alone.
func (PixelNorm) keeps() (limit, output need) { return never, nothing }

// Lower: see pixelNorm.
func (l PixelNorm) Lower(*Lowering) (Kernel, error) { return &pixelNorm{l.Epsilon}, nil }

// pixelNorm is a PixelNorm on layouts.
type pixelNorm struct{ epsilon float64 }

// inv returns 1 / sqrt(Σx*x/C + epsilon).
func (o *pixelNorm) inv(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return 1 / math.Sqrt(sum/float64(len(x))+o.epsilon)
}

// Forward: y = x * inv.
func (o *pixelNorm) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		dst, from := y.At(p, n), x[0].At(p, n)
		inv := o.inv(from)
		for c, v := range from {
			dst[c] = float32(float64(v) * inv)
		}
	}
}

func (o *pixelNorm) overwrites() {}

// Backward: dx = inv * (dy - x * inv*inv * Σ(dy*x)/C).
func (o *pixelNorm) Backward(_ *Worker, dx []Tensor, dy Tensor, x []Tensor, _ Tensor, s Share) {
	for p, n := range s.rows(dy.Layout) {
		dst, grad, from := dx[0].At(p, n), dy.At(p, n), x[0].At(p, n)
		inv, sum := o.inv(from), 0.0
		for c, d := range grad {
			sum += float64(float64(d) * float64(from[c]))
		}
		k := inv * inv * sum / float64(len(grad))
		for c, d := range grad {
			dst[c] = float32(inv * (float64(d) - float64(k*float64(from[c]))))
		}
	}
}
