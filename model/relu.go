package model

// ReLU is y = max(x, 0), run as a LeakyReLU of slope 0; its gradient at 0 is 0.
type ReLU struct{}

// Kind returns "relu".
func (ReLU) Kind() string { return "relu" }

// Output returns in.
func (ReLU) Output(in Shape) (Shape, error) { return in, nil }

func (ReLU) params(Shape) []Param  { return nil }
func (l ReLU) withDefaults() Layer { return l }
