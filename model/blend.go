package model

// term is a position of an input and its weight in a sum.
type term struct {
	from   int32
	weight float32
}

// blend is an operator whose output positions are weighted sums of whole rows of its input's.
type blend struct {
	sums [][]term // of each position of the output
	back [][]term // alike of the input, in training
}

// sumsOf lists the terms of each output position.
func sumsOf(o averageOp, l *Lowering) [][]term {
	list := make([][]term, l.Out.Positions())
	o.means(l.Specs[0].Shape, l.Result.Shape, func(to int, from []int, weight []int64, total int64) {
		for i, p := range from {
			if weight[i] != 0 {
				list[to] = append(list[to], term{int32(p), float32(float64(weight[i]) / float64(total))})
			}
		}
	})
	return list
}

// newBlendPass plans the sums for training, whose Backward takes the same by the input's positions.
func newBlendPass(l *Lowering, sums [][]term) *blend {
	b := &blend{sums: sums, back: make([][]term, l.In[0].Positions())}
	for p, list := range sums {
		for _, t := range list {
			b.back[t.from] = append(b.back[t.from], term{int32(p), t.weight})
		}
	}
	return b
}

// Forward: y = Σ weight * x.
func (b *blend) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	blendRows(w, y, x[0], b.sums, s)
}

// Backward: dx = Σ weight * dy.
func (b *blend) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, _ Tensor, s Share) {
	if dx[0].F != nil {
		blendRows(w, dx[0], dy, b.back, s)
	}
}

// Tangent: ty = Σ weight * tx.
func (b *blend) Tangent(w *Worker, ty Tensor, tx []Tensor, _ []Tensor, _ Tensor, s Share) {
	blendRows(w, ty, tx[0], b.sums, s)
}

// manyTerms is from how many on rows are summed in float64, where float32's error would grow.
const manyTerms = 65

// blendRows fills the share's positions of y.
func blendRows(w *Worker, y, x Tensor, sums [][]term, s Share) {
	p0, p1 := s.Of(y.Positions())
	rows, n := 1, (s.N1-s.N0)*y.C // of a position: runs of n values
	if y.Row != y.C || x.Row != x.C {
		rows, n = s.N1-s.N0, y.C
	}
	if n <= 0 {
		return
	}
	for p := p0; p < p1; p++ {
		for i := range rows {
			dst := y.F[p*y.Stride+(s.N0+i)*y.Row:][:n]
			src := x.F[(s.N0+i)*x.Row:]
			if len(sums[p]) < manyTerms {
				blendRow(w, dst, src, x.Stride, sums[p])
			} else {
				blendLong(dst, src, x.Stride, sums[p])
			}
		}
	}
}

// blendRow sets dst to a sum of rows of src, which begin at multiples of stride.
func blendRow(w *Worker, dst, src []float32, stride int, sum []term) {
	if len(sum) == 0 {
		clear(dst)
		return
	}
	for i, t := range sum {
		from := src[int(t.from)*stride:][:len(dst)]
		if i > 0 {
			w.Kernels.Axpy(dst, t.weight, from)
			continue
		}
		copy(dst, from)
		if t.weight != 1 {
			w.Kernels.Scale(dst, t.weight)
		}
	}
}

// blendLong is blendRow in float64, where products of two float32 values are exact.
func blendLong(dst, src []float32, stride int, sum []term) {
	var total [32]float64
	for lo := 0; lo < len(dst); lo += len(total) {
		n := min(len(total), len(dst)-lo)
		clear(total[:n])
		for _, t := range sum {
			weight := float64(t.weight)
			for j, v := range src[int(t.from)*stride+lo:][:n] {
				total[j] += float64(weight * float64(v))
			}
		}
		for j, v := range total[:n] {
			dst[lo+j] = float32(v)
		}
	}
}
