package operator

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// ChannelScale is y = gain * x, with a gain for each channel, or for each feature of a vector, that
// is trained. Parameter: gain (C), which starts at 1.
type ChannelScale struct{}

func init() { model.Register[ChannelScale]() }

// Kind returns "channelscale".
func (ChannelScale) Kind() string { return "channelscale" }

// Infer returns what the input is.
func (ChannelScale) Infer(in []model.Spec) (model.Spec, error) {
	if len(in) != 1 || in[0].Type.Kind != model.Float32 {
		return model.Spec{}, fmt.Errorf("%w: inputs %v, want one of float32", model.ErrShape, in)
	}
	return in[0], nil
}

// Params lists gain.
func (ChannelScale) Params(in []model.Spec) []model.Param {
	return []model.Param{model.Vector("gain", in[0].Shape.C, model.One, true)}
}

// Reference: y = gain * x.
func (ChannelScale) Reference(y []float64, x, p [][]float64, in []model.Spec) {
	for i, v := range x[0] {
		y[i] = p[0][i%in[0].Shape.C] * v
	}
}

// Lower keeps a copy: a Session's weights are those at the time when it is made.
func (ChannelScale) Lower(l *model.Lowering) (model.Kernel, error) {
	return &channelScale{gain: slices.Clone(l.Params[0].Data)}, nil
}

// LowerTraining keeps the parameter itself, which changes after each step.
func (ChannelScale) LowerTraining(l *model.Lowering) (model.TrainKernel, error) {
	return &channelScale{gain: l.Params[0].Data}, nil
}

// channelScale is a ChannelScale on layouts.
type channelScale struct{ gain []float32 }

// Forward: y = gain * x, at the share's part of the positions.
func (k *channelScale) Forward(_ *model.Worker, y model.Tensor, x []model.Tensor, s model.Share) {
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		for n := s.N0; n < s.N1; n++ {
			dst := y.At(p, n)
			for c, v := range x[0].At(p, n) {
				dst[c] = k.gain[c] * v
			}
		}
	}
}

// Backward: dx = gain * dy, which is what Forward does to dy.
func (k *channelScale) Backward(w *model.Worker, dx []model.Tensor, dy model.Tensor, _ []model.Tensor, _ model.Tensor, s model.Share) {
	if dx[0].F != nil {
		k.Forward(w, dx[0], []model.Tensor{dy}, s)
	}
}

// ParamGrad: dgain += Σ dy * x. One worker adds up all of a channel, in a fixed order, so that the
// sum has the same bits for any number of workers.
func (k *channelScale) ParamGrad(_ *model.Worker, dp [][]float32, dy model.Tensor, x []model.Tensor, _ model.Tensor, s model.Share) {
	lo, hi := s.Of(len(k.gain))
	for c := lo; c < hi; c++ {
		sum := 0.0
		for p := range dy.Positions() {
			for n := range dy.N {
				sum += float64(dy.At(p, n)[c]) * float64(x[0].At(p, n)[c])
			}
		}
		dp[0][c] += float32(sum)
	}
}
