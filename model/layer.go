package model

import (
	"encoding/json"
	"fmt"
)

// Layer is the description of one layer: Dense, Conv2D, ConvTranspose2D,
// BatchNorm, LeakyReLU, ReLU, Tanh, Sigmoid, Dropout, Reshape or Flatten. It is
// a plain value; a Model holds the parameters. Its fields are its attributes in
// the file format.
type Layer interface {
	// Kind is the layer's name in files and messages, such as "conv2d".
	Kind() string
	// Output returns the shape that the layer makes of in. The error wraps ErrShape if in is at fault, not an attribute.
	Output(in Shape) (Shape, error)

	// params lists the layer's parameters on an input that Output accepts, without values.
	params(in Shape) []Param
	// withDefaults returns the layer with unset attributes filled in.
	withDefaults() Layer
}

// Param is a named array of a model's values.
type Param struct {
	Name      string    // "conv2d0.weight": layer and role
	Shape     []int     // see the layer's documentation
	Data      []float32 // row-major
	Trainable bool      // false for BatchNorm's moving statistics

	role  role
	fan   [2]int // fan-in and fan-out of a weight, as Keras counts them
	place []byte // what of a file in memory Data reads; nil for the Model's own memory
}

// role is what a parameter does, as far as its first value depends on it.
type role uint8

const (
	kernel role = iota // weight of a linear layer
	zero               // starts at 0: biases, beta, moving mean
	one                // starts at 1: gamma, moving variance
)

// Len is the number of values.
func (p *Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// vector returns the description of a parameter of n values: a bias, or one of BatchNorm's.
func vector(name string, n int, r role, trainable bool) Param {
	return Param{Name: name, Shape: []int{n}, Trainable: trainable, role: r}
}

// decodeLayer turns the attributes of a layer of the given kind into a Layer.
func decodeLayer(kind string, attributes []byte) (Layer, error) {
	switch kind {
	case Dense{}.Kind():
		return decode[Dense](attributes)
	case Conv2D{}.Kind():
		return decode[Conv2D](attributes)
	case ConvTranspose2D{}.Kind():
		return decode[ConvTranspose2D](attributes)
	case BatchNorm{}.Kind():
		return decode[BatchNorm](attributes)
	case LeakyReLU{}.Kind():
		return decode[LeakyReLU](attributes)
	case ReLU{}.Kind():
		return decode[ReLU](attributes)
	case Tanh{}.Kind():
		return decode[Tanh](attributes)
	case Sigmoid{}.Kind():
		return decode[Sigmoid](attributes)
	case Dropout{}.Kind():
		return decode[Dropout](attributes)
	case Reshape{}.Kind():
		return decode[Reshape](attributes)
	case Flatten{}.Kind():
		return decode[Flatten](attributes)
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func decode[L Layer](attributes []byte) (Layer, error) {
	var l L
	err := strict(attributes, &l)
	return l, err
}

// encodeLayer is the inverse: one JSON object, its kind first.
func encodeLayer(l Layer) ([]byte, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"kind":%q`, l.Kind())
	if len(b) > len("{}") {
		head += ","
	}
	return append([]byte(head), b[1:]...), nil
}
