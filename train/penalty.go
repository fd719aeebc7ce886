package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// Penalty is a term of the discriminator's loss on g, the gradient of its logit by
// the pixels of an image. It is taken at every so many steps only, and counts that many
// times then (Karras et al. 2020).
//
//	r1  Weight/2 * mean(|g|²) at the reals (Mescheder, Geiger and Nowozin 2018)
//	r2  the same at the fakes
//	gp  Weight * mean((|g|-1)²) at points between them (Gulrajani et al. 2017, WGAN-GP)
//
// The discriminator must be piecewise linear in its pixels and must not couple images:
// an operator without a tangent is an error that names it, see model.PassOptions.
type Penalty struct {
	Kind   string
	Weight float64
	Every  int
}

// penaltyKinds are the kinds of Penalty, by the images that each is taken at and how
// the penalty's value at one image and its factor on g follow from |g|².
var penaltyKinds = map[string]struct {
	at    func(p *penalty, o *GAN, step uint64)
	value func(square float64) (value, factor float64)
}{
	"r1": {func(p *penalty, o *GAN, _ uint64) { p.x.take(o.reals) }, halfSquare},
	"r2": {func(p *penalty, o *GAN, _ uint64) { p.x.take(o.fakes) }, halfSquare},
	"gp": {(*penalty).takeBetween, func(square float64) (float64, float64) {
		norm := math.Sqrt(square)
		return (norm - 1) * (norm - 1), 2 * (norm - 1) / max(norm, 1e-12)
	}},
}

func halfSquare(square float64) (float64, float64) { return square / 2, 1 }

// Validate reports what is wrong with p.
func (p Penalty) Validate() error {
	switch {
	case penaltyKinds[p.Kind].value == nil:
		return bad("penalty", p.Kind, strings.Join(slices.Sorted(maps.Keys(penaltyKinds)), ", "))
	case !(p.Weight > 0) || !finite(p.Weight):
		return bad("weight of penalty "+p.Kind, p.Weight, "a positive number")
	case p.Every < 1:
		return bad("steps between penalties "+p.Kind, p.Every, "at least 1")
	}
	return nil
}

// penalty is a Penalty at work: a pass over the discriminator with tangents.
type penalty struct {
	Penalty
	pass    *model.Pass
	x, g, v window  // the images, the gradients by their pixels, and what the tangent starts from
	classes []int32 // (N), empty without classes
	key     rng.Key
	ones    []float32 // (N) gradients at the logits
	mix     []float32 // (N) weight of the real image in a point between it and a fake
	squares []float64 // (N) of |g|, then the factors on g
	grads   []*model.Param
}

// plan makes the pass, which runs when both, D's own, has done its work.
func (p *penalty) plan(t *Trainer, d *Network, both *model.Pass) (err error) {
	if err := p.Validate(); err != nil {
		return err
	}
	n := t.cfg.Batch
	if p.pass, err = d.NewPass(model.PassOptions{Batch: n, Tangents: true, Borrow: both}); err != nil {
		return fmt.Errorf("%w (penalty %s)", err, p.Kind)
	}
	p.x, p.g = windowOf(p.pass.Input()), windowOf(p.pass.InputGrad())
	if i := classInput(d.model); i >= 0 {
		p.classes = p.pass.Classes(i)
	}
	p.key = rng.NewKey(t.cfg.Seed, rng.Penalty)
	p.ones, p.mix, p.squares = make([]float32, n), make([]float32, n), make([]float64, n)
	p.v = window{p.g.Layout, make([]float32, len(p.g.data))}
	for i := range p.ones {
		p.ones[i] = 1
	}
	p.grads = p.pass.Grads()
	return nil
}

// add adds the penalty's gradients to those of D's parameters, and returns what it adds to the
// loss.
func (p *penalty) add(t *Trainer, o *GAN, step uint64) float64 {
	kind := penaltyKinds[p.Kind]
	kind.at(p, o, step)
	copy(p.classes, o.labels)
	p.pass.Forward(step)
	p.pass.InputBackward(p.ones)

	n := len(p.ones)
	clear(p.squares)
	for pos := range p.g.Positions() {
		for i := range n {
			for _, v := range p.g.pixel(pos, i) {
				p.squares[i] += float64(v) * float64(v)
			}
		}
	}
	factor := p.Weight * float64(p.Every) / float64(n)
	var sum float64
	for i, square := range p.squares {
		value, by := kind.value(square)
		sum += value
		p.squares[i] = by * factor
	}
	for pos := range p.g.Positions() {
		for i, by := range p.squares {
			to := p.v.pixel(pos, i)
			for c, v := range p.g.pixel(pos, i) {
				to[c] = v * float32(by)
			}
		}
	}
	p.pass.TangentGrad(p.v.data)
	for i, g := range o.dPass.Grads() {
		t.k.Axpy(g.Data, 1, p.grads[i].Data)
	}
	return sum * factor
}

// takeBetween puts a random point between each real and the fake beside it into the pass.
func (p *penalty) takeBetween(o *GAN, step uint64) {
	rng.FillUniform(p.mix, p.key.Sub(step), 0)
	for pos := range p.x.Positions() {
		for i, e := range p.mix {
			real, fake, x := o.reals.pixel(pos, i), o.fakes.pixel(pos, i), p.x.pixel(pos, i)
			for c := range x {
				x[c] = fake[c] + e*(real[c]-fake[c])
			}
		}
	}
}
