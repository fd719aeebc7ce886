package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// This file holds the operators that move elements.

func init() {
	for name, f := range map[string]converter{
		"Identity": convertSame, "Dropout": convertDropout, "Cast": convertCast, "CastLike": convertCast,
		"Reshape":   func(s *step) error { return s.reshapeTo(reshapeTarget) },
		"Flatten":   func(s *step) error { return s.reshapeTo(flattenTarget) },
		"Squeeze":   convertSqueeze,
		"Unsqueeze": convertUnsqueeze,
		"Transpose": convertTranspose, "Slice": convertSlice, "Split": convertSplit, "Gather": convertGather,
		"Expand": convertExpand, "Tile": convertTile,
		"DepthToSpace": convertDepthToSpace, "SpaceToDepth": convertSpaceToDepth,
	} {
		register(name, f)
	}
}

// any returns input 0 as it is: of classes and with zeros too.
func (s *step) any() (*value, error) {
	switch o := s.get(0); {
	case o.v != nil:
		return o.v, nil
	case o.a != nil:
		return s.im.lift(o.a)
	}
	return nil, ir.Refuse("no input")
}

func convertSame(s *step) error {
	s.ignore("ratio", "seed", "is_test", "axis")
	return s.done(s.any())
}

// convertDropout is nothing at inference.
func convertDropout(s *step) error {
	if o := s.get(2); !o.none() {
		mode, err := s.constant(2)
		if err != nil {
			return err
		}
		if mode.n != 1 || mode.int(0) != 0 {
			return ir.RefusePlain("training_mode: export the network in evaluation mode")
		}
	}
	return convertSame(s)
}

func convertCast(s *step) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	s.ignore("saturate", "round_mode")
	to := s.intAttr("to", ir.TypeFloat)
	if s.Op == "CastLike" {
		like, err := s.constant(1)
		if err != nil {
			return err
		}
		to = like.typ
	}
	switch {
	case v.class && (to == ir.TypeInt32 || to == ir.TypeInt64):
	case !v.class && v.quantized == nil && (to == ir.TypeFloat || to == ir.TypeDouble):
	default:
		return ir.RefusePlain("to type %d", to)
	}
	return s.done(v, nil)
}

func (s *step) reshapeTo(target func(s *step, dims []int) ([]int, error)) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	to, err := target(s, v.sizes(s.im.batch))
	if err != nil {
		return err
	}
	if v, err = s.im.reshaped(v, to); err != nil {
		return err
	}
	return s.done(s.pictured(v))
}

// pictured lays an image that comes of a vector out as convolutions want it, before anything else
// reads it: then a dense operator can write it so. What is about to be transposed is left alone.
func (s *step) pictured(v *value) (*value, error) {
	d := v.image()
	if len(d) != 3 || len(v.dims) != 4 || size(d[1])*size(d[2]) == 1 || !slices.Equal(v.order, v.atoms()) || len(d[0]) == 0 {
		return v, nil
	}
	if len(s.Out) == 0 || s.im.transposed[s.Out[0]] {
		return v, nil
	}
	if _, free := v.at.op.(model.Reshape); v.at.op == nil || !free && !v.at.shape().IsFlat() {
		return v, nil
	}
	n, err := s.im.arrange(v, d[1], d[2], d[0])
	if err != nil {
		return nil, err
	}
	w := v.like(n)
	w.order = slices.Concat(d[1], d[2], d[0])
	return w, nil
}

func convertSqueeze(s *step) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	list, err := s.list("axes", 1)
	if err != nil {
		return err
	}
	if list, err = axes(list, len(v.dims)); err != nil {
		return err
	}
	w := *v
	w.dims, w.batch = nil, -1
	for i, d := range v.dims {
		one := len(d) == 0 && (i != v.batch || s.im.batch == 1 && len(list) > 0)
		if slices.Contains(list, i) && !one {
			return ir.Refuse("axis %d of an input of %v", i, v.sizes(s.im.batch))
		}
		if slices.Contains(list, i) || len(list) == 0 && one {
			continue
		}
		if i == v.batch {
			w.batch = len(w.dims)
		}
		w.dims = append(w.dims, d)
	}
	return s.done(&w, nil)
}

func convertUnsqueeze(s *step) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	list, err := unsqueezeAxes(s, len(v.dims))
	if err != nil {
		return err
	}
	w := *v
	w.dims = slices.Clone(v.dims)
	for _, k := range list {
		w.dims = slices.Insert(w.dims, k, []*atom(nil))
		if w.batch >= k {
			w.batch++
		}
	}
	return s.done(&w, nil)
}

