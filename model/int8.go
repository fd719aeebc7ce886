package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// An int8 model is a graph whose operators compute in 8-bit integers: what they make are bytes with
// a scale and a zero point, and the last ones make pixels, or leave the bytes for float32 values.
// It gives the same bytes on every kernel row and architecture, with any number of threads and any
// split into batches: factors between scales are whole numbers over a power of two, see
// quant.Fixed. Its operators have no Backward: it cannot be trained.

// Quantized reports whether the model has int8 operators.
func (m *Model) Quantized() bool {
	for _, n := range m.graph.Nodes {
		if _, ok := n.Op.(int8Op); ok {
			return true
		}
	}
	return false
}

// int8Op is an operator of an int8 model.
type int8Op interface {
	Op
	// exact computes one image by plain loops: what the kernels are held against, to the byte. It
	// shares nothing with them but the geometry.
	exact(y *bytesOf, x []*bytesOf, in []Spec, p []*Param)
}

// bytesOf is a value of one image in (H, W, C) order; one field is set.
type bytesOf struct {
	f     []float32
	q     []int8
	pix   []uint8
	class int32
}

// Exact draws one image of an int8 model by plain loops, in integers: pix is the first output, (H,
// W, C), z the float32 inputs one after another, classes the class inputs. Of an output in floats,
// pix is what Session.Pixels makes of it. An operator that is not an int8 one gives an error that
// wraps ErrRule.
func (m *Model) Exact(pix []uint8, z []float32, classes ...int32) error {
	values, err := m.exact(z, classes)
	if err != nil {
		return err
	}
	if b := values[m.graph.Outputs[0]]; b.pix != nil {
		copy(pix, b.pix)
	} else {
		quant.Pixels(pix, b.f)
	}
	return nil
}

// ExactFloats is Exact with all outputs in floats, as Session.RunFeed gives them.
func (m *Model) ExactFloats(dst [][]float32, z []float32, classes ...int32) error {
	values, err := m.exact(z, classes)
	if err != nil {
		return err
	}
	for i, v := range m.graph.Outputs {
		if b := values[v]; b.pix != nil {
			quant.Floats(dst[i], b.pix)
		} else {
			copy(dst[i], b.f)
		}
	}
	return nil
}

// exact computes all values of one image.
func (m *Model) exact(z []float32, classes []int32) (map[*Value]*bytesOf, error) {
	if err := allow("exact", m.exactPrice(), 0); err != nil {
		return nil, err
	}
	if err := m.detach(); err != nil {
		return nil, err
	}
	values := map[*Value]*bytesOf{}
	for _, v := range m.graph.Inputs {
		b := &bytesOf{}
		switch {
		case v.Type.Kind != Class && len(z) >= v.Shape.Len():
			b.f, z = z[:v.Shape.Len()], z[v.Shape.Len():]
		case v.Type.Kind == Class && len(classes) > 0 && classes[0] >= 0 && int(classes[0]) < v.Type.Classes:
			b.class, classes = classes[0], classes[1:]
		default:
			return nil, fmt.Errorf("model: %w: nothing for input %s, %v", ErrShape, v.Name, v.Spec)
		}
		values[v] = b
	}
	for _, n := range m.graph.Nodes {
		o, ok := n.Op.(int8Op)
		if !ok {
			return nil, n.error(fmt.Errorf("%w: it is no int8 operator", ErrRule))
		}
		y := &bytesOf{}
		switch size := n.Out.Shape.Len(); n.Out.Type.Kind {
		case Int8:
			y.q = make([]int8, size)
		case Pixel:
			y.pix = make([]uint8, size)
		case Float32:
			y.f = make([]float32, size)
		case Class:
			return nil, n.error(fmt.Errorf("%w: nothing makes a class", ErrRule))
		}
		x := make([]*bytesOf, len(n.In))
		for i, v := range n.In {
			x[i] = values[v]
		}
		o.exact(y, x, n.Specs(), n.Params)
		values[n.Out] = y
	}
	for _, v := range m.graph.Outputs {
		if b := values[v]; b.pix == nil && b.f == nil {
			return nil, fmt.Errorf("model: %w: output %s is %v", ErrShape, v.Name, v.Type)
		}
	}
	return values, nil
}

// bytesTo returns the Spec of an int8 operator's output that has a scale of its own, made of inputs
// whose scales count too.
func bytesTo(s Shape, out quant.Params, in []Spec) (Spec, error) {
	for i, v := range in {
		if err := v.Type.Params.Check(); v.Type.Kind == Int8 && err != nil {
			return Spec{}, fmt.Errorf("input %d: %w", i, err)
		}
	}
	if err := out.Check(); err != nil {
		return Spec{}, fmt.Errorf("output: %w", err)
	}
	return Bytes(s, out), nil
}

// inferAs returns the Spec of bytes in the input's steps, of the shape that the float32 operator o
// makes.
func inferAs(o Op, in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	out, err := o.Infer(floatsOf(in))
	if err != nil {
		return Spec{}, err
	}
	return Bytes(out.Shape, in[0].Type.Params), checkZero(in[0].Type.Params)
}

// floatsOf are the Specs of float32 values of the same shapes, which the rules of float32 operators
// take.
func floatsOf(in []Spec) []Spec {
	list := make([]Spec, len(in))
	for i, s := range in {
		list[i] = Floats(s.Shape)
	}
	return list
}

// row returns the bytes of image n at position p of an int8 value.
func (t *Tensor) row(p, n int) []int8 { return t.Q[p*t.Stride+n*t.Row:][:t.C] }

// Bytes returns the Spec of an int8 value.
func Bytes(s Shape, p quant.Params) Spec { return Spec{s, Type{Kind: Int8, Params: p}} }

// checkZero returns an error unless p's zero point is a byte.
func checkZero(p quant.Params) error {
	if p.Zero < -128 || p.Zero > 127 {
		return fmt.Errorf("zero point %d, want -128 to 127", p.Zero)
	}
	return nil
}
