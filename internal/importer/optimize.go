package importer

import (
	"slices"

	"github.com/gantiny/gantiny/model"
)

// A rewrite returns a node in place of n, which reads what has been made anew already; n itself if
// it has nothing to say.
type rewrite func(im *importer, n *node) (*node, error)

// rewrites are applied in this order. None changes what is computed but by rounding.
var rewrites = []rewrite{joinAffines, mergeAffine, orderDense, readDense, joinNorm, joinConditional, mergePads, turnRound, tanhLast, joinReshapes}

// optimized returns the outputs after all rewrites.
func (im *importer) optimized(outputs []*node) ([]*node, error) {
	for _, f := range rewrites {
		list := im.sorted(outputs)
		for _, n := range list {
			n.reads = 0
		}
		for _, n := range list {
			for _, v := range n.in {
				v.reads++
			}
		}
		for _, n := range outputs {
			n.reads++
		}
		for _, n := range list {
			c := n.renewed()
			m, err := f(im, c)
			if err != nil {
				return nil, err
			}
			if n.next = m; slices.Contains(c.in, m) {
				m.reads += n.reads - 1
			} else {
				m.reads = n.reads
			}
		}
		outputs = slices.Clone(outputs)
		for i, n := range outputs {
			outputs[i] = n.next
		}
	}
	return outputs, nil
}

// renewed returns n as it reads what has been made of its inputs.
func (n *node) renewed() *node {
	if !slices.ContainsFunc(n.in, func(v *node) bool { return v.next != v }) {
		return n
	}
	c := *n
	c.in = make([]*node, len(n.in))
	for i, v := range n.in {
		c.in[i] = v.next
	}
	return &c
}

// alone tells whether one node at most reads n.
func (n *node) alone() bool { return n.reads <= 1 }

// isAffine tells whether n is what importer.affine makes.
func isAffine(n *node) bool {
	b, ok := n.op.(model.BatchNorm)
	return ok && b.Epsilon == unit
}

// joinAffines makes one factor and sum of two in a row, and none of those that do nothing.
func joinAffines(im *importer, n *node) (*node, error) {
	if !isAffine(n) {
		return n, nil
	}
	if a, b, ok := uniform(n); ok && a == 1 && b == 0 {
		return n.in[0], nil
	}
	if in := n.in[0]; isAffine(in) && in.alone() {
		a, b, before, sum := n.params[0], n.params[1], in.params[0], in.params[1]
		to, err := im.affine(in.in[0], func(i int) float64 { return a(i) * before(i) }, func(i int) float64 { return a(i)*sum(i) + b(i) })
		if err != nil {
			return nil, err
		}
		return joinAffines(im, to)
	}
	return n, nil
}

// mergeAffine makes a factor and a sum part of the weights before them.
func mergeAffine(im *importer, n *node) (*node, error) {
	if !isAffine(n) {
		return n, nil
	}
	in := n.in[0]
	for ; in.alone(); in = in.in[0] { // features of a dense operator, seen as an image
		if _, ok := in.op.(model.Reshape); !ok {
			break
		}
	}
	if !in.alone() || len(in.in) != 1 {
		return n, nil
	}
	var l model.Op
	outputs, biased := 0, false
	switch o := in.op.(type) {
	case model.Dense:
		outputs, biased, o.Bias = o.Units, o.Bias, true
		l = o
	case model.Conv2D:
		outputs, biased, o.Bias = o.Filters, o.Bias, true
		l = o
	case model.ConvTranspose2D:
		outputs, biased, o.Bias = o.Filters, o.Bias, true
		l = o
	default:
		return n, nil
	}
	channels := n.shape().C
	if _, dense := l.(model.Dense); !dense && channels != outputs || outputs%channels != 0 {
		return n, nil
	}
	a, b, weight, bias := n.params[0], n.params[1], in.params[0], param(value0)
	if biased {
		bias = in.params[1]
	}
	merged, err := im.add(l, []param{
		func(i int) float64 { return weight(i) * a(i%outputs%channels) },
		func(i int) float64 { return a(i%channels)*bias(i) + b(i%channels) },
	}, in.in[0])
	if err != nil {
		return nil, err
	}
	return im.reshape(merged, n.shape())
}

