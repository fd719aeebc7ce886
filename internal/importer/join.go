package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("Concat", convertConcat)
	register("Pad", convertPad)
}

// padded adds before and after elements to dimension k.
func (im *importer) padded(v *value, k, before, after int, mode string, fill float64) (*value, error) {
	if before == 0 && after == 0 {
		return v, nil
	}
	n := size(v.dims[k]) + before + after
	// Where rows and columns of an image are meant, a convolution that follows may take the
	// padding.
	if d := v.image(); len(d) == 3 {
		i := k
		if v.batch >= 0 && v.batch < k {
			i--
		}
		if i > 0 {
			pad := [4]int{before, after}
			if i == 2 {
				pad = [4]int{0, 0, before, after}
			}
			at, err := im.arrange(v, d[1], d[2], d[0])
			if err != nil {
				return nil, err
			}
			if at, err = im.add(model.Pad{Pad: pad, Mode: mode, Value: float32(fill)}, nil, at); err != nil {
				return nil, err
			}
			w := *v
			w.at, w.dims = at, slices.Clone(v.dims)
			w.dims[k] = atomsOf(n)
			d = w.image()
			w.order = slices.Concat(d[1], d[2], d[0])
			return w.solid(), nil
		}
	}
	p, err := im.around(v, k)
	if err != nil {
		return nil, err
	}
	at, err := im.add(model.Pad{Pad: [4]int{0, 0, before, after}, Mode: mode, Value: float32(fill)}, nil, p.n)
	if err != nil {
		return nil, err
	}
	return v.resized(k, p, at, n), nil
}

// solid returns v, all of whose zeros are in memory now, with atoms that say so.
func (v *value) solid() *value {
	with := map[*atom][]*atom{}
	for _, a := range v.order {
		if a.zeros {
			with[a] = []*atom{{size: a.size}}
		}
	}
	return v.replaced(with)
}

// plain returns v with its zeros in memory.
func (im *importer) plain(v *value) (*value, error) {
	all := v.atoms()
	if !slices.ContainsFunc(all, func(a *atom) bool { return a.zeros }) {
		return v, nil
	}
	n, err := im.arrange(v, nil, nil, all)
	if err != nil {
		return nil, err
	}
	w := v.like(n)
	w.order = all
	return w.solid(), nil
}

func convertPad(s *step) error {
	v, err := s.any()
	if err == nil && (v.class || v.quantized != nil) {
		err = ir.Refuse("an input of integers")
	}
	if err != nil {
		return err
	}
	list, err := s.list("pads", 1)
	if err != nil {
		return err
	}
	mode, fill, where, err := s.padding(len(v.dims))
	if err != nil {
		return err
	}
	if len(list) != 2*len(where) {
		return ir.Refuse("pads %v of %d axes", list, len(where))
	}
	for i, k := range where {
		before, after := list[i], list[i+len(where)]
		if before == 0 && after == 0 {
			continue
		}
		if k == v.batch {
			return ir.Refuse("axis %d, which is the images'", k)
		}
		if max(before, after, -before, -after) > ir.MaxElements {
			return ir.Refuse("pads %v", list)
		}
		if cutTo := size(v.dims[k]) + min(before, 0) + min(after, 0); before < 0 || after < 0 {
			if cutTo < 1 {
				return ir.Refuse("pads %v of %v", list, v.sizes(s.im.batch))
			}
			if v, err = s.im.plain(v); err == nil {
				v, err = s.im.sliced(v, k, max(-before, 0), cutTo)
			}
			if err != nil {
				return err
			}
		}
		if v, err = s.im.padded(v, k, max(before, 0), max(after, 0), mode, fill); err != nil {
			return err
		}
	}
	return s.done(v, nil)
}

// padding reads with what a Pad of an input of so many dimensions fills, and which axes it pads.
func (s *step) padding(rank int) (mode string, fill float64, where []int, err error) {
	fill = s.floatAttr("value", 0)
	if !s.get(2).none() {
		a, err := s.constant(2)
		if err != nil {
			return "", 0, nil, err
		}
		if a.n != 1 {
			return "", 0, nil, ir.Refuse("a value of %v", a.dims)
		}
		fill = a.float(0)
	}
	if where, err = s.list("\x00", 3); err != nil {
		return "", 0, nil, err
	}
	if where == nil {
		for i := range rank {
			where = append(where, i)
		}
	}
	if where, err = axes(where, rank); err != nil {
		return "", 0, nil, err
	}
	modes := map[string]string{"constant": model.PadZero, "reflect": model.PadReflect, "edge": model.PadEdge}
	mode, ok := modes[s.textAttr("mode", "constant")]
	if !ok {
		return "", 0, nil, ir.RefusePlain("mode %q", s.textAttr("mode", ""))
	}
	if mode != model.PadZero {
		fill = 0
	}
	return mode, fill, where, nil
}

func convertConcat(s *step) error {
	rank := -1
	for _, o := range s.in {
		if o.v != nil {
			rank = len(o.v.dims)
		}
	}
	if rank < 0 {
		return ir.Refuse("no inputs")
	}
	k, err := axis(s.intAttr("axis", 1), rank)
	if err != nil {
		return err
	}
	for _, o := range s.in {
		switch {
		case o.none():
			return ir.Refuse("an input is missing")
		case o.v != nil && (len(o.v.dims) != rank || o.v.class || o.v.quantized != nil):
			return ir.Refuse("inputs that differ")
		case o.a != nil && len(o.a.dims) != rank:
			return ir.Refuse("a constant of %v among inputs of %d dimensions", o.a.dims, rank)
		case o.v != nil && o.v.batch == k:
			return ir.Refuse("axis %d, which is the images'", k)
		}
	}
	if v, err := s.concatZeros(k); v != nil || err != nil {
		return s.done(v, err)
	}
	return s.done(s.concat(k))
}

