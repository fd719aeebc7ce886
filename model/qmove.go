package model

import (
	"errors"
	"math"

	"github.com/gantiny/gantiny/quant"
)

// QMove is the int8 form of an operator O that moves features: bytes are copied as they are or,
// where an input is in other steps than the output, rescaled by quant.Params.Rescale. A constant of
// the operator, as Pad's Value, counts in bytes. The kind is that of O with a q before it.
type QMove[O moveOp] struct {
	Op     O            `json:"op"`
	Output quant.Params `json:"output"`
}

// moveOp is an Op that moves features.
type moveOp interface {
	Referencer
	// runs lists how each feature of the output is copied.
	runs(in []Spec) []featureRun
}

// filler is a moveOp some of whose features are a constant.
type filler interface{ fill() float32 }

// Kind returns "q" and the operator's own kind.
func (o QMove[O]) Kind() string { return "q" + o.Op.Kind() }

// Infer returns what the operator itself makes of the shapes.
func (o QMove[O]) Infer(in []Spec) (Spec, error) { return inferMove(o.Op, o.Output, in) }

// Params returns none.
func (QMove[O]) Params([]Spec) []Param { return nil }

func (o QMove[O]) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	exactMove(o.Op, o.Output, y.q, x, in)
}

// FloatForm returns the operator in floats that bytes move by, and the steps of the output. A
// constant of it counts in bytes.
func (o QMove[O]) FloatForm() (Op, quant.Params) { return plainOp(o.Op), o.Output }

// plainOp is an operator as graphs in floats have it.
func plainOp(o Op) Op {
	if p, ok := o.(interface{ plain() Op }); ok {
		return p.plain()
	}
	return o
}

// Lower: see qgather.
func (o QMove[O]) Lower(l *Lowering) (Kernel, error) {
	return newQGather(l, o.Op.runs(floatsOf(l.Specs)), int8(constantOf(o.Op)), o.Output), nil
}

// The functions below are those of all QMoves: generic ones would each be compiled anew for every
// operator.

func inferMove(o moveOp, to quant.Params, in []Spec) (Spec, error) {
	if err := int8Inputs(in, -1); err != nil {
		return Spec{}, err
	}
	out, err := o.Infer(floatsOf(in))
	if err != nil {
		return Spec{}, err
	}
	if v := float64(constantOf(o)); v != math.Trunc(v) || v < -128 || v > 127 {
		return Spec{}, errors.New("a constant that is no byte")
	}
	return bytesTo(out.Shape, to, in)
}

func constantOf(o moveOp) float32 {
	if f, ok := o.(filler); ok {
		return f.fill()
	}
	return 0
}

// exactMove rescales the inputs and applies the operator's reference to their bytes.
func exactMove(o moveOp, to quant.Params, y []int8, x []*bytesOf, in []Spec) {
	list := make([][]float64, len(x))
	for i, b := range x {
		table := in[i].Type.Params.Rescale(to)
		for _, v := range b.q {
			list[i] = append(list[i], float64(table[int(v)+128]))
		}
	}
	bytes := make([]float64, len(y))
	o.Reference(bytes, list, nil, floatsOf(in))
	for i, v := range bytes {
		y[i] = int8(v)
	}
}
