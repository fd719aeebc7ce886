package model

import "fmt"

// window is the kernel of a pooling operator, which sees the input's positions only.
type window struct {
	kernel, stride [2]int
	pad            [4]int
}

// infer returns the output's shape: a position for each place of the kernel, all of whose places
// meet the input.
func (w window) infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	x := in[0].Shape
	h, okH := w.out(x.H, 0)
	v, okW := w.out(x.W, 1)
	if !okH || !okW {
		return Spec{}, fmt.Errorf("%w: kernel %v, stride %v, padding %v of an input of %v", ErrShape, w.kernel, w.stride, w.pad, x)
	}
	return Floats(Shape{h, v, x.C}), nil
}

// out is the number of rows (d = 0) or columns (1) of the output, of n of the input.
func (w window) out(n, d int) (int, bool) {
	k, s, before, after := w.kernel[d], w.stride[d], w.pad[2*d], w.pad[2*d+1]
	if k < 1 || k > maxLen || s < 1 || before < 0 || before >= k || after < 0 || after >= k || n+before+after < k {
		return 0, false
	}
	return (n+before+after-k)/s + 1, true
}

// positions calls f for every output position with the positions of the input that its window
// holds, row by row, in memory that the next call uses again.
func (w window) positions(x, y Shape, f func(to int, from []int)) {
	var from []int
	for i := range y.H {
		for j := range y.W {
			from = from[:0]
			top, left := i*w.stride[0]-w.pad[0], j*w.stride[1]-w.pad[2]
			for r := max(top, 0); r < min(top+w.kernel[0], x.H); r++ {
				for c := max(left, 0); c < min(left+w.kernel[1], x.W); c++ {
					from = append(from, r*x.W+c)
				}
			}
			f(i*y.W+j, from)
		}
	}
}
