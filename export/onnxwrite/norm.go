package onnxwrite

import (
	"math"

	"github.com/gantiny/gantiny/model"
)

var normRules = map[string]rule{
	"batchnorm":            batchNorm,
	"conditionalbatchnorm": conditionalBatchNorm,
	"instancenorm":         instanceNorm,
	"groupnorm":            groupNorm,
	"layernorm":            layerNorm,
	"pixelnorm":            pixelNorm,
}

func batchNorm(s *step) string {
	o := s.Op.(model.BatchNorm)
	in := []string{s.in[0].name}
	for i := range s.Params {
		in = append(in, s.vector(i))
	}
	return s.add("BatchNormalization", in, attr{"epsilon", o.Epsilon}, attr{"momentum", o.Momentum})
}

// conditionalBatchNorm: a[class]*x + b[class], where a table has each class's row.
func conditionalBatchNorm(s *step) string {
	gamma, beta, mean, variance := s.param(0), s.param(1), s.param(2).Data, s.param(3).Data
	epsilon, n := s.Op.(model.ConditionalBatchNorm).Epsilon, len(s.param(2).Data)
	a, b := make([]float32, gamma.Len()), make([]float32, gamma.Len())
	for i, g := range gamma.Data {
		f := float64(g) / math.Sqrt(float64(variance[i%n])+epsilon)
		a[i], b[i] = float32(f), float32(float64(beta.Data[i])-float64(f*float64(mean[i%n])))
	}
	row := func(name string, table []float32) string {
		v := s.add("Gather", []string{s.floats(name, gamma.Shape, table...), s.in[1].name}, attr{"axis", 0})
		if s.in[0].Shape.IsFlat() {
			return v
		}
		return s.reshaped(v, n, 1, 1)
	}
	return s.add("Add", []string{s.add("Mul", []string{s.in[0].name, row("factor", a)}), row("sum", b)})
}

func instanceNorm(s *step) string {
	o := s.Op.(model.InstanceNorm)
	y := s.add("InstanceNormalization", []string{s.image(s.in[0]), s.vector(0), s.vector(1)}, attr{"epsilon", o.Epsilon})
	return s.fromImage(y, s.Out.Shape)
}

// groupNorm: each group as a channel of InstanceNormalization, as exporters write it for opsets
// before 18.
func groupNorm(s *step) string {
	o := s.Op.(model.GroupNorm)
	x := s.in[0].Shape
	ones, zeros := make([]float32, o.Groups), make([]float32, o.Groups)
	for i := range ones {
		ones[i] = 1
	}
	y := s.reshaped(s.in[0].name, o.Groups, x.Len()/o.Groups)
	y = s.add("InstanceNormalization", []string{y, s.floats("ones", []int{o.Groups}, ones...), s.floats("zeros", []int{o.Groups}, zeros...)}, attr{"epsilon", o.Epsilon})
	y = s.reshaped(y, dims(s.Out)...)
	y = s.add("Mul", []string{y, s.perChannel("gamma", s.in[0], s.param(0).Data)})
	return s.add("Add", []string{y, s.perChannel("beta", s.in[0], s.param(1).Data)})
}

// layerNorm is over all features, in gantiny's order, which its parameters have.
func layerNorm(s *step) string {
	o := s.Op.(model.LayerNorm)
	y := s.add("LayerNormalization", []string{s.features(s.in[0].name, s.in[0].Shape), s.vector(0), s.vector(1)}, attr{"axis", 1}, attr{"epsilon", o.Epsilon})
	return s.fromFeatures(y, s.Out.Shape)
}

// pixelNorm: x / sqrt(mean over channels of x*x + epsilon).
func pixelNorm(s *step) string {
	x := s.in[0].name
	mean := s.on("ReduceMean", s.add("Mul", []string{x, x}), attr{"axes", []int{1}}, attr{"keepdims", 1})
	root := s.on("Sqrt", s.add("Add", []string{mean, s.scalar(s.Op.(model.PixelNorm).Epsilon)}))
	return s.add("Div", []string{x, root})
}
