package train_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// leastSquares is an objective as a user of the library could write it: the least squares GAN by
// plain passes. The discriminator judges reals and fakes in passes of their own and is updated
// twice as often as the generator.
type leastSquares struct {
	g, d  *train.Network
	draw  *model.Pass // of the generator
	judge *model.Pass // of the discriminator
	dy    []float32
}

func (*leastSquares) Name() string { return "least squares of the test" }

func (o *leastSquares) Plan(t *train.Trainer, g, d *train.Network) (err error) {
	n := t.Config().Batch
	o.g, o.d, o.dy = g, d, make([]float32, 2*n)
	if o.draw, err = g.NewPass(model.PassOptions{Batch: n}); err != nil {
		return err
	}
	o.judge, err = d.NewPass(model.PassOptions{Batch: 2 * n, InputGrad: true})
	return err
}

func (o *leastSquares) Step(t *train.Trainer, from train.Source) (train.Losses, error) {
	n, step := t.Config().Batch, t.Steps()+1
	var l train.Losses

	// Batch and noise; fakes.
	both, pixels := o.judge.Input()
	half := both
	half.N = n
	from.Reals(pixels, half)
	z, noise := o.draw.Input()
	from.Noise(noise, z, step)
	o.draw.Forward(step)
	drawn, fakes := o.draw.Output()
	for p := range both.Positions() {
		copy(pixels[p*both.Stride+n*both.C:][:n*both.C], fakes[p*drawn.Stride:])
	}

	// The discriminator twice: D = mean((real-1)^2 + fake^2)/2.
	for range 2 {
		o.judge.Forward(step)
		_, logits := o.judge.Output()
		l.D = 0
		for i, y := range logits[:2*n] {
			want := float32(0)
			if i < n {
				want = 1
			}
			o.dy[i] = (y - want) / float32(n)
			l.D += float64(y-want) * float64(y-want) / float64(2*n)
		}
		o.judge.Backward(o.dy, nil, 2*n)
		if err := t.Update(o.d); err != nil {
			return l, err
		}
	}

	// The generator: G = mean((fake-1)^2)/2.
	o.judge.Forward(step)
	_, logits := o.judge.Output()
	clear(o.dy)
	l.G = 0
	for i, y := range logits[n : 2*n] {
		o.dy[n+i] = (y - 1) / float32(n)
		l.G += float64(y-1) * float64(y-1) / float64(2*n)
	}
	o.judge.Backward(o.dy, nil, n)
	grad, dx := o.judge.InputGrad()
	o.draw.Backward(o.fakesOf(grad, dx, drawn, n), nil, 0)
	return l, t.Update(o.g)
}

// fakesOf gathers the gradients of the fakes, in place, in the generator's layout.
func (o *leastSquares) fakesOf(from conv.Layout, dx []float32, to conv.Layout, n int) []float32 {
	for p := range from.Positions() {
		copy(dx[p*to.Stride:][:n*to.C], dx[p*from.Stride+n*from.C:])
	}
	return dx
}

func squares(n int) *dataset.Dataset {
	d := &dataset.Dataset{Name: "squares", H: 8, W: 8, C: 1, N: n, SHA256: strings.Repeat("5", 64)}
	words := rng.NewStream(rng.Key{3})
	for range n * 8 * 8 {
		d.Pix = append(d.Pix, uint8(128+words.Below(128)))
	}
	return d
}

func TestObjectiveOfTheCaller(t *testing.T) {
	c := train.Default()
	c.Batch, c.Latent, c.Width, c.Size, c.Threads, c.LearningRate, c.CheckpointEpochs = 6, 5, 3, 8, 1, 1e-3, 0
	data := squares(24)
	run := func(dir string, epochs int, resume bool, objective train.Objective) (first, last float64) {
		t.Helper()
		c := c
		c.Epochs = epochs
		first = -1
		err := train.Run(context.Background(), c, data, train.Options{
			Dir: dir, Resume: resume, Components: train.Components{Objective: objective},
			OnStep: func(s train.Stats) {
				if first < 0 {
					first = s.D
				}
				last = s.D
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return first, last
	}
	whole, parts := t.TempDir(), t.TempDir()
	if first, last := run(whole, 20, false, &leastSquares{}); !(last < first/2) {
		t.Errorf("the discriminator's loss went from %g to %g", first, last)
	}
	run(parts, 7, false, &leastSquares{})
	run(parts, 20, true, &leastSquares{})
	if string(tensors(t, parts)) != string(tensors(t, whole)) {
		t.Error("stopped and resumed, it ends with other bits")
	}
	c.Epochs = 21
	err := train.Run(context.Background(), c, data, train.Options{Dir: parts, Resume: true})
	if !errors.Is(err, train.ErrMismatch) || !strings.Contains(err.Error(), "least squares of the test") {
		t.Errorf("resumed with another objective: %v", err)
	}
}

// tensors are a run's generator without its header, which names the epochs.
func tensors(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, train.GeneratorFile))
	if err != nil {
		t.Fatal(err)
	}
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	return b[8+n:]
}

func TestObjectiveOfTheCallerAllocatesNothing(t *testing.T) {
	c := train.Default()
	c.Batch, c.Latent, c.Width, c.Size, c.Threads = 6, 5, 3, 8, 1
	tr, err := train.New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), train.Tuning{Components: train.Components{Objective: &leastSquares{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	reals, noise := make([]float32, 6*64), make([]float32, 6*5)
	if n := alloctest.PerRun(func() {
		if _, err := tr.StepOn(reals, noise, nil); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // one is StepOn's own
		t.Errorf("%d allocations a step", n)
	}
}
