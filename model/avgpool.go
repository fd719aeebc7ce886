package model

import "github.com/gantiny/gantiny/quant"

// AvgPool is the mean of each window of Kernel positions:
//
//	y[i,j] = Σ x[i*Stride[0]-top+a, j*Stride[1]-left+b] / n, a < Kernel[0], b < Kernel[1]
//
// over those positions that are the input's. n is their number or, with CountPad, that of the whole
// kernel, as if the padding were zeros.
type AvgPool struct {
	moving
	Kernel   [2]int `json:"kernel"`       // rows, columns
	Stride   [2]int `json:"stride"`       // rows, columns; 1 if unset
	Pad      [4]int `json:"pad,omitzero"` // above, below, left, right of the input; less than the kernel
	CountPad bool   `json:"count_pad"`
}

func init() {
	Register[AvgPool]()
	Register[QAverage[AvgPool]]()
}

// Kind returns "avgpool".
func (AvgPool) Kind() string { return "avgpool" }

// Infer returns the number of windows.
func (l AvgPool) Infer(in []Spec) (Spec, error) { return l.window().infer(in) }

func (l AvgPool) window() window { return window{l.Kernel, l.Stride, l.Pad} }

func (l AvgPool) withDefaults() Op {
	setOnes(&l.Stride[0], &l.Stride[1])
	return l
}

// count is by what a sum over n positions is divided.
func (l AvgPool) count(n int) float64 {
	if l.CountPad {
		n = l.Kernel[0] * l.Kernel[1]
	}
	return float64(n)
}

// Reference: y = Σ x / n.
func (l AvgPool) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	out, _ := l.Infer(in)
	l.window().positions(s, out.Shape, func(to int, from []int) {
		for c := range s.C {
			sum := 0.0
			for _, p := range from {
				sum += x[0][p*s.C+c]
			}
			y[to*s.C+c] = sum / l.count(len(from))
		}
	})
}

func (l AvgPool) identityOn(in []Spec, out Spec) bool {
	return l.Kernel == [2]int{1, 1} && in[0] == out
}

// means: each position of a window weighs 1.
func (l AvgPool) means(x, y Shape, f func(to int, from []int, weight []int64, total int64)) {
	var ones []int64
	l.window().positions(x, y, func(to int, from []int) {
		for len(ones) < len(from) {
			ones = append(ones, 1)
		}
		f(to, from, ones[:len(from)], int64(l.count(len(from))))
	})
}

func (AvgPool) passesScale() bool { return true }

func (l AvgPool) int8Form(out quant.Params) Op { return QAverage[AvgPool]{l, out} }
