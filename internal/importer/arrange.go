package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// arrange returns a node that has v with rows, columns and channels made of the given atoms, which
// are all that v has.
func (im *importer) arrange(v *value, h, w, c []*atom) (*node, error) {
	want := slices.Concat(h, w, c)
	n, order := v.at, v.order
	if slices.ContainsFunc(want, func(a *atom) bool { return a.zeros }) {
		var err error
		if n, order, err = im.stuff(v, h, w, c); err != nil {
			return nil, err
		}
	}
	n, err := im.permuted(n, order, want)
	if err != nil {
		return nil, err
	}
	return im.reshape(n, model.Shape{H: size(h), W: size(w), C: size(c)})
}

// stuff puts zeros in memory: behind the data of rows and columns by a transposed convolution with
// a kernel of one 1, elsewhere as rows of their own.
func (im *importer) stuff(v *value, h, w, c []*atom) (*node, []*atom, error) {
	trailing := func(list []*atom) ([]*atom, []*atom) {
		if k := len(list) - 1; k >= 0 && list[k].zeros {
			return list[:k], list[k:]
		}
		return list, nil
	}
	zeros := func(a *atom) bool { return a.zeros }
	rows, down := trailing(h)
	columns, right := trailing(w)
	if !slices.ContainsFunc(slices.Concat(rows, columns, c), zeros) {
		n, err := im.arrange(v, rows, columns, c)
		if err != nil {
			return nil, nil, err
		}
		by := [2]int{size(down), size(right)}
		n, err = im.add(model.ConvTranspose2D{
			Filters: n.shape().C, Kernel: [2]int{1, 1}, Stride: by, Dilation: [2]int{1, 1}, Groups: n.shape().C,
			OutPad: [2]int{by[0] - 1, by[1] - 1},
		}, []param{value1}, n)
		if err == nil {
			n.zeros = true
		}
		return n, slices.Concat(h, w, c), err
	}
	n, order := v.at, v.order
	for _, a := range slices.Concat(h, w, c) {
		if !a.zeros {
			continue
		}
		flat, err := im.reshape(n, model.Flat(n.shape().Len()))
		if err != nil {
			return nil, nil, err
		}
		n, err = im.add(model.Pad{Pad: [4]int{0, a.size - 1}, Mode: model.PadZero}, nil, flat)
		if err != nil {
			return nil, nil, err
		}
		order = append([]*atom{a}, order...)
	}
	return n, order, nil
}

// permuted is permute, whose result is kept: several operators often want a value in one order.
func (im *importer) permuted(n *node, have, want []*atom) (*node, error) {
	if slices.Equal(have, want) {
		return n, nil
	}
	for _, p := range n.orders {
		if slices.Equal(p.order, want) {
			return p.n, nil
		}
	}
	to, err := im.permute(n, have, want)
	if err == nil {
		err = im.meter.Take(int64(64 + 8*len(want)))
		n.orders = append(n.orders, ordered{want, to})
	}
	return to, err
}

// ordered is a node whose memory has atoms in an order.
type ordered struct {
	order []*atom
	n     *node
}

// permute returns n, whose memory has atoms in one order, with them in another.
func (im *importer) permute(n *node, have, want []*atom) (*node, error) {
	if len(have) != len(want) {
		return nil, ir.Refuse("dimensions that no memory holds") // atoms of a value are those of its memory
	}
	if slices.Equal(have, want) {
		return n, nil
	}
	if s, ok := shuffled(have, want); ok {
		return im.shuffle(n, s)
	}
	for i := range want {
		k := slices.Index(have, want[i])
		if k < 0 {
			return nil, ir.Refuse("dimensions that no memory holds")
		}
		if k == i {
			continue
		}
		// The run of atoms that move together.
		run := 1
		for k+run < len(have) && have[k+run] == want[i+run] {
			run++
		}
		var err error
		if i == 0 || k+run == len(have) {
			// (before, between, run) or (between, run, behind)
			groups := [][]*atom{have[:i], have[i:k], have[k : k+run], have[k+run:]}
			n, have, err = im.swap(n, groups)
		} else {
			// To the front, and then what stood before it in front of it again.
			first := have[:i]
			n, have, err = im.swap(n, [][]*atom{nil, have[:k], have[k : k+run], have[k+run:]})
			if err == nil {
				n, have, err = im.swap(n, [][]*atom{nil, have[:run], first, have[run+len(first):]})
			}
		}
		if err != nil || slices.Equal(have, want) {
			return n, err
		}
	}
	return n, nil
}

// swap exchanges the middle two of four groups of atoms, the first or last of which is empty.
func (im *importer) swap(n *node, g [][]*atom) (*node, []*atom, error) {
	perm, three := [3]int{0, 2, 1}, [][]*atom{g[0], g[1], g[2]}
	if len(g[0]) == 0 {
		perm, three = [3]int{1, 0, 2}, [][]*atom{g[1], g[2], g[3]}
	}
	order := slices.Concat(g[0], g[2], g[1], g[3])
	n, err := im.reshape(n, model.Shape{H: size(three[0]), W: size(three[1]), C: size(three[2])})
	if err == nil {
		n, err = im.transpose(n, perm)
	}
	return n, order, err
}

// transpose adds a Transpose, or makes one of two.
func (im *importer) transpose(n *node, perm [3]int) (*node, error) {
	if t, ok := n.op.(model.Transpose); ok {
		var both model.Transpose
		for i, d := range perm {
			both.Perm[i] = t.Perm[d]
		}
		if both.Perm == [3]int{0, 1, 2} {
			return n.in[0], nil
		}
		return im.add(both, nil, n.in[0])
	}
	return im.add(model.Transpose{Perm: perm}, nil, n)
}

// shuffling is a PixelShuffle: rows, columns and channels, and the atoms that go from the channels
// to rows and columns.
type shuffling struct {
	h, w, c []*atom
	factor  int
}

// shuffled tells whether (h, w, c, a, b) becomes (h, a, w, b, c) with a and b of one size.
func shuffled(have, want []*atom) (s shuffling, ok bool) {
	k := len(have)
	if k < 3 || have[k-1].size != have[k-2].size {
		return s, false
	}
	i, j := slices.Index(want, have[k-2]), slices.Index(want, have[k-1])
	if i < 0 || j < i {
		return s, false
	}
	s = shuffling{want[:i], want[i+1 : j], want[j+1:], have[k-1].size}
	// Without rows and columns it is a Transpose, which may become part of a dense operator.
	return s, len(s.h)+len(s.w) > 0 && slices.Equal(slices.Concat(s.h, s.w, s.c), have[:k-2])
}

func (im *importer) shuffle(n *node, s shuffling) (*node, error) {
	n, err := im.reshape(n, model.Shape{H: size(s.h), W: size(s.w), C: size(s.c) * s.factor * s.factor})
	if err != nil {
		return nil, err
	}
	return im.add(model.PixelShuffle{Factor: s.factor}, nil, n)
}
