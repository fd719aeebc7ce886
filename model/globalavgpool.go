package model

import "github.com/gantiny/gantiny/quant"

// GlobalAvgPool is the mean over all positions: y[c] = Σ x[p,c] / positions, a vector of the
// input's channels.
type GlobalAvgPool struct{ moving }

func init() {
	Register[GlobalAvgPool]()
	Register[QAverage[GlobalAvgPool]]()
}

// Kind returns "globalavgpool".
func (GlobalAvgPool) Kind() string { return "globalavgpool" }

// Infer returns a vector of the input's channels.
func (GlobalAvgPool) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	return Floats(Flat(in[0].Shape.C)), nil
}

// Reference: y[c] = Σ x[p,c] / positions.
func (GlobalAvgPool) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	clear(y)
	for i, v := range x[0] {
		y[i%s.C] += v / float64(s.H*s.W)
	}
}

func (GlobalAvgPool) identityOn(in []Spec, out Spec) bool { return in[0] == out }

// means: all positions weigh 1.
func (GlobalAvgPool) means(x, _ Shape, f func(to int, from []int, weight []int64, total int64)) {
	from, ones := make([]int, x.H*x.W), make([]int64, x.H*x.W)
	for p := range from {
		from[p], ones[p] = p, 1
	}
	f(0, from, ones, int64(len(from)))
}

// int8Form: a mean of many values has a smaller range than they, so it has steps of its own.
func (l GlobalAvgPool) int8Form(out quant.Params) Op { return QAverage[GlobalAvgPool]{l, out} }
