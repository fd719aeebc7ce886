package train

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
)

// auxiliary is a second head of the discriminator, which names classes (Odena et al. 2017, AC-GAN).
// The discriminator learns from it on reals, the generator on fakes:
//
//	D += weight * mean(cross-entropy of the head's logits at the reals with their classes)
//	G += weight * mean(cross-entropy at the fakes with the classes that they were drawn in)
//
// So a fake's logits have other gradients for D than for G, and not only by one factor as without
// it: the fakes go through a pass of their own for G's.
type auxiliary struct {
	weight float64
	pass   *model.Pass // D at the fakes, without its parameters' gradients
	fakes  window      // its input, which G writes
	grad   window      // gradient of G's loss at the fakes

	classes       []int32 // input of pass, empty without
	logit, named  window  // outputs of pass
	reals         window  // the head's output in the pass for D: N reals, N fakes
	ofFakes       window  // its second half
	dReals        []float32
	dFakes        []float32 // the gradients at both
	unused        []float32 // (2N)
	douts, gdouts [][]float32
}

// plan makes the pass of n fakes. both is D's own, which has one more output with san.
func (a *auxiliary) plan(n int, g, d *Network, both *model.Pass, san bool) (err error) {
	if err := a.fits(g.model, d.model); err != nil {
		return err
	}
	var frozen []string
	for _, p := range d.model.TrainableParams() {
		frozen = append(frozen, p.Name)
	}
	// Both has done its work when this one runs.
	if a.pass, err = d.NewPass(model.PassOptions{Batch: n, InputGrad: true, Frozen: frozen, Borrow: both}); err != nil {
		return err
	}
	a.fakes, a.grad = windowOf(a.pass.Input()), windowOf(a.pass.InputGrad())
	if i := classInput(d.model); i >= 0 {
		a.classes = a.pass.Classes(i)
	}
	a.logit, a.named, a.reals = windowOf(a.pass.Output()), windowOf(a.pass.OutputAt(1)), windowOf(both.OutputAt(1))
	a.ofFakes = a.reals.images(n, n)
	a.dReals, a.dFakes = make([]float32, a.reals.Len()), make([]float32, a.named.Len())
	a.unused = make([]float32, 2*n)
	outputs := len(d.model.Outputs())
	a.douts, a.gdouts = make([][]float32, outputs), make([][]float32, outputs)
	if san {
		a.douts = append(a.douts, nil) // no gradient
	}
	a.douts[1], a.gdouts[1] = a.dReals, a.dFakes
	return nil
}

// fits reports why the networks cannot be trained with an auxiliary head.
func (a *auxiliary) fits(g, d *model.Model) error {
	k, outputs := classes(g), d.Outputs()
	switch {
	case !(a.weight > 0) || !finite(a.weight):
		return bad("auxiliary", a.weight, "a positive number")
	case k < 2:
		return fmt.Errorf("train: %w: an auxiliary head names classes, and the generator draws none", ErrConfig)
	case len(outputs) < 2 || outputs[1].Shape != model.Flat(k):
		return fmt.Errorf("train: %w: the discriminator's outputs are %v, want one logit and, of the auxiliary head, %d", model.ErrShape, outputs, k)
	}
	return nil
}

// takeFakes gives both passes of D the fakes, which G has drawn into that of the auxiliary head
// unless they were changed behind it.
func (a *auxiliary) takeFakes(o *GAN) {
	switch {
	case a == nil:
	case o.augment == nil:
		o.fakes.take(a.fakes)
	default:
		a.fakes.take(o.fakes)
	}
}

// backwardD is D's Backward: of its loss at the logits, which dLogits has, and of the head's at the
// reals. It adds to l what the head says of both.
func (a *auxiliary) backwardD(o *GAN, l *Losses) {
	l.ClassReal, _ = a.crossEntropy(a.dReals, a.reals, o.labels)
	l.ClassFake, l.Right = a.crossEntropy(a.dFakes, a.ofFakes, o.labels)
	a.douts[0] = o.dLogits
	o.dPass.BackwardAll(a.douts, nil, len(o.dLogits))
}

// backwardG takes the fakes through D once more and leaves the gradient of G's loss at them in
// grad. Where D has dropout, its mask is another one.
func (a *auxiliary) backwardG(o *GAN, step uint64) {
	copy(a.classes, o.labels)
	a.pass.Forward(step)
	o.loss(a.unused, o.gLogits, o.logits.data[:len(o.labels)], a.logit.data[:len(o.labels)])
	a.crossEntropy(a.dFakes, a.named, o.labels)
	a.gdouts[0] = o.gLogits
	a.pass.BackwardAll(a.gdouts, nil, 0)
}

// crossEntropy sets d to the gradient of the weighted cross-entropy at the logits in z, and returns
// that without the weight and the share of images that are named as the labels are.
func (a *auxiliary) crossEntropy(d []float32, z window, labels []int32) (loss, right float64) {
	n := float64(len(labels))
	for i, label := range labels {
		row := z.pixel(0, i)
		each, best := softmaxGrad(d[i*z.Row:][:z.C], row, label, n/a.weight)
		loss += each
		if best == label {
			right++
		}
	}
	return loss / n, right / n
}