func convertTranspose(s *step) error {
	v, err := s.any()
	if err != nil {
		return err
	}
	perm, err := permutation(s, len(v.dims))
	if err != nil {
		return err
	}
	w := *v
	w.dims = make([][]*atom, len(perm))
	for i, k := range perm {
		w.dims[i] = v.dims[k]
		if k == v.batch {
			w.batch = i
		}
	}
	return s.done(&w, nil)
}

// without returns list without some atoms.
func without(list, some []*atom) []*atom {
	var rest []*atom
	for _, a := range list {
		if !slices.Contains(some, a) {
			rest = append(rest, a)
		}
	}
	return rest
}

// place is one dimension of a value in memory: that of all others outside of it and inside.
type place struct {
	n              *node // (outer, dimension, inner)
	outer, inner   []*atom
	rows, channels int
}

// around returns v's node with dimension k as the columns, in the order at hand if it lies together
// there.
func (im *importer) around(v *value, k int) (place, error) {
	list := v.dims[k]
	at := -1
	if len(list) > 0 {
		at = slices.Index(v.order, list[0])
	}
	var p place
	switch {
	case len(list) == 0:
		p.outer = v.order
	case at >= 0 && len(v.order) >= at+len(list) && slices.Equal(v.order[at:at+len(list)], list):
		p.outer, p.inner = v.order[:at], v.order[at+len(list):]
	default:
		p.inner = without(v.order, list)
	}
	n, err := im.arrange(v, p.outer, list, p.inner)
	p.n, p.rows, p.channels = n, size(p.outer), size(p.inner)
	return p, err
}

// resized returns v with dimension k of n elements, which a node with p's place has.
func (v *value) resized(k int, p place, at *node, n int) *value {
	w := *v
	list := atomsOf(n)
	w.at, w.dims = at, slices.Clone(v.dims)
	w.dims[k] = list
	w.order = slices.Concat(p.outer, list, p.inner)
	return &w
}

// sliced returns elements [from, from+n) of dimension k.
func (im *importer) sliced(v *value, k, from, n int) (*value, error) {
	if n == size(v.dims[k]) {
		return v, nil
	}
	if n == 0 {
		return nil, ir.Refuse("nothing of dimension %d", k)
	}
	list := v.dims[k]
	if s := v.at.shape(); len(list) > 0 && s.C == size(list) && slices.Equal(v.order[len(v.order)-min(len(list), len(v.order)):], list) {
		at, err := im.add(model.Slice{From: [3]int{0, 0, from}, Size: [3]int{s.H, s.W, n}}, nil, v.at)
		if err != nil {
			return nil, err
		}
		return v.resized(k, place{outer: without(v.order, list)}, at, n), nil
	}
	p, err := im.around(v, k)
	if err != nil {
		return nil, err
	}
	at, err := im.add(model.Slice{From: [3]int{0, from, 0}, Size: [3]int{p.rows, n, p.channels}}, nil, p.n)
	if err != nil {
		return nil, err
	}
	return v.resized(k, p, at, n), nil
}

func convertSlice(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	list, err := cuts(s, v.sizes(s.im.batch))
	if err != nil {
		return err
	}
	for k, c := range list {
		if k == v.batch {
			if c != (cut{0, 1, s.im.batch}) {
				return ir.Refuse("a part of the images")
			}
			continue
		}
		if v, err = s.strided(v, k, c); err != nil {
			return err
		}
	}
	return s.done(v, nil)
}

// mostRuns bounds into how many pieces a value is cut to put them together in another order.
const mostRuns = 512

// picked returns the elements of dimension k that list names.
func (s *step) picked(v *value, k int, list []int) (*value, error) {
	var parts []operand
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[n-1]+1 {
			n++
		}
		part, err := s.im.sliced(v, k, list[0], n)
		if err != nil {
			return nil, err
		}
		if parts, list = append(parts, operand{v: part}), list[n:]; len(parts) > mostRuns {
			return nil, ir.Refuse("elements of dimension %d in more than %d runs", k, mostRuns)
		}
	}
	if len(parts) == 1 {
		return parts[0].v, nil
	}
	return (&step{Node: s.Node, im: s.im, in: parts}).concat(k)
}

