package model

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/engine"
)

// Gradient penalties need the gradient, by the parameters, of a product of the input's gradient
// with a fixed vector: d/dw <v, dD/dx>. While D is piecewise linear in x, dD/dx changes with a
// weight as the output changes that D makes of v instead of x: of v's tangent, which runs forward
// through the same weights and masks, without biases. So the gradient of a weight is its ordinary
// one, with the tangent in the place of the activation and the same gradient at the output. A bias
// has none.
//
// A value that does not depend on x, such as the embedding of a class, has no tangent; only where a
// tangent is multiplied by it does it get a gradient.

// tangents is what a Pass with tangents has besides.
type tangents struct {
	depends map[*passNode]bool   // on the first input
	values  []Tensor             // the tangents of the activations; zeros of those that have none
	fixed   map[*passNode]Tensor // gradients of values that do not depend on the input and that a tangent is multiplied by

	forward, reverse []engine.Stage
	input            []engine.Stage // Backward of the inputs alone
}

// bilinear is an Op that multiplies its inputs: the gradient of one is the product of the output's
// with the others.
type bilinear interface {
	Op
	bilinear()
}

// checkTangents returns an error that names the first node without a tangent.
func (p *Pass) checkTangents() error {
	p.tangents = tangents{depends: map[*passNode]bool{}, fixed: map[*passNode]Tensor{}}
	first := p.graph.Inputs[0]
	of := map[*Value]bool{first: true}
	for _, t := range p.nodes {
		for _, v := range t.In {
			p.depends[t] = p.depends[t] || of[v.storage()]
		}
		of[t.Out] = p.depends[t]
		if err := p.checkFixed(t); err != nil {
			return t.error(err)
		}
		_, hasParams := t.kernel.(ParamKernel)
		_, linear := t.kernel.(*linearPass)
		switch _, ok := t.kernel.(TangentKernel); {
		case !p.depends[t] && linear:
			return t.error(fmt.Errorf("%w: a gradient penalty behind which weights do not see the input", ErrRule))
		case p.depends[t] && (!ok || hasParams && trains(t.Node)):
			return t.error(fmt.Errorf("%w: it has no tangent, which a gradient penalty needs", ErrRule))
		}
	}
	return nil
}

// checkFixed refuses what the gradients of values that do not depend on the input do not cover: one
// that is made of another such value, and one that is multiplied by a tangent in several places.
func (p *Pass) checkFixed(t *passNode) error {
	products := 0
	for _, n := range p.graph.consumers(t.Out) {
		if _, ok := n.Op.(bilinear); ok {
			products++
		}
	}
	switch {
	case p.depends[t]:
	case slices.ContainsFunc(t.In, func(v *Value) bool { return v.storage().Node != nil }):
		return fmt.Errorf("%w: a gradient penalty behind which an operator does not see the input", ErrRule)
	case products > 1:
		return fmt.Errorf("%w: a gradient penalty that multiplies what does not see the input %d times", ErrRule, products)
	}
	return nil
}

// allocateTangents makes the tangents' memory and stages.
func (p *Pass) allocateTangents() {
	p.tangents.values = make([]Tensor, len(p.acts))
	for i, a := range p.acts {
		l := a.layout
		if a.bound >= 0 || a.kind != Float32 {
			l = conv.NewLayout(l.H, l.W, l.C, l.N)
		}
		p.tangents.values[i] = Tensor{Layout: l, F: arena.Floats(l.Len())}
	}
	for _, t := range p.nodes {
		if !p.depends[t] {
			p.fixed[t] = Tensor{Layout: t.y, F: make([]float32, t.y.Len())}
		}
	}
	p.tangents.forward, p.tangents.reverse = p.scheduleTangents(), p.scheduleTangentGrads()
	p.tangents.input = p.scheduleInputGrad()
}

// scheduleInputGrad lists the stages of Backward that lead to the input, without the parameters'.
func (p *Pass) scheduleInputGrad() []engine.Stage {
	return slices.DeleteFunc(slices.Clone(p.reverse), func(s engine.Stage) bool {
		return len(s.Tasks) == 1 && (s.Tasks[0].Name == "weight gradient" || s.Tasks[0].Name == "bias gradient")
	})
}

// tangent is the tangent of activation i in the layout l.
func (p *Pass) tangent(i int, l conv.Layout) Tensor {
	t := p.tangents.values[i]
	l.Stride = t.Stride
	t.Layout = l
	return t
}

