package model

// QMaxPool is a MaxPool of bytes: the largest byte stands for the largest value. The output is in
// the input's steps.
type QMaxPool struct {
	Op MaxPool `json:"op"`
}

func init() { Register[QMaxPool]() }

// Kind returns "qmaxpool".
func (QMaxPool) Kind() string { return "qmaxpool" }

// Infer returns the number of windows.
func (o QMaxPool) Infer(in []Spec) (Spec, error) { return inferAs(o.Op, in) }

// Params returns none.
func (QMaxPool) Params([]Spec) []Param { return nil }

func (o QMaxPool) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	s := in[0].Shape
	out, _ := o.Op.Infer(floatsOf(in))
	o.Op.window().positions(s, out.Shape, func(to int, from []int) {
		for c := range s.C {
			top := int8(-128)
			for _, p := range from {
				top = max(top, x[0].q[p*s.C+c])
			}
			y.q[to*s.C+c] = top
		}
	})
}

// qmaxPool is a QMaxPool on layouts.
type qmaxPool struct{ *maxPool }

// Lower lists the windows.
func (o QMaxPool) Lower(l *Lowering) (Kernel, error) { return qmaxPool{newMaxPool(o.Op, l)}, nil }

// Forward: y = max x.
func (o qmaxPool) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		to := y.row(p, n)
		copy(to, x[0].row(int(o.windows[p][0]), n))
		for _, q := range o.windows[p][1:] {
			for c, v := range x[0].row(int(q), n) {
				to[c] = max(v, to[c])
			}
		}
	}
}
