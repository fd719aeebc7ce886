package onnxwrite

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// This file holds the operators of models in 8-bit integers. What stands for a value of bytes is
// the output of its DequantizeLinear: operators read floats, and the pair after them says in which
// steps the result is.

var int8Rules = map[string]rule{
	"qlatents": func(s *step) string { return s.held(s.in[0].name, s.Out.Type.Params) },
	"fakequantize": func(s *step) string {
		return s.held(s.in[0].name, s.Op.(model.FakeQuantize).Steps)
	},
	"qdequantize": func(s *step) string { return s.in[0].name },
	"qlinear":     quantizedLinear,
	"qadd":        func(s *step) string { return s.held(s.add("Add", s.met()), s.Out.Type.Params) },
	"qmul":        func(s *step) string { return s.held(s.add("Mul", s.met()), s.Out.Type.Params) },
	"qtable":      table,
	"qaffine":     affine,
	"qnorm":       quantizedNorm,
	"qembedding":  quantizedEmbedding,
	"qreshape":    moveRules["reshape"],
	"qmaxpool": func(s *step) string {
		t := *s
		t.Op = s.Op.(model.QMaxPool).Op
		return maxPool(&t)
	},
	"qconcat":        floatForm,
	"qslice":         floatForm,
	"qpad":           floatForm,
	"qnearest":       floatForm,
	"qtranspose":     floatForm,
	"qpixelshuffle":  floatForm,
	"qavgpool":       floatForm,
	"qglobalavgpool": floatForm,
	"qbilinear":      floatForm,
}

// steps are the constants of a scale and a zero point.
func (s *step) steps(p quant.Params) []string {
	return []string{s.floats("scale", nil, p.Scale), s.constant(s.Name+".zero", typeInt8, nil, []byte{byte(int8(p.Zero))})}
}

// quantized adds a QuantizeLinear.
func (s *step) quantized(x string, p quant.Params) string {
	return s.add("QuantizeLinear", append([]string{x}, s.steps(p)...))
}

// held adds a pair that rounds x to what bytes in steps of p stand for.
func (s *step) held(x string, p quant.Params) string {
	return s.add("DequantizeLinear", append([]string{s.quantized(x, p)}, s.steps(p)...))
}

// inSteps is held where x is not in steps of p yet.
func (s *step) inSteps(x string, p quant.Params) string {
	for _, v := range s.in {
		if v.Type.Params != p {
			return s.held(x, p)
		}
	}
	return x
}

// quantizedLinear: the weights and the bias are integers with a scale a channel.
func quantizedLinear(s *step) string {
	o := s.Op.(model.QLinear)
	g, in, out := o.Geometry, float64(s.in[0].Type.Scale), float64(o.Output.Scale)
	if o.Tanh {
		out = 1.0 / quant.TanhSteps
	}
	factors := s.param(2).Data
	scale, sums := make([]float32, len(factors)), make([]float32, len(factors))
	for c, f := range factors {
		scale[c], sums[c] = float32(float64(f)*out/in), float32(float64(f)*out)
	}
	n, w := []int{len(scale)}, s.kernel(g, scale)
	bias := s.constant(s.Name+".bias", typeInt32, n, rawInt32s(s.param(1).Int32))
	b := s.add("DequantizeLinear", []string{bias, s.floats("bias_scale", n, sums...)}, attr{"axis", 0})
	var y string
	if g.IsDense() {
		y = s.add("Gemm", []string{s.features(s.in[0].name, s.in[0].Shape), w, b})
	} else {
		x := s.image(s.in[0])
		if in := (model.Shape{H: g.InH, W: g.InW, C: g.InC}); in != s.in[0].Shape {
			x = s.image(value{s.fromFeatures(s.features(s.in[0].name, s.in[0].Shape), in), model.Floats(in)})
		}
		y = s.fromImage(s.conv(g, []string{x, w, b}), s.Out.Shape)
	}
	if o.Slope != 1 {
		y = s.on("LeakyRelu", y, attr{"alpha", float64(o.Slope)})
	}
	if o.Tanh {
		y = s.on("Tanh", y)
	} else {
		y = s.held(y, o.Output)
	}
	if g.IsDense() {
		y = s.fromFeatures(y, s.Out.Shape)
	}
	return y
}

