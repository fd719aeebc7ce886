package importer

import (
	"math"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// This file holds QuantizeLinear and DequantizeLinear. A pair of them around a value is a
// FakeQuantize, whose steps quantizing keeps.

func init() {
	register("QuantizeLinear", convertQuantize)
	register("DequantizeLinear", convertDequantize)
}

// integers says that a value is one of integers, which stand for scale*(q-zero), and the least of
// them.
type integers struct{ scale, zero, low float64 }

// number returns input i, a constant of one number.
func (s *step) number(i int, unset float64) (v float64, typ int, err error) {
	if s.get(i).none() {
		return unset, ir.TypeUint8, nil
	}
	a, err := s.constant(i)
	if err != nil {
		return 0, 0, err
	}
	if a.n != 1 {
		return 0, 0, ir.Refuse("input %d of %v, want one number", i, a.dims)
	}
	return a.float(0), a.typ, nil
}

func convertQuantize(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	s.ignore("axis", "saturate", "precision")
	scale, _, err := s.number(1, 0)
	if err != nil {
		return err
	}
	zero, typ, err := s.number(2, 0)
	if err != nil {
		return err
	}
	q := &integers{scale: scale, zero: zero}
	switch typ {
	case ir.TypeUint8:
		q.low = 0
	case ir.TypeInt8:
		q.low = math.MinInt8
	default:
		return ir.RefusePlain("to type %d", typ)
	}
	if !(scale > 0 && scale < math.MaxFloat32) {
		return ir.RefusePlain("a scale of %v", scale)
	}
	w := *v
	w.quantized = q
	return s.done(&w, nil)
}

func convertDequantize(s *step) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	if v.quantized == nil {
		return ir.Refuse("of what no QuantizeLinear made")
	}
	s.ignore("axis")
	scale, _, err := s.number(1, 0)
	if err != nil {
		return err
	}
	zero, _, err := s.number(2, 0)
	if err != nil {
		return err
	}
	q := *v.quantized
	if q.scale != scale || q.zero != zero {
		return ir.Refuse("scale %v and zero point %v, after QuantizeLinear's %v and %v", scale, zero, q.scale, q.zero)
	}
	// Unsigned bytes are signed ones with another zero point.
	steps := quant.Params{Scale: float32(scale), Zero: int32(zero - q.low + math.MinInt8)}
	n, err := s.im.add(model.FakeQuantize{Steps: steps}, nil, s.im.withoutTieBreaker(v.at, scale))
	if err != nil {
		return err
	}
	w := v.like(n)
	w.quantized = nil
	return s.done(w, nil)
}

// withoutTieBreaker returns what n adds a small part of a step to, which decides nothing but to
// which side values halfway between two steps are rounded.
func (im *importer) withoutTieBreaker(n *node, step float64) *node {
	if a, b, ok := uniform(n); ok && a == 1 && math.Abs(b) <= step/256 {
		return n.in[0]
	}
	return n
}
