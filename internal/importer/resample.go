package importer

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// resampling is how Resize finds values between those of its input.
type resampling struct {
	mode        string // nearest, linear or cubic
	coordinates string
	nearest     string  // how a place is rounded
	a           float64 // of cubic
	inside      bool    // whether what lies outside has no part in the sums
}

// resampling reads it.
func (s *step) resampling() (r resampling, err error) {
	old := s.Op == "Upsample" || s.im.file.Opset < 11
	r = resampling{mode: s.textAttr("mode", "nearest"), coordinates: "half_pixel", nearest: "round_prefer_floor"}
	if old {
		r.coordinates, r.nearest = "asymmetric", "floor"
	}
	r.coordinates = s.textAttr("coordinate_transformation_mode", r.coordinates)
	r.nearest = s.textAttr("nearest_mode", r.nearest)
	r.a = s.floatAttr("cubic_coeff_a", -0.75)
	r.inside = s.intAttr("exclude_outside", 0) != 0
	s.ignore("extrapolation_value")
	if r.mode == "bilinear" {
		r.mode = "linear"
	}
	known := []string{"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric", "align_corners", "tf_half_pixel_for_nn"}
	switch {
	case s.intAttr("antialias", 0) != 0:
		return r, ir.RefusePlain("antialias 1")
	case s.textAttr("keep_aspect_ratio_policy", "stretch") != "stretch":
		return r, ir.RefusePlain("keep_aspect_ratio_policy %q", s.textAttr("keep_aspect_ratio_policy", ""))
	case !slices.Contains(known, r.coordinates):
		return r, ir.RefusePlain("coordinate_transformation_mode %q", r.coordinates)
	case !slices.Contains([]string{"nearest", "linear", "cubic"}, r.mode):
		return r, ir.RefusePlain("mode %q", r.mode)
	case !slices.Contains([]string{"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}, r.nearest):
		return r, ir.RefusePlain("nearest_mode %q", r.nearest)
	}
	return r, nil
}

// op returns package model's operator that does the same with the sizes at hand, false for none.
func (r resampling) op(list []scaling) (model.Resize, bool) {
	o := model.Resize{Mode: model.ResizeBilinear, Coordinates: map[string]string{
		"half_pixel": model.HalfPixel, "pytorch_half_pixel": model.HalfPixel, "half_pixel_symmetric": model.HalfPixel,
		"asymmetric": model.Asymmetric, "align_corners": model.AlignCorners,
	}[r.coordinates]}
	for _, l := range list {
		odd := l.out == 1 && l.in > 1 && r.coordinates == "pytorch_half_pixel"
		if odd || l.uneven() {
			return o, false
		}
	}
	switch r.mode {
	case "linear":
		return o, o.Coordinates != "" && !r.inside
	case "nearest":
		o.Mode = model.ResizeNearest
		for _, o.Coordinates = range []string{model.Asymmetric, model.HalfPixel} {
			if !slices.ContainsFunc(list, func(l scaling) bool { return !r.nearestLike(o.Coordinates, l) }) {
				return o, true
			}
		}
	}
	return o, false
}

// nearestLike tells whether package model's coordinates pick the same elements.
func (r resampling) nearestLike(coordinates string, l scaling) bool {
	for i := 0; i < l.out && l.out > 1; i++ {
		if int(max(0, min(r.round(r.place(i, l)), float64(l.in-1)))) != ourNearest(coordinates, i, l.in, l.out) {
			return false
		}
	}
	return true
}

// ourNearest is the element that package model takes.
func ourNearest(coordinates string, i, in, out int) int {
	if coordinates == model.HalfPixel {
		return ((2*i + 1) * in) / (2 * out)
	}
	return i * in / out
}

// place is where element i lies among the input's.
func (r resampling) place(i int, l scaling) float64 {
	x := float64(i)
	switch r.coordinates {
	case "half_pixel":
		return (x+0.5)/l.scale - 0.5
	case "pytorch_half_pixel":
		if l.out == 1 {
			return 0
		}
		return (x+0.5)/l.scale - 0.5
	case "half_pixel_symmetric":
		middle := float64(l.in) / 2
		return middle*(1-float64(l.out)/(l.scale*float64(l.in))) + (x+0.5)/l.scale - 0.5
	case "align_corners":
		if l.out == 1 {
			return 0
		}
		return x * float64(l.in-1) / float64(l.out-1)
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / l.scale
	}
	return x / l.scale
}

func (r resampling) round(x float64) float64 {
	switch r.nearest {
	case "floor":
		return math.Floor(x)
	case "ceil":
		return math.Ceil(x)
	case "round_prefer_ceil":
		return math.Floor(x + 0.5)
	}
	return math.Ceil(x - 0.5)
}

// taps returns the elements around a place, of which the first may lie outside, and their shares.
func (r resampling) taps(x float64) (first int, share []float64) {
	switch r.mode {
	case "nearest":
		return int(r.round(x)), []float64{1}
	case "linear":
		at := math.Floor(x)
		return int(at), []float64{1 - (x - at), x - at}
	}
	at := math.Floor(x)
	t, a := x-at, r.a
	near := func(d float64) float64 { return ((a+2)*d-(a+3))*d*d + 1 }
	far := func(d float64) float64 { return ((a*d-5*a)*d+8*a)*d - 4*a }
	return int(at) - 1, []float64{far(1 + t), near(t), near(1 - t), far(2 - t)}
}

// matrix returns what each of in elements has for a share in each of out, (in, out).
func (r resampling) matrix(l scaling) []float64 {
	m := make([]float64, l.in*l.out)
	for i := range l.out {
		first, share := r.taps(r.place(i, l))
		sum := 0.0
		for k, v := range share {
			if at := first + k; r.inside && (at < 0 || at >= l.in) {
				share[k] = 0
			} else {
				sum += v
			}
		}
		for k, v := range share {
			if r.inside {
				v /= sum
			}
			m[max(0, min(first+k, l.in-1))*l.out+i] += v
		}
	}
	return m
}

// mostShares bounds the size of a matrix that resamples.
const mostShares = 1 << 16

// resampled resizes one dimension by a matrix: what package model's Resize cannot do.
func (im *importer) resampled(v *value, k int, l scaling, r resampling) (*value, error) {
	if l.in > mostShares/l.out {
		return nil, ir.Refuse("mode %q with coordinate_transformation_mode %q from %d elements to %d", r.mode, r.coordinates, l.in, l.out)
	}
	if err := im.meter.Take(8 * int64(l.in*l.out)); err != nil {
		return nil, err
	}
	m := r.matrix(l)
	w := *v
	last := len(v.dims) - 1
	w.dims = append(slices.Delete(slices.Clone(v.dims), k, k+1), v.dims[k])
	if w.batch = v.batch; v.batch > k {
		w.batch--
	}
	to, err := im.product(&w, l.in, l.out, func(i int) float64 { return m[i] }, nil)
	if err != nil {
		return nil, err
	}
	to.dims = slices.Insert(slices.Clone(to.dims[:last]), k, to.dims[last])
	to.batch = v.batch
	return to, nil
}
