package model

// Flatten makes an image a vector, in the order (y, x, c). It moves no data.
type Flatten struct{}

func init() { Register[Flatten]() }

// Kind returns "flatten".
func (Flatten) Kind() string { return "flatten" }

// Infer returns a vector's shape.
func (Flatten) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	return Floats(Flat(in[0].Shape.Len())), nil
}

// Params returns none.
func (Flatten) Params([]Spec) []Param { return nil }

// Reference: y = x.
func (Flatten) Reference(y []float64, x, _ [][]float64, _ []Spec) { copy(y, x[0]) }

func (Flatten) reshapes() {}