// concatZeros is a Concat of one value and zeros: padding, or zeros between the elements of a
// network that its author has turned round.
func (s *step) concatZeros(k int) (*value, error) {
	var v *value
	before, after := 0, 0
	for _, o := range s.in {
		switch {
		case o.v != nil && v != nil:
			return nil, nil
		case o.v != nil:
			v = o.v
		case !o.a.uniform(s.im.meter, 0):
			return nil, nil
		case v == nil:
			before += o.a.dims[k]
		default:
			after += o.a.dims[k]
		}
	}
	for i, d := range v.sizes(s.im.batch) {
		for _, o := range s.in {
			if o.a != nil && i != k && o.a.dims[i] != d {
				return nil, ir.Refuse("inputs of %v and %v", v.sizes(s.im.batch), o.a.dims)
			}
		}
	}
	n := size(v.dims[k])
	if v.batch < 0 && s.im.batch == 1 && !s.im.whole && before == 0 && after%n == 0 && after > 0 {
		w := *v
		w.dims = slices.Clone(v.dims)
		w.dims[k] = append([]*atom{{size: after/n + 1, zeros: true}}, v.dims[k]...)
		return &w, nil
	}
	return s.im.padded(v, k, before, after, model.PadZero, 0)
}

// concat joins values along dimension k: the channels of (outer, dimension and inner).
func (s *step) concat(k int) (*value, error) {
	var first *value
	var p place
	var nodes []*node
	total := 0
	for i, o := range s.in {
		if o.v != nil && first == nil {
			v, err := s.dynamic(i)
			if err != nil {
				return nil, err
			}
			if p, err = s.im.around(v, k); err != nil {
				return nil, err
			}
			first = v
		}
	}
	for i, o := range s.in {
		if o.a != nil {
			a, err := s.im.perImage(o.a, first.batch)
			if err != nil {
				return nil, err
			}
			s.in[i].a = a
		}
		v, err := s.dynamic(i)
		if err != nil {
			return nil, err
		}
		if v.batch >= 0 && first.batch >= 0 && v.batch != first.batch {
			return nil, ir.Refuse("inputs whose batches do not meet")
		}
		if o.a != nil {
			v = v.like(v.at)
			v.batch = first.batch
		}
		n, err := s.im.beside(v, first, k, p)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		total += size(v.dims[k])
	}
	at, err := s.im.add(model.Concat{}, nil, nodes...)
	if err != nil {
		return nil, err
	}
	w := first.resized(k, p, at, total)
	for _, o := range s.in {
		if o.v != nil && w.batch < 0 {
			w.batch = o.v.batch
		}
	}
	return w, nil
}

// beside returns v as Concat wants it beside first.
func (im *importer) beside(v, first *value, k int, p place) (*node, error) {
	var groups []int
	where := map[*atom]int{} // of first's atoms: which of the groups
	for i, list := range first.dims {
		if i == k {
			groups = append(groups, size(v.dims[k]))
			continue
		}
		if size(list) != size(v.dims[i]) {
			return nil, ir.Refuse("inputs of %v and %v", first.sizes(im.batch), v.sizes(im.batch))
		}
		for _, a := range list {
			where[a] = len(groups)
			groups = append(groups, a.size)
		}
	}
	own := 0
	for i := range k {
		own += len(first.dims[i])
	}
	w, atoms, ok := v.split(groups)
	if !ok {
		c, err := im.contiguous(v)
		if err != nil {
			return nil, err
		}
		if w, atoms, ok = c.split(groups); !ok {
			return nil, ir.Refuse("inputs of %v and %v", first.sizes(im.batch), v.sizes(im.batch))
		}
	}
	pick := func(list []*atom) (out []*atom) {
		for _, a := range list {
			out = append(out, atoms[where[a]]...)
		}
		return out
	}
	return im.arrange(w, pick(p.outer), nil, slices.Concat(atoms[own], pick(p.inner)))
}

// lift makes a value of a constant: a dense operator that adds it to nothing.
func (im *importer) lift(a *array) (*value, error) {
	if a.f == nil || a.n == 0 {
		return nil, ir.Refuse("a constant of %v where a value of the graph is wanted", a.dims)
	}
	var from *node
	for _, n := range im.inputs {
		if n.spec.Type.Kind == model.Float32 {
			from = n
			break
		}
	}
	if from == nil {
		return nil, ir.Refuse("a constant of %v, and no input of numbers", a.dims)
	}
	n, err := im.reshape(from, model.Flat(from.shape().Len()))
	if err == nil {
		n, err = im.add(model.Slice{Size: [3]int{1, 1, 1}}, nil, n)
	}
	if err == nil {
		n, err = im.add(model.Dense{Units: a.n, Bias: true}, []param{value0, a.float}, n)
	}
	if err != nil {
		return nil, err
	}
	order := make([]int, len(a.dims))
	for i := range order {
		order[i] = i
	}
	return made(n, false, a.dims, order...), nil
}
