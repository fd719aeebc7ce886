package onnxwrite

import (
	"math"

	"github.com/gantiny/gantiny/model"
)

var normRules = map[string]rule{
	"batchnorm":            batchNorm,
	"conditionalbatchnorm": conditionalBatchNorm,
	"instancenorm":         func(s *step) string { return s.instanceNorm(s.norm(s.Op.(model.InstanceNorm).Epsilon)) },
	"groupnorm": func(s *step) string {
		o := s.Op.(model.GroupNorm)
		return s.groupNorm(s.norm(o.Epsilon), o.Groups)
	},
	"layernorm": func(s *step) string { return s.layerNorm(s.norm(s.Op.(model.LayerNorm).Epsilon)) },
	"pixelnorm": func(s *step) string { return s.pixelNorm(s.Op.(model.PixelNorm).Epsilon) },
}

// norm is what those by image have, in floats and in 8-bit integers.
type norm struct {
	epsilon     float64
	gamma, beta []float32
}

func (s *step) norm(epsilon float64) norm { return norm{epsilon, s.param(0).Data, s.param(1).Data} }

func (s *step) vectors(n norm) []string {
	size := []int{len(n.gamma)}
	return []string{s.floats("gamma", size, n.gamma...), s.floats("beta", size, n.beta...)}
}

// scaled is gamma*x + beta, with a value for each channel.
func (s *step) scaled(x string, n norm) string {
	x = s.add("Mul", []string{x, s.perChannel("gamma", s.in[0], n.gamma)})
	return s.add("Add", []string{x, s.perChannel("beta", s.in[0], n.beta)})
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

func (s *step) instanceNorm(n norm) string {
	y := s.add("InstanceNormalization", append([]string{s.image(s.in[0])}, s.vectors(n)...), attr{"epsilon", n.epsilon})
	return s.fromImage(y, s.Out.Shape)
}

// groupNorm: each group as a channel of InstanceNormalization, as exporters write it for opsets
// before 18.
func (s *step) groupNorm(n norm, groups int) string {
	x := s.in[0].Shape
	ones, zeros := make([]float32, groups), make([]float32, groups)
	for i := range ones {
		ones[i] = 1
	}
	y := s.reshaped(s.in[0].name, groups, x.Len()/groups)
	y = s.add("InstanceNormalization", []string{y, s.floats("ones", []int{groups}, ones...), s.floats("zeros", []int{groups}, zeros...)}, attr{"epsilon", n.epsilon})
	return s.scaled(s.reshaped(y, dims(s.Out)...), n)
}

// layerNorm is over all features, in gantiny's order, which its parameters have.
func (s *step) layerNorm(n norm) string {
	in := append([]string{s.features(s.in[0].name, s.in[0].Shape)}, s.vectors(n)...)
	return s.fromFeatures(s.add("LayerNormalization", in, attr{"axis", 1}, attr{"epsilon", n.epsilon}), s.Out.Shape)
}

// pixelNorm: x / sqrt(mean over channels of x*x + epsilon).
func (s *step) pixelNorm(epsilon float64) string {
	x := s.in[0].name
	mean := s.on("ReduceMean", s.add("Mul", []string{x, x}), attr{"axes", []int{1}}, attr{"keepdims", 1})
	root := s.on("Sqrt", s.add("Add", []string{mean, s.scalar(epsilon)}))
	return s.add("Div", []string{x, root})
}
