package model

// HardSigmoid is y = x/6 + 1/2, but at least 0 and at most 1.
type HardSigmoid struct{ fromOutput }

func init() { Register[HardSigmoid]() }

// Kind returns "hardsigmoid".
func (HardSigmoid) Kind() string { return "hardsigmoid" }

// At returns y.
func (HardSigmoid) At(x float64) float64 { return hardSigmoid(x) }

func hardSigmoid(x float64) float64 { return min(max((x+3)/6, 0), 1) }

// Derivative returns 1/6 where 0 < y < 1, 0 elsewhere.
func (HardSigmoid) Derivative(_, y float64) float64 {
	if y > 0 && y < 1 {
		return 1. / 6
	}
	return 0
}

// LowerTraining: see piecewise.
func (l HardSigmoid) LowerTraining(*Lowering) (TrainKernel, error) {
	return &piecewise{pointwise{l}}, nil
}
