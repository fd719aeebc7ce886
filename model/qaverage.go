package model

import (
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QAverage is the int8 form of an operator O whose output positions are weighted means of the
// input's, with whole weights that O gives:
//
//	y = clamp(round(Σ weight*(x-zero) * m / 2^shift) + Output.Zero)
//
// where m / 2^shift is scale / (total * Output.Scale) as quant.Fixed(23) writes it, and halves are
// rounded up. The kind is that of O with a q before it.
type QAverage[O averageOp] struct {
	Op     O            `json:"op"`
	Output quant.Params `json:"output"`
}

// averageOp is an Op whose outputs are means.
type averageOp interface {
	Op
	// means calls f for every output position with the input's positions of which it is the mean,
	// their weights, and the total by which the sum is divided. The slices may be used again.
	means(x, y Shape, f func(to int, from []int, weight []int64, total int64))
}

// Kind returns "q" and the operator's own kind.
func (o QAverage[O]) Kind() string { return "q" + o.Op.Kind() }

// Infer returns what the operator itself makes of the shape.
func (o QAverage[O]) Infer(in []Spec) (Spec, error) { return average{o.Op, o.Output}.infer(in) }

// Params returns none.
func (QAverage[O]) Params([]Spec) []Param { return nil }

func (o QAverage[O]) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	average{o.Op, o.Output}.exact(y.q, x[0].q, in)
}

func (QAverage[O]) rounds() {}

// FloatForm returns the operator in floats whose means these are, and the steps of the output.
func (o QAverage[O]) FloatForm() (Op, quant.Params) { return plainOp(o.Op), o.Output }

// Lower lists the sums.
func (o QAverage[O]) Lower(l *Lowering) (Kernel, error) {
	return average{o.Op, o.Output}.lower(l)
}

// average is any QAverage. Generic methods would be compiled anew for every operator.
type average struct {
	averageOp
	output quant.Params
}

func (o average) infer(in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	out, err := o.Infer(floatsOf(in))
	if err != nil {
		return Spec{}, err
	}
	s, err := bytesTo(out.Shape, o.output, in)
	if err == nil {
		_, _, err = o.factor(in[0].Type.Params, 1)
	}
	return s, err
}

// factor returns what the sum of weights of some total is multiplied with.
func (o average) factor(in quant.Params, total int64) (m int64, shift int, err error) {
	list, shift, err := quant.Fixed(23, float64(in.Scale)/(float64(total)*float64(o.output.Scale)))
	if err != nil {
		return 0, 0, err
	}
	return list[0], shift, nil
}

func (o average) exact(y, x []int8, in []Spec) {
	s, zero := in[0].Shape, int64(in[0].Type.Zero)
	out, _ := o.Infer(floatsOf(in))
	o.means(s, out.Shape, func(to int, from []int, weight []int64, total int64) {
		m, shift, _ := o.factor(in[0].Type.Params, total)
		for c := range s.C {
			sum := int64(0)
			for i, p := range from {
				sum += weight[i] * (int64(x[p*s.C+c]) - zero)
			}
			y[to*s.C+c] = quant.Saturate(quant.Shift(sum*m, shift) + int64(o.output.Zero))
		}
	})
}

// qblend is a QAverage on layouts.
type qblend struct {
	sums []*simd.ByteMean // of each position of the output
	lookup
}

func (o average) lower(l *Lowering) (Kernel, error) {
	in := l.Specs[0].Type.Params
	k := &qblend{make([]*simd.ByteMean, l.Out.Positions()), l.lookup()}
	var err error
	o.means(l.Specs[0].Shape, l.Result.Shape, func(to int, from []int, weight []int64, total int64) {
		m, shift, e := o.factor(in, total)
		if e != nil {
			err = e
			return
		}
		terms := make([]simd.ByteTerm, len(from))
		for i, p := range from {
			terms[i] = simd.ByteTerm{From: int32(p), Weight: int32(weight[i])}
		}
		k.sums[to] = simd.NewByteMean(terms, in.Zero, m, shift, o.output.Zero)
	})
	return k, err
}

// Forward: y = round(Σ weight*(x-zero) * m / 2^shift) + Output.Zero.
func (k *qblend) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	in := &x[0]
	rows, n := byteRows(s, &y, in)
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		for i := range rows {
			dst := y.Q[p*y.Stride+(s.N0+i)*y.Row:][:n]
			w.Kernels.Bytes.Mean(dst, in.Q[(s.N0+i)*in.Row:], in.Stride, k.sums[p])
			k.look(w, dst)
		}
	}
}