// strided returns a cut of dimension k.
func (s *step) strided(v *value, k int, c cut) (*value, error) {
	im := s.im
	if c.step < 0 && c.n > 1 {
		list := make([]int, min(c.n, mostRuns+1))
		for i := range list {
			list[i] = c.start + i*c.step
		}
		return s.picked(v, k, list)
	}
	if c.n <= 1 || c.step == 1 {
		return im.sliced(v, k, c.start, c.n)
	}
	v, err := im.sliced(v, k, c.start, size(v.dims[k])-c.start)
	if err != nil {
		return nil, err
	}
	if over := c.n*c.step - size(v.dims[k]); over > 0 {
		if v, err = im.padded(v, k, 0, over, model.PadZero, 0); err != nil {
			return nil, err
		}
	} else if v, err = im.sliced(v, k, 0, c.n*c.step); err != nil {
		return nil, err
	}
	// (n, step) in place of the dimension, of which the first of each step stays.
	sizes, batch := v.sizes(1), v.batch
	to := slices.Insert(slices.Clone(sizes), k+1, c.step)
	to[k] = c.n
	w, dims, ok := v.split(to)
	if !ok {
		return nil, ir.Refuse("a step of %d", c.step)
	}
	w.dims, w.batch = dims, -1
	if w, err = im.sliced(w, k+1, 0, 1); err != nil {
		return nil, err
	}
	w.dims, w.batch = slices.Delete(slices.Clone(w.dims), k+1, k+2), batch
	return w, nil
}

func convertSplit(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	k, err := axis(s.intAttr("axis", 0), len(v.dims))
	if err != nil {
		return err
	}
	if k == v.batch {
		return ir.Refuse("axis %d, which is the images'", k)
	}
	sizes, err := parts(s, size(v.dims[k]))
	if err != nil {
		return err
	}
	at := 0
	for i, n := range sizes {
		part, err := s.im.sliced(v, k, at, n)
		if err != nil {
			return err
		}
		s.set(i, operand{v: part})
		at += n
	}
	return nil
}

// convertGather takes constant neighbors out of a value, or the rows of a constant that are
// classes'.
func convertGather(s *step) error {
	if o := s.get(1); o.v != nil && o.v.class {
		return convertEmbedding(s)
	}
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	index, err := s.constant(1)
	if err != nil {
		return err
	}
	k, err := axis(s.intAttr("axis", 0), len(v.dims))
	if err != nil {
		return err
	}
	list, err := index.ints(s.im.meter)
	if err != nil {
		return err
	}
	if k == v.batch && (s.im.batch > 1 || len(list) != 1 || len(index.dims) > 0) {
		return ir.Refuse("axis %d, which is the images'", k)
	}
	d := size(v.dims[k])
	for i, at := range list {
		if at < 0 {
			list[i] += d
		}
		if list[i] < 0 || list[i] >= d {
			return ir.Refuse("indices %v of %d elements", list, d)
		}
	}
	if len(list) == 0 || len(index.dims) > 1 {
		return ir.Refuse("indices of %v", index.dims)
	}
	if v, err = s.picked(v, k, list); err != nil {
		return err
	}
	if len(index.dims) == 0 {
		w := *v
		w.dims = slices.Delete(slices.Clone(v.dims), k, k+1)
		if v.batch == k {
			w.batch = -1
		} else if v.batch > k {
			w.batch--
		}
		v = &w
	}
	return s.done(v, nil)
}

func convertExpand(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	a, err := s.constant(1)
	if err != nil {
		return err
	}
	to, err := a.ints(s.im.meter)
	if err != nil {
		return err
	}
	if len(to) > ir.MaxRank {
		return ir.Refuse("%d dimensions", len(to))
	}
	v = v.ranked(max(len(v.dims), len(to)))
	to = slices.Concat(slices.Repeat([]int{1}, len(v.dims)-len(to)), to)
	if v.batch >= 0 && to[v.batch] != 1 && to[v.batch] != s.im.batch {
		return ir.Refuse("%d images of a batch of %d", to[v.batch], s.im.batch)
	}
	return s.done(s.im.stretch(v, to))
}

func convertTile(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	a, err := s.constant(1)
	if err != nil {
		return err
	}
	times, err := a.ints(s.im.meter)
	if err != nil {
		return err
	}
	if len(times) != len(v.dims) {
		return ir.Refuse("%d repeats of %d dimensions", len(times), len(v.dims))
	}
	for k, n := range times {
		if n < 1 || n > 1 && k == v.batch || n > ir.MaxElements {
			return ir.Refuse("repeats %v", times)
		}
		if n == 1 {
			continue
		}
		list := v.dims[k]
		w := *v
		w.dims = slices.Clone(v.dims)
		w.dims[k] = nil
		to := slices.Repeat([]int{1}, len(v.dims))
		to[k] = n
		// A new dimension of n, before what the dimension had.
		next, err := s.im.stretch(&w, to)
		if err != nil {
			return err
		}
		next.dims[k] = append(next.dims[k], list...)
		v = next
	}
	return s.done(v, nil)
}