// order maps the features of a Transpose's output to its input's, and back.
func order(n *node) (from, back func(i int) int) {
	perm := n.op.(model.Transpose).Perm
	s := n.in[0].shape()
	in, out := []int{s.H, s.W, s.C}, make([]int, 3)
	step := strides(in)
	forward := make([]int, 3)
	for i, k := range perm {
		out[i], forward[i] = in[k], step[k]
	}
	backward := make([]int, 3)
	for i, st := range strides(out) {
		backward[perm[i]] = st
	}
	return indexer(out, forward, 0), indexer(in, backward, 0)
}

// permuted returns p with its values in another order.
func permuted(p param, from func(i int) int) param {
	return func(i int) float64 { return p(from(i)) }
}

// orderDense lets a dense operator write its features in the order that a Transpose after it wants,
// with operators between that treat them one by one.
func orderDense(im *importer, n *node) (*node, error) {
	if _, ok := n.op.(model.Transpose); !ok {
		return n, nil
	}
	var between []*node
	at := n.in[0]
	for ; at.alone() && len(at.in) == 1; at = at.in[0] {
		if _, ok := at.op.(model.Dense); ok {
			break
		}
		if _, ok := at.op.(model.Reshape); ok {
			continue
		}
		if !featurewise(at) {
			return n, nil
		}
		between = append(between, at)
	}
	d, ok := at.op.(model.Dense)
	if !ok || !at.alone() {
		return n, nil
	}
	from, _ := order(n)
	weight := at.params[0]
	params := []param{func(i int) float64 { return weight(i/d.Units*d.Units + from(i%d.Units)) }}
	for _, p := range at.params[1:] {
		params = append(params, permuted(p, from))
	}
	to, err := im.add(d, params, at.in[0])
	slices.Reverse(between)
	for _, b := range between {
		if err != nil {
			return nil, err
		}
		params = nil
		for _, p := range b.params {
			channels := b.shape().C
			params = append(params, func(i int) float64 { return p(from(i) % channels) })
		}
		to, err = im.add(b.op, params, to)
	}
	if err != nil {
		return nil, err
	}
	return im.reshape(to, n.shape())
}

// featurewise tells whether n treats features one by one, each with parameters of its own or of its
// channel.
func featurewise(n *node) bool {
	switch n.op.(type) {
	case model.BatchNorm, model.PReLU, model.Pointwise:
		return true
	}
	return false
}

// readDense lets a dense operator read features in the order that they have before a Transpose.
func readDense(im *importer, n *node) (*node, error) {
	d, ok := n.op.(model.Dense)
	if !ok {
		return n, nil
	}
	at := n.in[0]
	if _, ok := at.op.(model.Reshape); ok {
		at = at.in[0]
	}
	if _, ok := at.op.(model.Transpose); !ok {
		return n, nil
	}
	_, back := order(at)
	weight := n.params[0]
	params := slices.Clone(n.params)
	params[0] = func(i int) float64 { return weight(back(i/d.Units)*d.Units + i%d.Units) }
	flat, err := im.reshape(at.in[0], n.in[0].shape())
	if err != nil {
		return nil, err
	}
	return im.add(d, params, flat)
}

// mergePads makes one Pad of two, and none of one that a convolution can do.
func mergePads(im *importer, n *node) (*node, error) {
	if p, ok := n.op.(model.Pad); ok && n.in[0].alone() {
		if before, ok := n.in[0].op.(model.Pad); ok && joinable(before, p) {
			for i, v := range before.Pad {
				p.Pad[i] += v
			}
			return im.add(p, nil, n.in[0].in[0])
		}
	}
	zeros := func(n *node) (model.Pad, bool) {
		p, ok := n.op.(model.Pad)
		return p, ok && p.Mode == model.PadZero && p.Value == 0
	}
	if c, ok := n.op.(model.Conv2D); ok && !c.Same {
		if before, ok := zeros(n.in[0]); ok {
			for i, v := range before.Pad {
				c.Pad[i] += v
			}
			return im.add(c, n.params, n.in[0].in[0])
		}
	}
	return n, nil
}

