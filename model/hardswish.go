package model

// HardSwish is y = x * hardsigmoid(x): 0 up to x = -3, x from 3 on (Howard et al. 2019).
type HardSwish struct{ fromInput }

func init() { Register[HardSwish]() }

// Kind returns "hardswish".
func (HardSwish) Kind() string { return "hardswish" }

// At returns y.
func (HardSwish) At(x float64) float64 { return x * hardSigmoid(x) }

// Derivative returns (2*x+3) / 6 where -3 < x < 3; 0 below and 1 above.
func (HardSwish) Derivative(x, _ float64) float64 {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return 1
	}
	return (x + x + 3) / 6
}
