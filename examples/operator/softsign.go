package operator

import (
	"math"

	"github.com/gantiny/gantiny/model"
)

// Softsign is y = x / (1+|x|) (Turian, Bergstra and Bengio 2009).
type Softsign struct{ model.Elementwise }

func init() { model.Register[Softsign]() }

// Kind returns "softsign".
func (Softsign) Kind() string { return "softsign" }

// At returns y.
func (Softsign) At(x float64) float64 { return x / (1 + math.Abs(x)) }

// Derivative returns 1 / (1+|x|)² = (1-|y|)².
func (Softsign) Derivative(_, y float64) float64 { return (1 - math.Abs(y)) * (1 - math.Abs(y)) }
