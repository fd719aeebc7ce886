package model

import (
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// qgather is a gather of bytes. Where an input is in other steps than the output, its bytes go
// through a table.
type qgather struct {
	*gather
	tables   []*simd.ByteTable // of each input, nil for bytes that stay as they are
	constant int8
}

// newQGather plans runs, which it sorts, to an output in steps of out.
func newQGather(l *Lowering, runs []featureRun, constant int8, out quant.Params) *qgather {
	g := &qgather{gather: newGather(l, runs, 0), constant: constant}
	for _, in := range l.Specs {
		g.tables = append(g.tables, rescaling(in.Type.Params, out))
	}
	return g
}

// rescaling returns the table from in to out, nil if they are the same.
func rescaling(in, out quant.Params) *simd.ByteTable {
	if in == out {
		return nil
	}
	table := in.Rescale(out)
	return simd.NewByteTable(&table)
}

// Forward: y[to] = table[x[from]+128], or the constant.
func (g *qgather) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	p0, p1 := s.Of(y.Positions())
	if s.N0 >= s.N1 || p0 >= p1 {
		return
	}
	for _, r := range g.runs[g.start[p0]:g.start[p1]] {
		for n := s.N0; n < s.N1; n++ {
			dst := y.Q[int(r.to)*y.Stride+n*y.Row+int(r.toC):][:r.n]
			if r.input == fill {
				for j := range dst {
					dst[j] = g.constant
				}
				continue
			}
			in := x[r.input]
			src := in.Q[int(r.from)*in.Stride+n*in.Row+int(r.fromC):]
			copyBytes(w, dst, src, int(r.stepP)*in.Stride+int(r.stepC), g.tables[r.input])
		}
	}
}

// copyBytes: dst[j] = src[j*step], through a table unless that is nil.
func copyBytes(w *Worker, dst, src []int8, step int, table *simd.ByteTable) {
	if step == 1 {
		src = src[:len(dst)]
		if table != nil {
			w.Kernels.Bytes.Table(dst, src, table)
		} else {
			copy(dst, src)
		}
		return
	}
	for j := range dst {
		dst[j] = src[j*step]
	}
	if table != nil {
		w.Kernels.Bytes.Table(dst, dst, table)
	}
}