// kernel adds the weights of a QLinear. Those of a transposed convolution in groups have scales
// that no axis of ONNX's shape has, so they are floats.
func (s *step) kernel(g conv.Geometry, scale []float32) string {
	w, axis := s.param(0), 1
	shape, list := w.Shape, w.Int8
	if !g.IsDense() {
		var from []int
		if shape, from = kernelOrder(g); !g.Transposed {
			axis = 0
		} else if g.Groups > 1 {
			floats := make([]float32, len(from))
			for i, k := range from {
				floats[i] = float32(list[k]) * scale[k%len(scale)]
			}
			return s.floats("weight", shape, floats...)
		}
		list = reordered(list, from)
	}
	weight := s.constant(s.Name+".weight", typeInt8, shape, rawInt8s(list))
	return s.add("DequantizeLinear", []string{weight, s.floats("weight_scale", []int{len(scale)}, scale...)}, attr{"axis", axis})
}

// quantizedEmbedding looks up rows of a table of bytes.
func quantizedEmbedding(s *step) string {
	p := s.Out.Type.Params
	table := s.constant(s.Name+".weight", typeInt8, s.param(0).Shape, rawInt8s(s.param(0).Int8))
	rows := s.add("DequantizeLinear", append([]string{table}, s.steps(p)...))
	return s.held(s.add("Gather", []string{rows, s.in[0].name}, attr{"axis", 0}), p)
}

// inFloats is an int8 operator that computes what one in floats does, and then changes the steps.
type inFloats interface {
	FloatForm() (model.Op, quant.Params)
}

func floatForm(s *step) string {
	o, ok := s.Op.(inFloats)
	if !ok {
		return s.refuse("its form in floats is not known")
	}
	op, out := o.FloatForm()
	if p, ok := op.(model.Pad); ok && p.Mode == model.PadZero {
		p.Value = out.Scale * (p.Value - float32(out.Zero))
		op = p
	}
	t := *s
	t.Op = op
	r := moveRules[op.Kind()]
	if r == nil {
		return s.refuse("ONNX has no %s", op.Kind())
	}
	y := r(&t)
	if isMean(op) { // of bytes, which is no byte yet
		return s.held(s.halvesUp(y, out), out)
	}
	return s.inSteps(y, out)
}

func isMean(o model.Op) bool {
	switch o := o.(type) {
	case model.AvgPool, model.GlobalAvgPool:
		return true
	case model.Resize:
		return o.Mode == model.ResizeBilinear
	}
	return false
}

// halvesUp adds a thousandth of a step: of means of bytes many lie halfway between two, which
// gantiny rounds up and QuantizeLinear to the even one.
func (s *step) halvesUp(x string, p quant.Params) string {
	return s.add("Add", []string{x, s.scalar(float64(p.Scale) / 1024)})
}

// affine: leaky(a*x + b), with the values of the class if there are any.
func affine(s *step) string {
	o := s.Op.(model.QAffine)
	weight, bias, slope := s.param(0), s.param(1), s.param(2).Int32
	out := math.Ldexp(float64(o.Output.Scale), -o.Shift)
	a, b, negative := make([]float32, weight.Len()), make([]float32, bias.Len()), make([]float32, len(slope))
	for i, w := range weight.Int32 {
		a[i], b[i] = float32(float64(w)*out/float64(s.in[0].Type.Scale)), float32(float64(bias.Int32[i])*out)
	}
	for i, v := range slope {
		negative[i] = float32(v) / (1 << 16)
	}
	x := s.in[0]
	if o.Features && !x.Shape.IsFlat() {
		x = value{s.features(x.name, x.Shape), model.Floats(model.Flat(x.Shape.Len()))}
	}
	of := func(name string, list []float32) string {
		if len(s.in) == 1 {
			return s.perChannel(name, x, list)
		}
		row := s.add("Gather", []string{s.floats(name, weight.Shape, list...), s.in[1].name}, attr{"axis", 0})
		if x.Shape.IsFlat() {
			return row
		}
		return s.reshaped(row, len(slope), 1, 1)
	}
	y := x.name
	if !near(a, 1) || !near(b, 0) { // else it is a PReLU
		y = s.add("Add", []string{s.add("Mul", []string{y, of("factor", a)}), of("sum", b)})
	}
	switch first := negative[0]; {
	case !near(negative, first):
		y = s.add("PRelu", []string{y, s.perChannel("slope", x, negative)})
	case first != 1:
		y = s.on("LeakyRelu", y, attr{"alpha", float64(first)})
	}
	y = s.held(y, o.Output)
	if x.Shape != s.Out.Shape {
		y = s.fromFeatures(y, s.Out.Shape)
	}
	return y
}

