package model

import "fmt"

// Param is a named array of a model's parameter values.
type Param struct {
	Name      string    // "conv2d0.weight": node and role
	Shape     []int     // see the operator's documentation
	Data      []float32 // row-major; nil of an int8 model's integers
	Int8      []int8    // an int8 model's weights
	Int32     []int32   // an int8 model's biases
	Trainable bool      // false for BatchNorm's moving statistics
	derived   *derived  // of what a rewrite makes, which has no Data: see values

	Init   Role // how Init sets the first values
	FanIn  int  // of a Weight, as Keras counts: channels times kernel positions
	FanOut int

	array    arrayKind // of an int8 operator's parameter
	constant bool      // no parameter in the sense of a count: it follows from others
	source   []byte    // the bytes of a mapped file that hold the values; nil for values in the Model's own memory

}

// arrayKind is which of a Param's slices holds its values.
type arrayKind uint8

const (
	float32s arrayKind = iota
	int8s
	int32s
)

// allocate gives the parameter its first values.
func (p *Param) allocate() {
	switch n := p.Len(); p.array {
	case int8s:
		p.Int8 = make([]int8, n)
	case int32s:
		p.Int32 = make([]int32, n)
	case float32s:
		p.Data = make([]float32, n)
	}
	p.fill(p.Init.start())
}

// Role says how Init sets the first values of a parameter.
type Role uint8

const (
	Weight  Role = iota // of a linear operator: from the Initializer
	Zero                // starts at 0: biases, beta, moving means
	One                 // starts at 1: gamma, moving variances
	Quarter             // starts at 0.25: PReLU's slopes
)

// start is the first value of a parameter of that role, 0 of a Weight.
func (r Role) start() float32 {
	switch r {
	case One:
		return 1
	case Quarter:
		return 0.25
	}
	return 0
}

// Len is the number of values.
func (p *Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Vector describes a parameter of n values: a bias, or one of BatchNorm's.
func Vector(name string, n int, r Role, trainable bool) Param {
	return Param{Name: name, Shape: []int{n}, Trainable: trainable, Init: r}
}

// notNegative returns an error if a value is below 0.
func (p *Param) notNegative() error {
	for i, v := range p.Data {
		if v < 0 {
			return fmt.Errorf("%s: value %d is %v", p.Name, i, v)
		}
	}
	return nil
}

func (p *Param) fill(v float32) {
	for i := range p.Data {
		p.Data[i] = v
	}
}

func count(params []*Param) int {
	n := 0
	for _, p := range params {
		if !p.constant {
			n += p.Len()
		}
	}
	return n
}
