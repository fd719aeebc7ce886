package train

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
)

// featureLoss compares what a network that is not trained makes of two batches of images:
//
//	weight * mean((f(x) - f(y))²) / mean(f(y)²)
type featureLoss struct {
	network *model.Model // whose last output is f
	weight  float64

	pass     *model.Pass
	input    window
	gradient window      // of the input
	made     window      // f
	want     []float32   // f(y), laid out alike
	douts    [][]float32 // gradients at the outputs, nil but for the last
}

// plan makes the pass, for images of a shape.
func (f *featureLoss) plan(t *Trainer, images model.Shape) (err error) {
	in := f.network.Inputs()
	if len(in) != 1 || in[0].Type.Kind != model.Float32 || in[0].Shape != images {
		return fmt.Errorf("train: features: %w: the network reads %v, the generator draws %v", model.ErrShape, in, images)
	}
	if f.network.BatchDependent() {
		return fmt.Errorf("train: features: %w: a normalization that no weights precede", ErrConfig)
	}
	o := model.PassOptions{Batch: t.cfg.Batch, InputGrad: true, Team: t.team, Kernels: t.k}
	for _, p := range f.network.Params() {
		o.Frozen = append(o.Frozen, p.Name)
	}
	if f.pass, err = f.network.NewPass(o); err != nil {
		return fmt.Errorf("train: features: %w", err)
	}
	f.input, f.gradient = windowOf(f.pass.Input()), windowOf(f.pass.InputGrad())
	last := len(f.network.Outputs()) - 1
	f.made = windowOf(f.pass.OutputAt(last))
	f.want = make([]float32, f.made.Len())
	f.douts = make([][]float32, last+1)
	f.douts[last] = make([]float32, f.made.Len())
	return nil
}

// add adds the gradient by x to grad and returns the loss without its weight.
func (f *featureLoss) add(t *Trainer, grad, x, y window) float64 {
	f.input.take(y)
	f.pass.Forward(t.steps + 1)
	copy(f.want, f.made.data)
	f.input.take(x)
	f.pass.Forward(t.steps + 1)

	var square, power float64
	for i, v := range f.made.data[:len(f.want)] {
		d := float64(v) - float64(f.want[i])
		square += float64(d * d)
		power += float64(f.want[i]) * float64(f.want[i])
	}
	if power == 0 {
		return 0
	}
	factor := float32(2 * f.weight / power)
	dy := f.douts[len(f.douts)-1]
	for i, v := range f.made.data[:len(f.want)] {
		dy[i] = factor * (v - f.want[i])
	}
	f.pass.BackwardAll(f.douts, nil, 0)
	for p := range grad.Positions() {
		to := grad.data[p*grad.Stride:][:grad.N*grad.C]
		t.k.Axpy(to, 1, f.gradient.data[p*f.gradient.Stride:][:len(to)])
	}
	return square / power
}
