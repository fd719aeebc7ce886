package model

import (
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// Elementary is y = f(x) for one of a few functions that imported networks put together to others:
// a normalization of several steps, for one. Sqrt and Log of numbers below 0 are NaN.
type Elementary struct {
	fromBoth
	Function string `json:"function"` // Exp, Log, Sqrt, Reciprocal, Abs or Erf
}

// The functions of Elementary.
const (
	Exp        = "exp"
	Log        = "log"
	Sqrt       = "sqrt"
	Reciprocal = "reciprocal" // 1/x
	Abs        = "abs"
	Erf        = "erf" // the error function
)

func init() { Register[Elementary]() }

// Kind returns "elementary".
func (Elementary) Kind() string { return "elementary" }

// Infer returns what the input is.
func (l Elementary) Infer(in []Spec) (Spec, error) {
	switch l.Function {
	case Exp, Log, Sqrt, Reciprocal, Abs, Erf:
		return sameAs(in)
	}
	return Spec{}, fmt.Errorf("function %q", l.Function)
}

// At returns y.
func (l Elementary) At(x float64) float64 {
	switch l.Function {
	case Exp:
		return fmath.Exp(x)
	case Log:
		return fmath.Log(x)
	case Sqrt:
		return math.Sqrt(x)
	case Reciprocal:
		return 1 / x
	case Abs:
		return math.Abs(x)
	case Erf:
		return fmath.Erf(x)
	}
	panic("model: elementary: function " + l.Function)
}

// Derivative returns dy/dx; that of Abs at 0 is 0.
func (l Elementary) Derivative(x, y float64) float64 {
	switch l.Function {
	case Exp:
		return y
	case Log:
		return 1 / x
	case Sqrt:
		return 0.5 / y
	case Reciprocal:
		return -float64(y * y)
	case Abs:
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	case Erf:
		return 2 / math.SqrtPi * fmath.Exp(-float64(x*x))
	}
	panic("model: elementary: function " + l.Function)
}
