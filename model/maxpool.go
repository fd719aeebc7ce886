package model

import "github.com/gantiny/gantiny/quant"

// MaxPool is the largest value of each window of Kernel positions:
//
//	y[i,j] = max x[i*Stride[0]-top+a, j*Stride[1]-left+b], a < Kernel[0], b < Kernel[1]
//
// over those positions that are the input's. A gradient goes to the first of equal values; a window
// that holds a NaN gives NaN.
type MaxPool struct {
	Kernel [2]int `json:"kernel"`       // rows, columns
	Stride [2]int `json:"stride"`       // rows, columns; 1 if unset
	Pad    [4]int `json:"pad,omitzero"` // above, below, left, right of the input; less than the kernel
}

func init() { Register[MaxPool]() }

// Kind returns "maxpool".
func (MaxPool) Kind() string { return "maxpool" }

// Infer returns the number of windows.
func (l MaxPool) Infer(in []Spec) (Spec, error) { return l.window().infer(in) }

// Params returns none.
func (MaxPool) Params([]Spec) []Param { return nil }

func (l MaxPool) window() window { return window{l.Kernel, l.Stride, l.Pad} }

func (l MaxPool) withDefaults() Op {
	setOnes(&l.Stride[0], &l.Stride[1])
	return l
}

// Reference: y = max x.
func (l MaxPool) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	out, _ := l.Infer(in)
	l.window().positions(s, out.Shape, func(to int, from []int) {
		for c := range s.C {
			top := x[0][from[0]*s.C+c]
			for _, p := range from[1:] {
				top = max(top, x[0][p*s.C+c])
			}
			y[to*s.C+c] = top
		}
	})
}

// Lower: see maxPool.
func (l MaxPool) Lower(at *Lowering) (Kernel, error) { return newMaxPool(l, at), nil }

func (l MaxPool) identityOn(in []Spec, out Spec) bool {
	return l.Kernel == [2]int{1, 1} && in[0] == out
}

func (l MaxPool) int8Form(quant.Params) Op { return QMaxPool{l} }

func (MaxPool) passesScale() bool { return true }

// maxPool is a MaxPool on layouts.
type maxPool struct {
	windows [][]int32 // of each output position: the input's positions, in order
}

func newMaxPool(l MaxPool, at *Lowering) *maxPool {
	o := &maxPool{make([][]int32, at.Out.Positions())}
	l.window().positions(at.Specs[0].Shape, at.Result.Shape, func(to int, from []int) {
		for _, p := range from {
			o.windows[to] = append(o.windows[to], int32(p))
		}
	})
	return o
}

// Forward: y = max x.
func (o *maxPool) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		to := y.At(p, n)
		copy(to, x[0].At(int(o.windows[p][0]), n))
		for _, q := range o.windows[p][1:] {
			from := x[0].At(int(q), n)
			for c, v := range to {
				to[c] = max(v, from[c])
			}
		}
	}
}

// Backward: dx += dy at the first of the window's largest values.
func (o *maxPool) Backward(_ *Worker, dx []Tensor, dy Tensor, x []Tensor, y Tensor, s Share) {
	if dx[0].F == nil {
		return
	}
	for p, n := range s.rows(dx[0].Layout) {
		clear(dx[0].At(p, n))
	}
	for p, window := range o.windows {
		for n := s.N0; n < s.N1; n++ {
			d, to := dy.At(p, n), dx[0].F[n*dx[0].Row:]
			for c, v := range y.At(p, n) {
				to[largest(window, x[0], n, c, v)*dx[0].Stride+c] += d[c]
			}
		}
	}
}

// Tangent: ty = tx at the first of the window's largest values.
func (o *maxPool) Tangent(_ *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share) {
	for p, window := range o.windows {
		for n := s.N0; n < s.N1; n++ {
			to, from := ty.At(p, n), tx[0].F[n*tx[0].Row:]
			for c, v := range y.At(p, n) {
				to[c] = from[largest(window, x[0], n, c, v)*tx[0].Stride+c]
			}
		}
	}
}

// largest returns the first position of a window at which channel c of image n is v, its maximum.
func largest(window []int32, x Tensor, n, c int, v float32) int {
	at := n*x.Row + c
	for _, q := range window {
		if u := x.F[at+int(q)*x.Stride]; u == v || u != u && v != v {
			return int(q)
		}
	}
	panic("model: maxpool: the output is not of this input")
}
