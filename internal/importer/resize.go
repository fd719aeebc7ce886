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
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	list, err := s.scalings(v.sizes(s.im.batch))
	if err != nil {
		return err
	}
	o, err := s.resizeOp()
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
		if c.out == 1 && c.in > 1 && s.textAttr("coordinate_transformation_mode", "") == "pytorch_half_pixel" {
			return ir.Refuse("pytorch_half_pixel to a size of 1")
		}
		if math.Abs(float64(c.in)*c.scale-float64(c.out)) > 1e-4 {
			return ir.Refuse("a scale of %v that makes %d elements of %d", c.scale, c.out, c.in)
		}
		changed = append(changed, k)
	}
	for len(changed) > 0 {
		k := changed[0]
		changed = changed[1:]
		d := v.image()
		if len(d) == 3 && len(v.dims) == 4 && v.batch <= 0 && k >= 2 { // rows and columns at once
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
		if v, err = s.im.resizedAlone(v, k, list[k].out, o); err != nil {
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

// resizeOp reads how values between the input's are found.
func (s *step) resizeOp() (o model.Resize, err error) {
	mode := s.textAttr("mode", "nearest")
	unset := "half_pixel"
	if s.Op == "Upsample" || s.im.file.Opset < 11 {
		unset = "asymmetric"
	}
	coordinates := s.textAttr("coordinate_transformation_mode", unset)
	nearest := s.textAttr("nearest_mode", map[bool]string{true: "round_prefer_floor", false: "floor"}[unset == "half_pixel"])
	s.ignore("cubic_coeff_a", "extrapolation_value", "exclude_outside")
	if s.intAttr("antialias", 0) != 0 {
		return o, ir.Refuse("antialias 1")
	}
	if p := s.textAttr("keep_aspect_ratio_policy", "stretch"); p != "stretch" {
		return o, ir.Refuse("keep_aspect_ratio_policy %q", p)
	}
	where := map[string]string{
		"half_pixel": model.HalfPixel, "pytorch_half_pixel": model.HalfPixel, "half_pixel_symmetric": model.HalfPixel,
		"asymmetric": model.Asymmetric, "align_corners": model.AlignCorners,
	}[coordinates]
	switch {
	case where == "":
		return o, ir.Refuse("coordinate_transformation_mode %q", coordinates)
	case mode == "linear" || mode == "bilinear":
		return model.Resize{Mode: model.ResizeBilinear, Coordinates: where}, nil
	case mode != "nearest":
		return o, ir.Refuse("mode %q", mode)
	}
	o = model.Resize{Mode: model.ResizeNearest, Coordinates: where}
	switch {
	case where == model.Asymmetric && nearest == "floor":
	case where == model.HalfPixel && nearest == "round_prefer_ceil":
	default:
		return s.nearestAs(o, nearest)
	}
	return o, nil
}

// nearestAs looks for another rule that picks the same elements for the sizes at hand.
func (s *step) nearestAs(o model.Resize, nearest string) (model.Resize, error) {
	v, err := s.dynamic(0)
	if err != nil {
		return o, err
	}
	list, err := s.scalings(v.sizes(s.im.batch))
	if err != nil {
		return o, err
	}
	for _, c := range []string{model.Asymmetric, model.HalfPixel} {
		same := true
		for _, l := range list {
			for i := 0; i < l.out && same && l.out > 1; i++ {
				same = nearestAt(o.Coordinates, nearest, i, l) == ourNearest(c, i, l.in, l.out)
			}
		}
		if same {
			o.Coordinates = c
			return o, nil
		}
	}
	return o, ir.Refuse("nearest_mode %q with coordinate_transformation_mode %q of these sizes", nearest, o.Coordinates)
}

// nearestAt is the element that ONNX takes for element i.
func nearestAt(coordinates, nearest string, i int, l scaling) int {
	x := float64(i) / l.scale
	switch coordinates {
	case model.HalfPixel:
		x = (float64(i)+0.5)/l.scale - 0.5
	case model.AlignCorners:
		x = float64(i) * float64(l.in-1) / float64(l.out-1)
	}
	switch nearest {
	case "floor":
		x = math.Floor(x)
	case "ceil":
		x = math.Ceil(x)
	case "round_prefer_ceil":
		x = math.Floor(x + 0.5)
	default:
		x = math.Ceil(x - 0.5)
	}
	return int(max(0, min(x, float64(l.in-1))))
}

// ourNearest is the element that package model takes.
func ourNearest(coordinates string, i, in, out int) int {
	if coordinates == model.HalfPixel {
		return ((2*i + 1) * in) / (2 * out)
	}
	return i * in / out
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