// joinable tells whether two Pads in a row are one: with the same value, or the one of rows and the
// other of columns.
func joinable(a, b model.Pad) bool {
	rows := func(p model.Pad) bool { return p.Pad[0] != 0 || p.Pad[1] != 0 }
	columns := func(p model.Pad) bool { return p.Pad[2] != 0 || p.Pad[3] != 0 }
	crossed := !(rows(a) && rows(b)) && !(columns(a) && columns(b))
	return a.Mode == b.Mode && a.Value == b.Value && (a.Mode == model.PadZero || crossed)
}

// tanhLast applies a tanh after what moves its values: as the last operator it makes pixels.
func tanhLast(im *importer, n *node) (*node, error) {
	switch n.op.(type) {
	case model.Reshape, model.Transpose, model.PixelShuffle:
	default:
		return n, nil
	}
	t := n.in[0]
	if _, ok := t.op.(model.Tanh); !ok || !t.alone() {
		return n, nil
	}
	moved, err := im.add(n.op, nil, t.in[0])
	if err != nil {
		return nil, err
	}
	return im.add(t.op, nil, moved)
}

// turnRound makes a transposed convolution of a convolution of stride 1 whose input has zeros
// between its elements, see importer.stuff.
//
// With zeros between, element i of the input stands at s*i. Output o of the convolution reads it by
// tap k if o+k-top = s*i, where top is the padding; that is tap K-1-k of a transposed convolution,
// whose output is cropped by K-1-top. At the other end the zeros behind the last element count as
// padding.
func turnRound(im *importer, n *node) (*node, error) {
	c, ok := n.op.(model.Conv2D)
	if !ok || len(n.in[0].in) != 1 {
		return n, nil
	}
	z, ok := n.in[0].op.(model.ConvTranspose2D)
	one := [2]int{1, 1}
	if !ok || z.Kernel != one || z.Pad != [4]int{} || z.Bias || z.Groups != z.Filters || !n.in[0].zeros || c.Stride != one || c.Same {
		return n, nil
	}
	in := n.in[0].in[0]
	if in.shape().C != z.Filters {
		return n, nil
	}
	t := model.ConvTranspose2D{
		Filters: c.Filters, Kernel: c.Kernel, Stride: z.Stride, Dilation: c.Dilation, Groups: c.Groups, Bias: c.Bias,
	}
	for d := range 2 {
		reach := c.Dilation[d] * (c.Kernel[d] - 1)
		t.Pad[2*d] = reach - c.Pad[2*d]
		t.Pad[2*d+1] = reach - c.Pad[2*d+1] - z.OutPad[d]
	}
	for i := range t.Pad {
		if v := t.Pad[i]; v < 0 {
			if i%2 == 0 {
				return n, nil
			}
			t.OutPad[i/2], t.Pad[i] = -v, 0
		}
	}
	per := in.shape().C / c.Groups * c.Filters // weights of a tap
	weight := n.params[0]
	params := slices.Clone(n.params)
	taps := c.Kernel[0] * c.Kernel[1]
	params[0] = func(i int) float64 { return weight((taps-1-i/per)*per + i%per) }
	to, err := im.add(t, params, in)
	if err != nil || to.spec != n.spec {
		return n, nil // package model does not take it: the zeros stay
	}
	return to, nil
}

// joinReshapes makes one Reshape of several in a row, and none of those that do nothing.
func joinReshapes(im *importer, n *node) (*node, error) {
	o, ok := n.op.(model.Reshape)
	if !ok {
		return n, nil
	}
	return im.reshape(n.in[0], model.Shape(o))
}
