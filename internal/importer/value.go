package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// atom is a factor of a dimension: the smallest unit that reshaping has been seen to keep together.
// Atoms are told apart by their addresses; none is of size 1.
type atom struct {
	size  int
	zeros bool // only element 0 has data, all others are zeros, and no memory holds them
}

// value is a tensor of the graph, image by image. Reshape and Transpose change how dimensions are
// made of atoms, not the memory; data moves when an operator wants it in another order.
type value struct {
	dims  [][]*atom // in ONNX's order, slowest first; the batch's is empty
	batch int       // which dimension counts the images, -1 for none
	at    *node
	order []*atom // in memory, slowest first, without those of zeros
	class bool    // an input of classes, or what was made of it by reshaping

	quantized *integers // of what QuantizeLinear makes, which only moves until DequantizeLinear
}

// size is the product of atoms.
func size(list []*atom) int {
	n := 1
	for _, a := range list {
		n *= a.size
	}
	return n
}

// sizes returns the dimensions as ONNX counts them.
func (v *value) sizes(batch int) []int {
	out := make([]int, len(v.dims))
	for i, d := range v.dims {
		out[i] = size(d)
		if i == v.batch {
			out[i] = batch
		}
	}
	return out
}

// image returns the dimensions without the batch's.
func (v *value) image() [][]*atom {
	if v.batch < 0 {
		return v.dims
	}
	return slices.Delete(slices.Clone(v.dims), v.batch, v.batch+1)
}

// atoms lists all in ONNX's order.
func (v *value) atoms() []*atom { return slices.Concat(v.dims...) }

func (v *value) len() int { return size(v.atoms()) }

// atomsOf returns new atoms, one for each size but 1.
func atomsOf(n int) []*atom {
	if n == 1 {
		return nil
	}
	return []*atom{{size: n}}
}

// replaced returns v with atoms replaced by others, in dimensions and in memory.
func (v *value) replaced(with map[*atom][]*atom) *value {
	sub := func(list []*atom) []*atom {
		var out []*atom
		for _, a := range list {
			if to, ok := with[a]; ok {
				out = append(out, to...)
			} else {
				out = append(out, a)
			}
		}
		return out
	}
	w := *v
	w.dims = make([][]*atom, len(v.dims))
	for i, d := range v.dims {
		w.dims[i] = sub(d)
	}
	w.order = sub(v.order)
	return &w
}

// split returns v with each atom a cut where the running product of sizes asks for it, so that the
// atoms, in ONNX's order, have groups of the given sizes; false if they cross.
func (v *value) split(groups []int) (*value, [][]*atom, bool) {
	with := map[*atom][]*atom{}
	left := v.atoms()
	out := make([][]*atom, len(groups))
	for i, want := range groups {
		for want > 1 {
			if len(left) == 0 {
				return nil, nil, false
			}
			a := left[0]
			switch {
			case want%a.size == 0:
				out[i] = append(out[i], a)
				want /= a.size
				left = left[1:]
			case a.size%want == 0 && !a.zeros:
				first, rest := &atom{size: want}, &atom{size: a.size / want}
				v.cutAtom(with, a, first, rest)
				out[i] = append(out[i], first)
				left = append([]*atom{rest}, left[1:]...)
				want = 1
			default:
				return nil, nil, false
			}
		}
	}
	return v.replaced(with), out, len(left) == 0
}

// cutAtom notes that a, which may be the rest of another, is first and rest.
func (v *value) cutAtom(with map[*atom][]*atom, a, first, rest *atom) {
	for from, to := range with {
		if i := slices.Index(to, a); i >= 0 {
			with[from] = slices.Replace(slices.Clone(to), i, i+1, first, rest)
			return
		}
	}
	with[a] = []*atom{first, rest}
}

// reshaped returns v with other dimensions, in the same order of elements.
func (im *importer) reshaped(v *value, to []int) (*value, error) {
	batch, groups, err := im.batchOf(v, to)
	if err != nil {
		return nil, err
	}
	w, dims, ok := v.split(groups)
	if !ok { // whose atoms cross the new dimensions: one atom in their place
		if v, err = im.contiguous(v); err != nil {
			return nil, err
		}
		if w, dims, ok = v.split(groups); !ok {
			return nil, ir.Refuse("shape %v of an input of %v", to, v.sizes(im.batch))
		}
	}
	w.dims, w.batch = dims, batch
	return w, nil
}

// batchOf finds which of the dimensions that v gets counts images, and returns those of an image.
func (im *importer) batchOf(v *value, to []int) (int, []int, error) {
	groups := slices.Clone(to)
	if im.batch == 1 {
		if len(to) > 1 && to[0] == 1 || len(to) == 1 && v.class {
			return 0, groups, nil
		}
		return -1, groups, nil
	}
	if v.batch < 0 {
		return -1, groups, nil
	}
	before := size(slices.Concat(v.dims[:v.batch]...))
	n := 1
	for i, d := range to {
		if n == before && d == im.batch {
			groups[i] = 1
			return i, groups, nil
		}
		n *= d
	}
	return 0, nil, ir.Refuse("shape %v mixes the images of a batch of %d", to, im.batch)
}

// contiguous returns v as one atom in memory in ONNX's order.
func (im *importer) contiguous(v *value) (*value, error) {
	n, err := im.arrange(v, nil, nil, v.atoms())
	if err != nil {
		return nil, err
	}
	all := atomsOf(v.len())
	return &value{dims: [][]*atom{all}, batch: -1, at: n, order: all}, nil
}

// made returns the value of a node whose memory holds the dimensions, each of them whole, in the
// given order; dims leaves the batch's out, which comes first if there is one.
func made(n *node, batched bool, dims []int, order ...int) *value {
	v := &value{batch: -1, at: n}
	if batched {
		v.batch, v.dims = 0, [][]*atom{nil}
	}
	for _, d := range dims {
		v.dims = append(v.dims, atomsOf(d))
	}
	off := len(v.dims) - len(dims)
	for _, i := range order {
		v.order = append(v.order, v.dims[off+i]...)
	}
	return v
}

// like returns a value of the same dimensions and memory that another node makes.
func (v *value) like(n *node) *value {
	w := *v
	w.at = n
	return &w
}
