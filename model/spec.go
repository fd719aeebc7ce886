package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Spec is the shape and type of a value of a graph. The shape is that of one image.
type Spec struct {
	Shape Shape
	Type  Type
}

// Type is the type of a value's elements. The zero Type is float32.
type Type struct {
	Kind         TypeKind
	quant.Params     // Int8: a byte q stands for Scale*(q-Zero)
	Classes      int // Class: the number of classes
}

// TypeKind is the kind of a Type.
type TypeKind uint8

// The kinds of types.
const (
	Float32 TypeKind = iota
	Int8             // signed bytes with a scale and a zero point
	Class            // one class index an image, 0 to Classes-1; the shape is 1
	Pixel            // unsigned bytes, image by image: p stands for (p-127.5)/127.5
)

// String returns "float32", "int8", "class of 10" or "pixel".
func (t Type) String() string {
	switch t.Kind {
	case Float32:
		return "float32"
	case Int8:
		return "int8"
	case Class:
		return fmt.Sprintf("class of %d", t.Classes)
	case Pixel:
		return "pixel"
	}
	return fmt.Sprintf("type %d", t.Kind)
}

// String returns the shape, and the type unless it is float32.
func (s Spec) String() string {
	if s.Type.Kind == Float32 {
		return s.Shape.String()
	}
	return s.Shape.String() + " " + s.Type.String()
}

// Floats returns the Spec of a float32 value.
func Floats(s Shape) Spec { return Spec{Shape: s} }

// check returns an error unless shape and type are valid.
func (s Spec) check() error {
	if s.Type.Kind == Class && (s.Type.Classes < 1 || s.Type.Classes > maxLen || s.Shape.Len() != 1) {
		return fmt.Errorf("%w: %v", ErrShape, s)
	}
	return s.Shape.check()
}

// floatInputs returns an error unless in are n float32 values; n < 0 means one or more.
func floatInputs(in []Spec, n int) error { return checkInputs(in, n, Float32) }

// int8Inputs is floatInputs of int8 values.
func int8Inputs(in []Spec, n int) error { return checkInputs(in, n, Int8) }

func checkInputs(in []Spec, n int, kind TypeKind) error {
	if n < 0 && len(in) == 0 {
		return fmt.Errorf("%w: 0 inputs, want at least 1", ErrShape)
	}
	if n >= 0 && len(in) != n {
		return fmt.Errorf("%w: %d inputs, want %d", ErrShape, len(in), n)
	}
	for i, s := range in {
		if s.Type.Kind != kind {
			return fmt.Errorf("%w: input %d is %v, want %v", ErrShape, i, s.Type, Type{Kind: kind})
		}
	}
	return nil
}