// tangentArgs are the tangents of t's inputs.
func (p *Pass) tangentArgs(t *passNode, worker int) []Tensor {
	x := t.args[worker].x
	for i, a := range t.xa {
		x[i] = p.tangent(a, t.x[i])
	}
	return x
}

// scheduleTangents lists the stages that take a tangent forward.
func (p *Pass) scheduleTangents() []engine.Stage {
	l := &stages{p: p}
	for _, t := range p.nodes {
		if !p.depends[t] {
			continue
		}
		k := t.kernel.(TangentKernel)
		l.whole(p.o.Batch, t.grain(), t.op, "tangent", func(w *Worker, s Share) {
			k.Tangent(w, p.tangent(t.ya, t.y), p.tangentArgs(t, w.ID), t.xt, t.yt, s)
		})
	}
	return l.Stages
}

// scheduleTangentGrads lists the stages that make the parameters' gradients.
func (p *Pass) scheduleTangentGrads() []engine.Stage {
	l := &stages{p: p}
	for _, t := range slices.Backward(p.nodes) {
		switch o, linear := t.kernel.(*linearPass); {
		case !p.depends[t]:
			p.addFixedGrad(l, t)
		case linear && !t.frozen:
			l.once(t.op, "weight gradient", func(w *Worker, _ Share) {
				o.weightSums(w, p.tangentArgs(t, w.ID)[0].F, t.dyt, true)
			})
			if o.weights.SumsLen() > 0 {
				l.once(t.op, "weight gradient", func(w *Worker, _ Share) { o.finishWeightGrad(w) })
			}
		case slices.ContainsFunc(t.In, func(v *Value) bool { return p.nodeOf(v) != nil && !p.depends[p.nodeOf(v)] }):
			p.addProductGrad(l, t)
		}
	}
	return l.Stages
}

// nodeOf returns the node that makes a value, nil for an input.
func (p *Pass) nodeOf(v *Value) *passNode {
	for _, t := range p.nodes {
		if t.Out == v.storage() {
			return t
		}
	}
	return nil
}

// addProductGrad adds the gradients of the inputs of t that do not depend on x, which is zero
// unless t multiplies them by a tangent.
func (p *Pass) addProductGrad(l *stages, t *passNode) {
	if _, ok := t.Op.(bilinear); !ok {
		return
	}
	k := t.kernel
	l.whole(p.o.Batch, 1, t.op, "backward", func(w *Worker, s Share) {
		x := p.tangentArgs(t, w.ID)
		dx := t.args[w.ID].dx
		for i, v := range t.In {
			dx[i] = Tensor{Layout: t.x[i]}
			if from := p.nodeOf(v); from != nil && !p.depends[from] {
				dx[i] = p.fixed[from]
				x[i] = t.xt[i]
			}
		}
		k.Backward(w, dx, t.dyt, x, t.yt, s)
	})
}

// addFixedGrad adds the parameters' gradients of a node that does not depend on x.
func (p *Pass) addFixedGrad(l *stages, t *passNode) {
	k, ok := t.kernel.(ParamKernel)
	if !ok || t.frozen || !trains(t.Node) {
		return
	}
	l.once(t.op, "weight gradient", func(w *Worker, s Share) {
		k.ParamGrad(w, t.dparams, p.fixed[t], t.xt, t.yt, s)
	})
}

// InputBackward is Backward without the gradients of the parameters. It computes only InputGrad.
func (p *Pass) InputBackward(dout []float32) {
	p.begin()
	defer p.end()
	p.mustHaveTangents()
	clear(p.dy)
	p.dy[0] = dout
	p.pack(forBackward)
	p.scale, p.from, p.lo = nil, 0, 0
	p.run(p.tangents.input)
	clear(p.dy)
}

// TangentGrad leaves in Grads the gradients of Σ <v[n], g[n]> over the images n, g being the
// gradients of the first input that InputBackward has left: v, laid out as InputGrad, stays fixed.
// With g in the place of v they are those of Σ |g[n]|²/2. It belongs after InputBackward.
func (p *Pass) TangentGrad(v []float32) {
	p.begin()
	defer p.end()
	p.mustHaveTangents()
	in := p.tangents.values[0]
	if len(v) < in.Len() {
		panic("model: TangentGrad: v shorter than the input")
	}
	copy(in.F, v[:in.Len()])
	clear(p.params)
	p.pack(forForward)
	p.run(p.tangents.forward)
	p.run(p.tangents.reverse)
}

func (p *Pass) mustHaveTangents() {
	if !p.o.Tangents {
		panic("model: a pass without the option Tangents")
	}
	p.allocate()
}
