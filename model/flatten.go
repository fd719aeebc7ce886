package model

// Flatten makes an image a vector, in the order (y, x, c). It moves no data.
type Flatten struct{}

// Kind returns "flatten".
func (Flatten) Kind() string { return "flatten" }

// Output returns a vector's shape.
func (Flatten) Output(in Shape) (Shape, error) { return Flat(in.Len()), nil }

func (Flatten) params(Shape) []Param  { return nil }
func (l Flatten) withDefaults() Layer { return l }
