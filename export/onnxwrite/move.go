package onnxwrite

import (
	"slices"

	"github.com/gantiny/gantiny/model"
)

var moveRules = map[string]rule{
	"flatten": func(s *step) string { return s.features(s.in[0].name, s.in[0].Shape) },
	"reshape": func(s *step) string {
		return s.fromFeatures(s.features(s.in[0].name, s.in[0].Shape), s.Out.Shape)
	},
	"add":           func(s *step) string { return s.add("Add", s.met()) },
	"mul":           func(s *step) string { return s.add("Mul", s.met()) },
	"concat":        concat,
	"slice":         slice,
	"pad":           pad,
	"resize":        resize,
	"transpose":     transpose,
	"pixelshuffle":  pixelShuffle,
	"globalavgpool": globalAvgPool,
	"avgpool":       avgPool,
	"maxpool":       maxPool,
}

// met are the names of two inputs, the second so that it broadcasts to the first.
func (s *step) met() []string {
	other := s.in[1].name
	if !s.in[0].Shape.IsFlat() {
		other = s.image(s.in[1])
	}
	return []string{s.in[0].name, other}
}

func concat(s *step) string {
	var in []string
	for _, v := range s.in {
		in = append(in, v.name)
	}
	return s.add("Concat", in, attr{"axis", 1})
}

func slice(s *step) string {
	o := s.Op.(model.Slice)
	axes, from, to := []int{1, 2, 3}, []int{o.From[2], o.From[0], o.From[1]}, []int{}
	for i, size := range []int{o.Size[2], o.Size[0], o.Size[1]} {
		to = append(to, from[i]+size)
	}
	y := s.add("Slice", []string{s.image(s.in[0]), s.ints("from", from...), s.ints("to", to...), s.ints("axes", axes...)})
	return s.fromImage(y, s.Out.Shape)
}

func pad(s *step) string {
	o := s.Op.(model.Pad)
	mode := map[string]string{model.PadZero: "constant", model.PadReflect: "reflect", model.PadEdge: "edge"}[o.Mode]
	if mode == "" {
		return s.refuse("ONNX has no mode %q", o.Mode)
	}
	in := []string{s.image(s.in[0]), s.ints("pads", 0, 0, o.Pad[0], o.Pad[2], 0, 0, o.Pad[1], o.Pad[3])}
	if o.Mode == model.PadZero {
		in = append(in, s.scalar(float64(o.Value)))
	}
	return s.fromImage(s.add("Pad", in, attr{"mode", mode}), s.Out.Shape)
}

// resize gives scales where those are whole numbers, and sizes elsewhere, whose quotients float32
// would round.
func resize(s *step) string {
	o := s.Op.(model.Resize)
	mode, nearest := "nearest", "floor"
	if o.Coordinates == model.HalfPixel {
		nearest = "round_prefer_ceil"
	}
	if o.Mode == model.ResizeBilinear {
		mode = "linear"
	}
	attrs := []attr{{"mode", mode}, {"coordinate_transformation_mode", o.Coordinates}}
	if mode == "nearest" {
		attrs = append(attrs, attr{"nearest_mode", nearest})
	}
	x, from := s.image(s.in[0]), s.in[0].Shape
	in := []string{x, ""}
	if o.H%from.H == 0 && o.W%from.W == 0 {
		in = append(in, s.floats("scales", []int{4}, 1, 1, float32(o.H/from.H), float32(o.W/from.W)))
	} else {
		first := s.add("Slice", []string{s.on("Shape", x), s.ints("from", 0), s.ints("to", 2)})
		in = append(in, "", s.add("Concat", []string{first, s.ints("size", o.H, o.W)}, attr{"axis", 0}))
	}
	return s.fromImage(s.add("Resize", in, attrs...), s.Out.Shape)
}

func transpose(s *step) string {
	o := s.Op.(model.Transpose)
	axis := [3]int{2, 3, 1} // ONNX's of rows, columns and channels
	y := s.on("Transpose", s.image(s.in[0]), attr{"perm", []int{0, axis[o.Perm[2]], axis[o.Perm[0]], axis[o.Perm[1]]}})
	return s.fromImage(y, s.Out.Shape)
}

func pixelShuffle(s *step) string {
	o := s.Op.(model.PixelShuffle)
	return s.fromImage(s.on("DepthToSpace", s.image(s.in[0]), attr{"blocksize", o.Factor}, attr{"mode", "CRD"}), s.Out.Shape)
}

func globalAvgPool(s *step) string {
	return s.fromImage(s.on("GlobalAveragePool", s.image(s.in[0])), s.Out.Shape)
}

// pool adds a pooling operator.
func (s *step) pool(op string, kernel, stride [2]int, pad [4]int, more ...attr) string {
	attrs := slices.Concat([]attr{
		{"kernel_shape", kernel[:]}, {"strides", stride[:]}, {"pads", []int{pad[0], pad[2], pad[1], pad[3]}},
	}, more)
	return s.fromImage(s.on(op, s.image(s.in[0]), attrs...), s.Out.Shape)
}

func avgPool(s *step) string {
	o := s.Op.(model.AvgPool)
	count := 0
	if o.CountPad {
		count = 1
	}
	return s.pool("AveragePool", o.Kernel, o.Stride, o.Pad, attr{"count_include_pad", count})
}

func maxPool(s *step) string {
	o := s.Op.(model.MaxPool)
	return s.pool("MaxPool", o.Kernel, o.Stride, o.Pad)
}
