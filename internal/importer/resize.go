package importer

import (
	"math"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("Resize", convertResize)
	register("Upsample", convertResize)
	register("RandomNormal", convertRandomNormal)
	register("RandomNormalLike", convertRandomNormal)
}

// scaling is what Resize does to one dimension.
type scaling struct {
	in, out int
	scale   float64 // 0 if the sizes are given
}

// uneven tells whether the scale makes a size that is no whole number.
func (l scaling) uneven() bool { return math.Abs(float64(l.in)*l.scale-float64(l.out)) > 1e-4 }

// scalings returns what happens to each dimension.
func (s *step) scalings(dims []int) ([]scaling, error) {
	scales, sizes := 2, 3
	if s.Op == "Upsample" || s.im.file.Opset < 11 {
		scales, sizes = 1, -1
	}
	list := make([]scaling, len(dims))
	for i, d := range dims {
		list[i] = scaling{d, d, 1}
	}
	where := s.intsAttr("axes")
	if where == nil {
		for i := range dims {
			where = append(where, i)
		}
	}
	where, err := axes(where, len(dims))
	if err != nil {
		return nil, err
	}
	var factors *array
	if a := s.attribute("scales"); a != nil { // Upsample of opset 7
		factors = &array{n: len(a.Floats), typ: ir.TypeFloat, f: func(i int) float64 { return float64(a.Floats[i]) }}
	} else if o := s.get(scales); o.a != nil && o.a.n > 0 || sizes < 0 {
		if factors, err = s.constant(scales); err != nil {
			return nil, err
		}
	} else if factors, err = s.constant(sizes); err != nil {
		return nil, err
	} else {
		scales = -1
	}
	if factors.n != len(where) {
		return nil, ir.Refuse("%d sizes of %d dimensions", factors.n, len(where))
	}
	for i, k := range where {
		f := factors.float(i)
		if scales < 0 {
			list[k].out, list[k].scale = int(factors.int(i)), f/float64(dims[k])
		} else {
			list[k].out, list[k].scale = int(math.Floor(float64(dims[k])*f)), f
		}
		if !(f > 0) || list[k].out < 1 || list[k].out > ir.MaxElements {
			return nil, ir.Refuse("a size or scale of %v", f)
		}
	}
	return list, nil
}

func convertResize(s *step) error {
	r, err := s.resampling()
	if err != nil {
		return err
	}
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	list, err := s.scalings(v.sizes(s.im.batch))
	if err != nil {
		return err
	}
	var changed []int
	for k, c := range list {
		if c.out == c.in && c.scale == 1 {
			continue
		}
		if k == v.batch {
			return ir.Refuse("axis %d, which is the images'", k)
		}
		if r.coordinates == "align_corners" && c.uneven() { // which programs disagree about
			return ir.Refuse("coordinate_transformation_mode %q with a scale of %v that makes %d elements of %d", r.coordinates, c.scale, c.out, c.in)
		}
		if err := s.im.meter.Look(c.out); err != nil {
			return err
		}
		changed = append(changed, k)
	}
	o, native := r.op(list)
	for len(changed) > 0 {
		k := changed[0]
		changed = changed[1:]
		d := v.image()
		if native && len(d) == 3 && len(v.dims) == 4 && v.batch <= 0 && k >= 2 { // rows and columns at once
			n, err := s.im.arrange(v, d[1], d[2], d[0])
			if err != nil {
				return err
			}
			o.H, o.W = list[2].out, list[3].out
			if n, err = s.im.add(o, nil, n); err != nil {
				return err
			}
			p := picture{spatial: 2, batched: v.batch == 0}
			v = p.value(n)
			break
		}
		if native {
			v, err = s.im.resizedAlone(v, k, list[k].out, o)
		} else {
			v, err = s.im.resampled(v, k, list[k], r)
		}
		if err != nil {
			return err
		}
	}
	return s.done(v, nil)
}

// resizedAlone resizes one dimension.
func (im *importer) resizedAlone(v *value, k, n int, o model.Resize) (*value, error) {
	p, err := im.around(v, k)
	if err != nil {
		return nil, err
	}
	o.H, o.W = p.rows, n
	at, err := im.add(o, nil, p.n)
	if err != nil {
		return nil, err
	}
	return v.resized(k, p, at, n), nil
}

// convertRandomNormal makes noise that the file draws an input: latents.
func convertRandomNormal(s *step) error {
	s.ignore("dtype", "seed")
	dims := s.intsAttr("shape")
	if s.Op == "RandomNormalLike" {
		switch o := s.get(0); {
		case o.a != nil:
			dims = o.a.dims
		case o.v != nil:
			dims = o.v.sizes(s.im.batch)
		}
	}
	batched := len(dims) > 1 && dims[0] == s.im.batch
	if batched {
		dims = dims[1:]
	}
	if n, ok := ir.Elements(dims); !ok || n == 0 || len(s.Out) == 0 {
		return ir.Refuse("a shape of %v", dims)
	}
	v := s.im.floatInput(s.Out[0], dims, batched)
	return s.done(s.im.scaled(v, s.floatAttr("scale", 1), s.floatAttr("mean", 0)))
}
