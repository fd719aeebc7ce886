package train

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/fmath"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// Classify is the objective of a classifier: it learns the labels of images by the cross-entropy of
// its softmax. It trains the first network of a Trainer; there is no second one.
type Classify struct {
	shift   int        // pixels that an image is moved by at most
	augment *augmenter // nil: images are as they were, but for the shift

	net     *Network
	pass    *model.Pass
	image   window    // the pass's input
	shifted window    // images before augment changes them; image itself without it
	still   window    // images before they are moved; shifted itself without a shift
	logits  window    // (N, classes)
	dLogits []float32 // gradient of the loss at the logits, laid out alike
	labels  []int32
	key     rng.Key // of the moves
}

// NewClassify returns the objective. Each image is moved anew in every step, up to shift pixels up
// or down and left or right; pixels at the edge are repeated beyond it. Then it is changed as
// augment says.
func NewClassify(shift int, augment Augment) *Classify {
	o := &Classify{shift: shift}
	if len(augment) > 0 {
		o.augment = &augmenter{kinds: augment}
	}
	return o
}

// Name is Objective's.
func (o *Classify) Name() string { return "classify" }

// Plan is Objective's, of a classifier g: images to two or more logits, one a class. d is nil.
func (o *Classify) Plan(t *Trainer, g, d *Network) (err error) {
	if d != nil {
		return fmt.Errorf("train: %w: a classifier is trained alone, without a discriminator", ErrConfig)
	}
	if out := g.model.Output(); !out.IsFlat() || out.C < 2 || len(g.model.Inputs()) != 1 {
		return fmt.Errorf("train: %w: the network makes %v of %v, not logits of an image", model.ErrShape, out, g.model.Inputs())
	}
	if o.pass, err = g.NewPass(model.PassOptions{Batch: t.cfg.Batch}); err != nil {
		return err
	}
	o.net, o.key = g, rng.NewKey(t.cfg.Seed, rng.Augment)
	o.image, o.logits = windowOf(o.pass.Input()), windowOf(o.pass.Output())
	o.shifted = o.image
	if o.augment != nil {
		o.shifted.data = make([]float32, o.image.Len())
		o.augment.planImages(t, o.image, o.shifted)
	}
	o.still = o.shifted
	if o.shift > 0 {
		o.still.data = make([]float32, o.image.Len())
	}
	o.dLogits = make([]float32, o.logits.Len())
	o.labels = make([]int32, t.cfg.Batch)
	return nil
}

// Step is Objective's. G of the Losses is the cross-entropy, Right the share of images whose label
// had the largest logit.
func (o *Classify) Step(t *Trainer, from Source) (Losses, error) {
	step := t.steps + 1

	// Batch, moved a little.
	from.Reals(o.still.data, o.still.Layout)
	from.Labels(o.labels)
	o.move(step)
	o.augment.forward(t, step)

	// Forward, the loss and its gradient at the logits.
	o.pass.Forward(step)
	var l Losses
	if l.G, l.Right = o.crossEntropy(); !finite(l.G) {
		return l, t.Diverged(fmt.Sprintf("the loss is %g", l.G))
	}

	// Backward, and the update.
	o.pass.Backward(o.dLogits, nil, 0)
	return l, t.Update(o.net)
}

// move copies the batch to where augment or the pass reads it, each image by a displacement that
// depends on (seed, step, its place in the batch) alone.
func (o *Classify) move(step uint64) {
	if o.shift == 0 {
		return
	}
	key, m := o.key.Sub(step), o.shifted.Layout
	for n := range m.N {
		words := rng.Block(key, [4]uint32{uint32(n)})
		dy, dx := o.displacement(words[0]), o.displacement(words[1])
		for y := range m.H {
			for x := range m.W {
				copy(o.shifted.pixel(y*m.W+x, n), o.still.pixel(clamp(y+dy, m.H)*m.W+clamp(x+dx, m.W), n))
			}
		}
	}
}

// displacement maps a random word to -shift ... shift.
func (o *Classify) displacement(word uint32) int {
	return int(uint64(word)*uint64(2*o.shift+1)>>32) - o.shift
}

func clamp(i, n int) int { return min(max(i, 0), n-1) }

// crossEntropy returns the mean over the batch of the softmax's cross-entropy and the share of
// images that are told right, and sets the gradient:
//
//	loss        = mean(log Σ exp(z[n,k]) - z[n,label])
//	dlogits[n,k] = (softmax(z)[n,k] - [k = label]) / N
func (o *Classify) crossEntropy() (loss, right float64) {
	m := o.logits.Layout
	for n := range m.N {
		z, d := o.logits.data[n*m.Row:][:m.C], o.dLogits[n*m.Row:][:m.C]
		label := o.labels[n]
		each, best := softmaxGrad(d, z, label, float64(m.N))
		loss += each
		if best == label {
			right++
		}
	}
	return loss / float64(m.N), right / float64(m.N)
}

// softmaxGrad sets d to the gradient of one image's share of the mean over n, and returns its
// cross-entropy and the class of the largest logit.
func softmaxGrad(d, z []float32, label int32, n float64) (loss float64, best int32) {
	for k, v := range z {
		if v > z[best] {
			best = int32(k)
		}
	}
	top, sum := float64(z[best]), 0.0
	for _, v := range z {
		sum += fmath.Exp(float64(v) - top)
	}
	for k, v := range z {
		d[k] = float32(fmath.Exp(float64(v)-top) / sum / n)
	}
	p := fmath.Exp(float64(z[label])-top) / sum
	d[label] = float32((p - 1) / n)
	return fmath.Log(sum) + top - float64(z[label]), best
}