// quantizedNorm is the norm in floats, with the weights and biases as its parameters.
func quantizedNorm(s *step) string {
	o := s.Op.(model.QNorm)
	out := math.Ldexp(float64(o.Output.Scale), -o.Shift)
	list := [2][]float32{}
	for i := range list {
		for _, v := range s.param(i).Int32 {
			list[i] = append(list[i], float32(float64(v)*out))
		}
	}
	var y string
	switch n := (norm{o.Epsilon, list[0], list[1]}); o.From {
	case "instancenorm":
		y = s.instanceNorm(n)
	case "groupnorm":
		y = s.groupNorm(n, o.Groups)
	case "layernorm":
		y = s.layerNorm(n)
	default:
		if y = s.pixelNorm(n.epsilon); !near(n.gamma, 1) || !near(n.beta, 0) {
			y = s.scaled(y, n)
		}
	}
	if o.Slope != 1 {
		y = s.on("LeakyRelu", y, attr{"alpha", float64(o.Slope)})
	}
	return s.held(y, o.Output)
}

// near tells whether all values are one, up to rounding.
func near(x []float32, want float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return math.Abs(float64(v-want)) > 1e-6 })
}

// table is an activation by name where its bytes are those of one, and else a Gather by the byte.
func table(s *step) string {
	o, bytes, in := s.Op.(model.QTable), s.param(0).Int8, s.in[0].Type.Params
	for _, f := range functions() {
		if !isTable(bytes, f, in, o) {
			continue
		}
		t := *s
		t.Op = f
		y := activationRules[f.Kind()](&t)
		if o.Pixels {
			return y
		}
		return s.held(y, o.Output)
	}
	values := make([]float32, 256)
	for i, b := range bytes {
		if values[i] = o.Output.Scale * float32(int32(b)-o.Output.Zero); o.Pixels {
			values[i] = float32((float64(b) + 128 - 127.5) / 127.5)
		}
	}
	at := s.on("Cast", s.quantized(s.in[0].name, in), attr{"to", typeInt64})
	at = s.add("Add", []string{at, s.constant(s.Name+".offset", typeInt64, nil, rawInts([]int{128}))})
	y := s.add("Gather", []string{s.floats("table", []int{256}, values...), at}, attr{"axis", 0})
	if o.Pixels {
		return y
	}
	return s.held(y, o.Output)
}

// functions are what tables are tried for.
func functions() []model.Pointwise {
	list := []model.Pointwise{
		model.ReLU{}, model.Tanh{}, model.Sigmoid{}, model.SiLU{}, model.GELU{}, model.GELU{Tanh: true}, model.HardSigmoid{}, model.HardSwish{},
		model.Softplus{}, model.Mish{}, model.SELU{}, model.ELU{Alpha: 1}, model.Clip{Max: 6},
	}
	for _, f := range []string{model.Exp, model.Log, model.Sqrt, model.Reciprocal, model.Abs, model.Erf} {
		list = append(list, model.Elementary{Function: f})
	}
	for _, slope := range []float32{0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3} {
		list = append(list, model.LeakyReLU{Slope: slope})
	}
	return list
}

// isTable tells whether the bytes are those of f, as model.Quantize makes them.
func isTable(bytes []int8, f model.Pointwise, in quant.Params, o model.QTable) bool {
	for i, b := range bytes {
		y := float32(f.At(float64(in.Scale) * float64(int32(i-128)-in.Zero)))
		want := o.Output.Byte(y)
		if o.Pixels {
			want = int8(int(quant.Pixel(y)) - 128)
		}
		if b != want {
			return false
		}
	}
	return true
}
