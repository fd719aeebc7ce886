package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("GlobalAveragePool", func(s *step) error { return s.global((*importer).mean) })
	register("GlobalMaxPool", func(s *step) error { return s.global((*importer).largest) })
	register("AveragePool", convertAveragePool)
	register("MaxPool", convertMaxPool)
	register("ReduceMean", func(s *step) error { return s.reduce(nil, (*importer).mean) })
	register("ReduceMax", func(s *step) error { return s.reduce(nil, (*importer).largest) })
	register("ReduceSum", func(s *step) error { return s.reduce(nil, (*importer).total) })
	register("ReduceSumSquare", func(s *step) error { return s.reduce(squared, (*importer).total) })
	register("ReduceL1", func(s *step) error { return s.reduce(absolute, (*importer).total) })
	register("ReduceL2", func(s *step) error { return s.reduce(squared, (*importer).root) })
	register("ReduceLogSum", func(s *step) error { return s.reduce(nil, (*importer).logarithm) })
	register("ReduceLogSumExp", func(s *step) error { return s.reduce(exponential, (*importer).logarithm) })
	register("ReduceMin", func(s *step) error {
		return s.reduce(opposite, func(im *importer, v *value, list []int, keep bool) (*value, error) {
			v, err := im.largest(v, list, keep)
			if err != nil {
				return nil, err
			}
			return im.scaled(v, -1, 0)
		})
	})
}

// reduction makes one value of each row along dimensions, which stay with a size of 1 if keep.
type reduction func(im *importer, v *value, list []int, keep bool) (*value, error)

func squared(im *importer, v *value) (*value, error) { return im.pair(model.Mul{}, v, v) }
func absolute(im *importer, v *value) (*value, error) {
	return im.chain(v, model.Elementary{Function: model.Abs})
}
func exponential(im *importer, v *value) (*value, error) {
	return im.chain(v, model.Elementary{Function: model.Exp})
}
func opposite(im *importer, v *value) (*value, error) { return im.scaled(v, -1, 0) }

// rows returns v with the atoms of dimensions list as rows and all others as channels, and what v
// is without them.
func (im *importer) rows(v *value, list []int, keep bool) (*node, *value, error) {
	var gone []*atom
	w := *v
	w.dims, w.batch = nil, -1
	for i, d := range v.dims {
		if i == v.batch && slices.Contains(list, i) {
			return nil, nil, ir.Refuse("axis %d, which is the images'", i)
		}
		if i == v.batch {
			w.batch = len(w.dims)
		}
		switch {
		case !slices.Contains(list, i):
			w.dims = append(w.dims, d)
		case keep:
			w.dims = append(w.dims, nil)
		}
		if slices.Contains(list, i) {
			gone = append(gone, d...)
		}
	}
	w.order = without(v.order, gone)
	inMemory := without(v.order, w.order) // in the order that moves least
	// The shape at hand, if its positions are what goes.
	if n := v.at; slices.Equal(slices.Concat(inMemory, w.order), v.order) && n.shape().C == size(w.order) {
		return n, &w, nil
	}
	n, err := im.arrange(v, inMemory, nil, w.order)
	return n, &w, err
}

func (im *importer) mean(v *value, list []int, keep bool) (*value, error) {
	n, w, err := im.rows(v, list, keep)
	if err == nil {
		w.at, err = im.add(model.GlobalAvgPool{}, nil, n)
	}
	return w, err
}

func (im *importer) largest(v *value, list []int, keep bool) (*value, error) {
	n, w, err := im.rows(v, list, keep)
	if err == nil {
		s := n.shape()
		w.at, err = im.add(model.MaxPool{Kernel: [2]int{s.H, s.W}, Stride: [2]int{1, 1}}, nil, n)
	}
	return w, err
}

func (im *importer) total(v *value, list []int, keep bool) (*value, error) {
	w, err := im.mean(v, list, keep)
	if err != nil {
		return nil, err
	}
	return im.scaled(w, float64(v.len()/w.len()), 0)
}

func (im *importer) root(v *value, list []int, keep bool) (*value, error) {
	w, err := im.total(v, list, keep)
	if err != nil {
		return nil, err
	}
	return im.chain(w, model.Elementary{Function: model.Sqrt})
}

func (im *importer) logarithm(v *value, list []int, keep bool) (*value, error) {
	w, err := im.total(v, list, keep)
	if err != nil {
		return nil, err
	}
	return im.chain(w, model.Elementary{Function: model.Log})
}

// reduce applies before, if not nil, and then a reduction.
func (s *step) reduce(before func(*importer, *value) (*value, error), f reduction) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	list, keep, err := reduced(s, len(v.dims))
	if err == nil && before != nil {
		v, err = before(s.im, v)
	}
	if err != nil {
		return err
	}
	return s.done(f(s.im, v, list, keep))
}

// global reduces all dimensions behind the channels.
func (s *step) global(f reduction) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	if len(v.dims) < 3 || v.batch > 0 {
		return ir.Refuse("an input of %v, want (N, C, H, W)", v.sizes(s.im.batch))
	}
	var list []int
	for i := 2; i < len(v.dims); i++ {
		list = append(list, i)
	}
	return s.done(f(s.im, v, list, true))
}

// pool reads what both pools share.
func (s *step) pool() (p picture, w window, err error) {
	if p, err = s.picture(); err != nil {
		return p, w, err
	}
	if w, err = s.window(p.spatial); err != nil {
		return p, w, err
	}
	in := p.n.shape()
	if slices.Min(w.kernel[:]) < 1 {
		return p, w, ir.Refuse("kernel_shape %v", w.kernel)
	}
	w.same([2]int{in.H, in.W})
	if s.intAttr("ceil_mode", 0) != 0 {
		overhang := w.overhang([2]int{in.H, in.W})
		if overhang != [2]int{} && s.Op == "AveragePool" && s.intAttr("count_include_pad", 0) != 0 {
			return p, w, ir.Refuse("ceil_mode 1 and count_include_pad 1 with windows that overhang")
		}
		w.pad[1] += overhang[0]
		w.pad[3] += overhang[1]
	}
	if w.dilation != [2]int{1, 1} {
		return p, w, ir.RefusePlain("dilations %v", w.dilation)
	}
	return p, w, nil
}

// overhang is how far below and to the right of the padding the last window reaches that begins
// before it.
func (w *window) overhang(in [2]int) (over [2]int) {
	for d, n := range in {
		reach := w.dilation[d]*(w.kernel[d]-1) + 1
		rest := n + w.pad[2*d] + w.pad[2*d+1] - reach
		if rest < 0 || rest%w.stride[d] == 0 {
			continue
		}
		if begin := (rest/w.stride[d] + 1) * w.stride[d]; begin < n+w.pad[2*d] {
			over[d] = begin - rest
		}
	}
	return over
}

func convertAveragePool(s *step) error {
	p, w, err := s.pool()
	if err != nil {
		return err
	}
	o := model.AvgPool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad, CountPad: s.intAttr("count_include_pad", 0) != 0}
	n, err := s.im.add(o, nil, p.n)
	if err != nil {
		return err
	}
	return s.done(p.value(n), nil)
}

func convertMaxPool(s *step) error {
	p, w, err := s.pool()
	if err != nil {
		return err
	}
	s.ignore("storage_order")
	n, err := s.im.add(model.MaxPool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad}, nil, p.n)
	if err != nil {
		return err
	}
	return s.done(p.value(n), nil)
}
