package weights

import "strings"

// convolution adds a Conv2d or a ConvTranspose2d; which of the two its shape tells, or its name.
func (b *builder) convolution(m module) error {
	s := m.weight.shape
	if b.h == 0 && b.at > 0 { // after Linear
		first, second := s[0], s[1]
		if !b.transposed(m, 0) {
			first, second = second, first
		}
		if b.image(first) != nil {
			if err := b.image(second); err != nil {
				return err
			}
		}
	}
	if b.h == 0 {
		b.h, b.w, b.c = 1, 1, b.features
	}
	var err error
	if b.transposed(m, b.c) {
		err = b.spread(m)
	} else {
		err = b.conv(m)
	}
	if err != nil {
		return err
	}
	if !b.activeBehind(m) {
		return nil
	}
	if err := b.activate(b.o.Hidden, b.hidden); err != nil {
		return err
	}
	if n := b.next(); b.family == "upsampling" && len(n.weight.shape) == 4 && gap(m, *n) >= 2 {
		return b.upsample()
	}
	return nil
}

// transposed tells whether a module is a ConvTranspose2d that reads c channels; 0 for any number.
func (b *builder) transposed(m module, c int) bool {
	s, low := m.weight.shape, strings.ToLower(m.prefix)
	switch {
	case b.family == "upsampling":
		return false
	case c > 0 && s[0] == c && s[1] != c:
		return true
	case c > 0 && s[1] == c && s[0] != c:
		return false
	case strings.Contains(low, "convt") || strings.Contains(low, "deconv") || strings.Contains(low, "trans"):
		return true
	}
	return s[2]%2 == 0
}

// geometry is what a transposed convolution does besides its kernel.
type geometry struct{ stride, pad, out int }

// geometries returns what a transposed convolution with a kernel of k may be, the usual first.
func (b *builder) geometries(k int) []geometry {
	if b.h == 1 {
		return []geometry{{1, 0, 0}}
	}
	list := []geometry{}
	if k%2 == 0 {
		list = append(list, geometry{2, (k - 2) / 2, 0})
	} else {
		list = append(list, geometry{2, (k - 1) / 2, 1}, geometry{2, (k - 1) / 2, 0}, geometry{1, (k - 1) / 2, 0})
	}
	return append(list, geometry{1, 0, 0}, geometry{2, 0, 0})
}

// Some of these by their index.
const (
	noPadding1    = 1 // an even kernel with a stride of 1
	noPadding2    = 2 // and of 2
	noPaddingOdd2 = 4 // an odd kernel with a stride of 2
)

// spread adds a ConvTranspose2d.
func (b *builder) spread(m module) error {
	s := m.weight.shape
	if s[0] != b.c {
		return b.refuse("it does not read %d channels", b.c)
	}
	if s[2] != s[3] {
		return b.refuse("a kernel that is no square")
	}
	k := s[2]
	list := b.geometries(k)
	if b.guess == len(b.guesses) {
		b.guesses = append(b.guesses, 0)
	}
	g := list[b.guesses[b.guess]]
	b.guess++
	b.choices, b.kernels = append(b.choices, len(list)), append(b.kernels, k)
	b.h = (b.h-1)*g.stride - 2*g.pad + k + g.out
	b.w, b.c = b.h, s[1]
	a := map[string]any{"filters": s[1], "kernel": []int{k, k}, "stride": []int{g.stride, g.stride}, "bias": m.bias}
	if g.pad > 0 {
		a["pad"] = []int{g.pad, g.pad, g.pad, g.pad}
	}
	if g.out > 0 {
		a["outpad"] = []int{g.out, g.out}
	}
	b.add("convtranspose2d", m.prefix, a)
	return b.bounded()
}

// conv adds a Conv2d, which leaves rows and columns as they are.
func (b *builder) conv(m module) error {
	s := m.weight.shape
	switch {
	case s[1] != b.c:
		return b.refuse("it does not read %d channels", b.c)
	case s[2]%2 == 0 || s[3]%2 == 0:
		return b.refuse("a convolution with an even kernel")
	}
	b.c, b.kernels = s[0], append(b.kernels, 0)
	a := map[string]any{"filters": s[0], "kernel": []int{s[2], s[3]}, "bias": m.bias}
	if y, x := s[2]/2, s[3]/2; y+x > 0 {
		a["pad"] = []int{y, y, x, x}
	}
	b.add("conv2d", m.prefix, a)
	return nil
}
