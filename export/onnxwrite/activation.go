package onnxwrite

import (
	"math"

	"github.com/gantiny/gantiny/model"
)

var activationRules = map[string]rule{
	"relu":     plain("Relu"),
	"tanh":     plain("Tanh"),
	"sigmoid":  plain("Sigmoid"),
	"softplus": plain("Softplus"),
	"selu":     plain("Selu"),
	"leakyrelu": func(s *step) string {
		return s.on("LeakyRelu", s.in[0].name, attr{"alpha", float64(s.Op.(model.LeakyReLU).Slope)})
	},
	"elu": func(s *step) string {
		return s.on("Elu", s.in[0].name, attr{"alpha", s.Op.(model.ELU).Alpha})
	},
	"hardsigmoid": func(s *step) string {
		return s.on("HardSigmoid", s.in[0].name, attr{"alpha", 1. / 6}, attr{"beta", 0.5})
	},
	"hardswish": plain("HardSwish"),
	"silu":      gate("Sigmoid"),
	"mish": func(s *step) string {
		return s.add("Mul", []string{s.in[0].name, s.on("Tanh", s.on("Softplus", s.in[0].name))})
	},
	"gelu":       gelu,
	"clip":       clip,
	"elementary": elementary,
	"prelu":      prelu,
	"softmax":    func(s *step) string { return s.on("Softmax", s.in[0].name, attr{"axis", 1}) },
	"dropout":    func(s *step) string { return s.in[0].name },
}

// plain is an operator that ONNX has under another name.
func plain(op string) rule {
	return func(s *step) string { return s.on(op, s.in[0].name) }
}

// gate is x * op(x).
func gate(op string) rule {
	return func(s *step) string { return s.add("Mul", []string{s.in[0].name, s.on(op, s.in[0].name)}) }
}

// gelu is x/2 * (1 + erf(x/sqrt(2))) or its approximation, in the nodes that exporters write.
func gelu(s *step) string {
	x := s.in[0].name
	var inner string
	if s.Op.(model.GELU).Tanh {
		cube := s.add("Mul", []string{s.add("Mul", []string{x, x}), x})
		sum := s.add("Add", []string{x, s.add("Mul", []string{cube, s.scalar(0.044715)})})
		inner = s.on("Tanh", s.add("Mul", []string{sum, s.scalar(math.Sqrt(2 / math.Pi))}))
	} else {
		inner = s.on("Erf", s.add("Div", []string{x, s.scalar(math.Sqrt2)}))
	}
	return s.add("Mul", []string{s.add("Mul", []string{x, s.add("Add", []string{inner, s.scalar(1)})}), s.scalar(0.5)})
}

func clip(s *step) string {
	o := s.Op.(model.Clip)
	return s.add("Clip", []string{s.in[0].name, s.scalar(float64(o.Min)), s.scalar(float64(o.Max))})
}

func elementary(s *step) string {
	f := s.Op.(model.Elementary).Function
	op := map[string]string{
		model.Exp: "Exp", model.Log: "Log", model.Sqrt: "Sqrt", model.Reciprocal: "Reciprocal", model.Abs: "Abs", model.Erf: "Erf",
	}[f]
	if op == "" {
		return s.refuse("ONNX has no function %q", f)
	}
	return s.on(op, s.in[0].name)
}

func prelu(s *step) string {
	return s.add("PRelu", []string{s.in[0].name, s.perChannel("slope", s.in[0], s.param(0).Data)})
}

// perChannel adds a constant of a value for each of v's channels.
func (s *step) perChannel(name string, v value, x []float32) string {
	if v.Shape.IsFlat() {
		return s.floats(name, []int{len(x)}, x...)
	}
	return s.floats(name, []int{len(x), 1, 1}, x...)
}
