package model

// ReLU is y = max(x, 0), run as a LeakyReLU of slope 0; its gradient at 0 is 0.
type ReLU struct{ inPlace }

func init() { Register[ReLU]() }

// Kind returns "relu".
func (ReLU) Kind() string { return "relu" }

// At returns y.
func (ReLU) At(x float64) float64 { return LeakyReLU{}.At(x) }

// Derivative returns 1 where y > 0, 0 elsewhere.
func (ReLU) Derivative(x, y float64) float64 { return LeakyReLU{}.Derivative(x, y) }

// Lower: see leaky.
func (ReLU) Lower(at *Lowering) (Kernel, error) { return newLeaky(0, at), nil }

func (ReLU) leak() float32 { return 0 }

// keeps: y is above 0 where x is.
func (ReLU) keeps() (limit, output need) { return signs, signs }
