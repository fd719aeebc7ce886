package quantize

import (
	"context"
	"math"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// chunk is how many images go through a layer at a time.
const chunk = 32

// tensor is the activations of some chunks of images between two layers, each chunk position-major: value (position, image,
// channel) at (position*chunk+image)*C + channel.
type tensor [][]float32

// network runs a chain of layers in floats.
type network struct {
	ctx    context.Context
	k      *simd.Kernels
	layers []layer
	work   *conv.Workspace
}

// layer is one of them, with room for its packed weights.
type layer struct {
	model.Linear
	in, out conv.Layout
	plan    *conv.Plan
	packed  []float32
}

func newNetwork(ctx context.Context, list []model.Linear, k *simd.Kernels) (*network, error) {
	n := &network{ctx: ctx, k: k}
	var plans []*conv.Plan
	for _, l := range list {
		at := layer{Linear: l, in: dense(l.In), out: dense(l.Out)}
		var err error
		if at.plan, err = conv.NewPlan(l.Geometry, at.in, at.out, k); err != nil {
			return nil, err
		}
		at.packed = make([]float32, at.plan.PackedLen())
		plans = append(plans, at.plan)
		n.layers = append(n.layers, at)
	}
	n.work = conv.NewWorkspace(plans...)
	return n, nil
}

// dense is a Map of a chunk without gaps, so that element-wise work is one loop.
func dense(s model.Shape) conv.Layout {
	return conv.Layout{H: s.H, W: s.W, C: s.C, N: chunk, Row: s.C, Stride: chunk * s.C}
}

// latents returns n chunks of the layers' input from z, (image, latent) row-major.
func (n *network) latents(z []float32) tensor {
	l := &n.layers[0]
	size := l.in.Len()
	var t tensor
	for ; len(z) > 0; z = z[size:] {
		x := make([]float32, size)
		l.in.Import(x, z[:size])
		t = append(t, x)
	}
	return t
}

// apply computes layer i of x with other weights and bias.
func (n *network) apply(i int, x tensor, weight, bias []float32) (tensor, error) {
	l := &n.layers[i]
	l.plan.Pack(n.work, l.packed, weight)
	e := conv.Epilogue{Bias: bias, Slope: l.Slope}
	y := make(tensor, len(x))
	for j := range x {
		if err := n.ctx.Err(); err != nil {
			return nil, err
		}
		y[j] = make([]float32, l.out.Len())
		l.plan.Forward(n.work, y[j], x[j], l.packed, e, conv.Share{N1: chunk, P1: l.plan.Panels()})
		if l.Tanh {
			n.k.Tanh(y[j], y[j])
		}
	}
	return y, nil
}

// rounded returns x rounded to what p's bytes stand for.
func (x tensor) rounded(p quant.Params) tensor {
	y := make(tensor, len(x))
	for i := range x {
		y[i] = append([]float32(nil), x[i]...)
		p.Round(y[i])
	}
	return y
}

// meanSquare is the mean squared difference of two tensors.
func meanSquare(x, y tensor) float64 {
	sum, n := 0.0, 0
	for i := range x {
		for j, v := range x[i] {
			d := float64(v) - float64(y[i][j])
			sum += d * d
		}
		n += len(x[i])
	}
	return sum / float64(n)
}

// power is the mean square of a tensor.
func (x tensor) power() float64 {
	sum, n := 0.0, 0
	for i := range x {
		for _, v := range x[i] {
			sum += float64(v) * float64(v)
		}
		n += len(x[i])
	}
	return sum / float64(n)
}

// decibels is the ratio of two powers.
func decibels(signal, noise float64) float64 { return 10 * math.Log10(signal/noise) }

// psnr is that of images in [-1, 1] with a mean squared error.
func psnr(e float64) float64 { return decibels(4, e) }
