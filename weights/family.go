package weights

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/internal/graphfile"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// This file finds out a network from the names and shapes of its weights. What these cannot tell
// (activations, strides, epsilons) is what the family usually has.

// Families are the networks that are recognized without a graph.
var Families = []string{
	"DCGAN: a chain of ConvTranspose2d, as in PyTorch's tutorial, or of Linear, ConvTranspose2d and Conv2d, with or without BatchNorm",
	"upsampling: Linear, then Upsample and Conv2d in turn, as in the collection PyTorch-GAN; perhaps with an embedded class",
	"MLP: a chain of Linear",
}

// module is a module with weights: the tensors of one prefix.
type module struct {
	prefix string
	index  int // among its neighbors in a Sequential, -1 if names are no numbers
	parent string
	weight *tensor
	bias   bool
	norm   bool
}

// modules groups tensors.
func modules(tensors []*tensor) (list []module, err error) {
	var items []string
	byPrefix := map[string]*module{}
	var order []string
	for _, t := range tensors {
		i := strings.LastIndex(t.name, ".")
		if i < 0 {
			items = append(items, fmt.Sprintf("tensor %q of %v: no module of a known family has it", t.name, t.shape))
			continue
		}
		prefix, role := t.name[:i], t.name[i+1:]
		m := byPrefix[prefix]
		if m == nil {
			m = &module{prefix: prefix, index: -1}
			if k := strings.LastIndex(prefix, "."); true {
				m.parent = prefix[:k+1]
				if n, err := strconv.Atoi(prefix[k+1:]); err == nil && n >= 0 {
					m.index = n
				}
			}
			byPrefix[prefix] = m
			order = append(order, prefix)
		}
		switch role {
		case "weight":
			m.weight = t
		case "bias":
			m.bias = true
		case "running_mean":
			m.norm = true
		case "running_var", counter:
		default:
			items = append(items, fmt.Sprintf("tensor %q of %v: no module of a known family has it", t.name, t.shape))
		}
	}
	for _, p := range order {
		m := byPrefix[p]
		if m.weight == nil || m.weight.n == 0 || !m.norm && len(m.weight.shape) != 2 && len(m.weight.shape) != 4 {
			items = append(items, fmt.Sprintf("module %q: no module of a known family", p))
		}
		list = append(list, *m)
	}
	if len(items) > 0 {
		items = append(items, "give its network with a graph")
		return nil, &ir.UnsupportedError{Items: items}
	}
	return list, nil
}

// gap is how many modules without weights stand between two of one Sequential, -1 if that is
// unknown.
func gap(a, b module) int {
	if a.index < 0 || b.index <= a.index || a.parent != b.parent {
		return -1
	}
	return b.index - a.index - 1
}

// builder makes the graph of a family.
type builder struct {
	o        Options
	g        graphfile.File
	list     []module
	at       int // the module at hand
	h, w, c  int // of the image so far; h is 0 before there is one
	features int // of the vector so far
	family   string
	hidden   string
	last     string
	epsilon  func(norm int) float64
	norms    int
	guesses  []int // of transposed convolutions: which geometry
	guess    int
	choices  []int // how many geometries each has
	kernels  []int // of linear operators: the rows of a transposed convolution's, 0 for others
}

func (o Options) recognize(tensors []*tensor) (*graphfile.File, string, error) {
	list, err := modules(tensors)
	if err != nil {
		return nil, "", err
	}
	b, err := o.built(list, nil)
	if guesses := usualGuesses(b.kernels); err == nil && guesses != nil {
		b, err = o.built(list, guesses)
	}
	if err != nil || o.Size.Len() == 0 || b.makes(o.Size) {
		return &b.g, b.family, err
	}
	// The combination of what each transposed convolution may be that is the most usual.
	for _, guesses := range combinations(b.choices) {
		if c, err := o.built(list, guesses); err == nil && c.makes(o.Size) {
			return &c.g, c.family, nil
		}
	}
	return nil, "", &ir.UnsupportedError{Items: []string{fmt.Sprintf("no image of %v: it makes %dx%dx%d; give its network with a graph", o.Size, b.h, b.w, b.c)}}
}

// usualGuesses are those of networks whose kernels are known better than by the rule for each:
// without padding, as in a course on GANs that many have taken, for MNIST and for 64x64 faces. They
// are of networks of transposed convolutions alone.
func usualGuesses(kernels []int) []int {
	switch fmt.Sprint(kernels) {
	case "[3 4 3 4]":
		return []int{0, noPadding1, noPaddingOdd2, noPadding2} // 1, 3, 6, 13, 28
	case "[3 3 3 3 4]":
		return []int{0, noPaddingOdd2, noPaddingOdd2, noPaddingOdd2, noPadding2} // 1, 3, 7, 15, 31, 64
	}
	return nil
}

// built makes a graph, with guesses about its transposed convolutions.
func (o Options) built(list []module, guesses []int) (*builder, error) {
	b := &builder{o: o, list: list, guesses: guesses, hidden: "relu", last: "tanh", family: "DCGAN"}
	b.epsilon = func(int) float64 { return 1e-5 }
	return b, b.build()
}

func (b *builder) makes(s model.Shape) bool { return b.h == s.H && b.w == s.W && b.c == s.C }

// combinations lists all choices of numbers below those in most, those with small numbers first;
// none if there are too many.
func combinations(most []int) (list [][]int) {
	const bound = 1 << 12
	list = [][]int{nil}
	for _, n := range most {
		var longer [][]int
		for _, c := range list {
			for k := range n {
				longer = append(longer, append(slices.Clone(c), k))
			}
		}
		if list = longer; len(list) > bound {
			return nil
		}
	}
	slices.SortStableFunc(list, func(a, b []int) int { return sum(a) - sum(b) })
	return list
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// refuse ends the recognition at a module.
func (b *builder) refuse(format string, args ...any) error {
	m := b.list[min(b.at, len(b.list)-1)]
	return &ir.UnsupportedError{Items: []string{fmt.Sprintf("module %q, weight %v: %s; give its network with a graph", m.prefix, m.weight.shape, fmt.Sprintf(format, args...))}}
}

func (b *builder) add(kind, weights string, attributes map[string]any) {
	if attributes == nil {
		attributes = map[string]any{}
	}
	b.g.Layers = append(b.g.Layers, graphfile.Layer{Kind: kind, Weights: weights, Attributes: attributes})
}

func (b *builder) build() error {
	b.g.Name = "generator"
	first, err := b.inputs()
	if err != nil {
		return err
	}
	b.usual(first)
	for b.at < len(b.list) {
		m := b.list[b.at]
		switch {
		case m.norm:
			err = b.norm(m)
		case len(m.weight.shape) == 2:
			err = b.linear(m)
		default:
			err = b.convolution(m)
		}
		if err != nil {
			return err
		}
		b.at++
	}
	if err := b.picture(); err != nil {
		return err
	}
	return b.activate(b.o.Last, b.last)
}

// inputs makes the latent and, where there is an embedding, the class. It returns the first module
// that reads them.
func (b *builder) inputs() (module, error) {
	class := -1
	for i, m := range b.list {
		if low := strings.ToLower(m.prefix); len(m.weight.shape) == 2 && !m.bias && (strings.Contains(low, "emb") || strings.Contains(low, "label")) {
			class = i
			break
		}
	}
	var e module
	if class >= 0 {
		e = b.list[class]
		b.list = slices.Delete(slices.Clone(b.list), class, class+1)
	}
	if len(b.list) == 0 {
		return module{}, &ir.UnsupportedError{Items: []string{"no module but an embedding; give its network with a graph"}}
	}
	m := b.list[0]
	if m.norm {
		return m, b.refuse("a normalization in the first place")
	}
	n := m.weight.shape[0]
	if len(m.weight.shape) == 2 {
		n = m.weight.shape[1]
	}
	b.features = n
	latent := n
	if class >= 0 && e.weight.shape[1] != n {
		latent = n - e.weight.shape[1]
	}
	if latent < 1 {
		return m, b.refuse("fewer features than the embedding %q has", e.prefix)
	}
	b.g.Inputs = []graphfile.Input{{Name: "z", Shape: []int{1, 1, latent}}}
	if class >= 0 {
		b.g.Inputs = append(b.g.Inputs, graphfile.Input{Name: "label", Classes: e.weight.shape[0]})
		b.g.Layers = append(b.g.Layers, graphfile.Layer{Kind: "embedding", Name: "embedded", In: []string{"label"}, Weights: e.prefix, Attributes: map[string]any{"dim": e.weight.shape[1]}})
		join := graphfile.Layer{Kind: "concat", In: []string{"z", "embedded"}, Attributes: map[string]any{}}
		if latent == n { // as in ACGAN
			join.Kind = "mul"
		}
		b.g.Layers = append(b.g.Layers, join)
	}
	return m, nil
}

// usual settles what a family usually has.
func (b *builder) usual(first module) {
	convs := slices.ContainsFunc(b.list, func(m module) bool { return len(m.weight.shape) == 4 })
	switch {
	case !convs:
		b.family, b.hidden = "MLP", "leakyrelu"
	case len(b.list) > 1 && len(first.weight.shape) == 2 && b.list[1].norm && b.list[1].weight.n != first.weight.shape[0] && b.list[1].index == 0:
		b.family, b.hidden = "upsampling", "leakyrelu"
		b.epsilon = func(norm int) float64 { // the second argument of BatchNorm2d there, which was meant for its momentum
			if norm == 0 {
				return 1e-5
			}
			return 0.8
		}
	}
}

// next returns the module after the one at hand, nil for none.
func (b *builder) next() *module {
	if b.at+1 < len(b.list) {
		return &b.list[b.at+1]
	}
	return nil
}

func (b *builder) norm(m module) error {
	if n := m.weight.n; b.h > 0 && n != b.c || b.h == 0 && n != b.features {
		if b.h > 0 || b.image(n) != nil {
			return b.refuse("a normalization of other channels")
		}
	}
	e := b.epsilon(b.norms)
	b.norms++
	b.add("batchnorm", m.prefix, map[string]any{"epsilon": e, "momentum": 0.9})
	n := b.next()
	if b.family == "upsampling" && b.norms == 1 && n != nil && gap(m, *n) == 1 {
		return b.upsample()
	}
	if n != nil && gap(m, *n) != 0 {
		if err := b.activate(b.o.Hidden, b.hidden); err != nil {
			return err
		}
		if b.family == "upsampling" && len(n.weight.shape) == 4 && gap(m, *n) >= 2 {
			return b.upsample()
		}
	}
	return nil
}

// upsample doubles rows and columns.
func (b *builder) upsample() error {
	b.h, b.w = 2*b.h, 2*b.w
	b.add("resize", "", map[string]any{"h": b.h, "w": b.w, "mode": "nearest", "coordinates": "asymmetric"})
	return b.bounded()
}

// bounded refuses images that no network of a family makes.
func (b *builder) bounded() error {
	const largest = 1 << 12
	if b.h < 1 || b.w < 1 || b.h > largest || b.w > largest {
		return b.refuse("an image of %dx%d", b.h, b.w)
	}
	return nil
}

// image makes a square image of c channels of the vector at hand.
func (b *builder) image(c int) error {
	side := int(math.Sqrt(float64(b.features / max(c, 1))))
	if c < 1 || side*side*c != b.features {
		return b.refuse("%d features before, which are no square of %d channels", b.features, c)
	}
	b.h, b.w, b.c = side, side, c
	b.add("reshape", "", map[string]any{"h": side, "w": side, "c": c})
	return nil
}

// picture makes an image of what a chain of Linear ends with.
func (b *builder) picture() error {
	if b.h > 0 {
		return nil
	}
	if s := b.o.Size; s.Len() == b.features {
		b.h, b.w, b.c = s.H, s.W, s.C
		b.add("reshape", "", map[string]any{"h": s.H, "w": s.W, "c": s.C})
		return nil
	}
	b.at--
	if b.image(1) == nil {
		return nil
	}
	return b.image(3)
}

func (b *builder) linear(m module) error {
	if b.h > 0 || m.weight.shape[1] != b.features {
		return b.refuse("it does not read %d features", b.features)
	}
	b.features = m.weight.shape[0]
	b.kernels = append(b.kernels, 0)
	b.add("dense", m.prefix, map[string]any{"units": b.features, "bias": m.bias})
	if !b.activeBehind(m) {
		return nil
	}
	return b.activate(b.o.Hidden, b.hidden)
}

// activeBehind tells whether an activation stands right behind a module with weights. Before a
// normalization it does if there is room for one, and none behind that.
func (b *builder) activeBehind(m module) bool {
	n := b.next()
	if n == nil || gap(m, *n) == 0 {
		return false
	}
	return !n.norm || gap(m, *n) > 0 && b.at+2 < len(b.list) && gap(*n, b.list[b.at+2]) == 0
}

// activations are those that flags name, as layers.
var activations = map[string]struct {
	kind string
	key  string
	v    float64
}{
	"relu": {kind: "relu"}, "tanh": {kind: "tanh"}, "sigmoid": {kind: "sigmoid"}, "elu": {"elu", "alpha", 1}, "selu": {kind: "selu"}, "gelu": {kind: "gelu"},
	"silu": {kind: "silu"}, "leakyrelu": {"leakyrelu", "slope", 0.2}, "none": {},
}

// Activations names what Options.Hidden and Options.Last may be; "leakyrelu:0.1" gives a slope.
func Activations() []string {
	var names []string
	for n := range activations {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// activate adds an activation: the one that options name, or what is usual.
func (b *builder) activate(name, usual string) error {
	if name == "" {
		name = usual
	}
	name, number, given := strings.Cut(name, ":")
	a, ok := activations[name]
	v := a.v
	if given && a.key != "" {
		var err error
		if v, err = strconv.ParseFloat(number, 64); err != nil || v != v {
			ok = false
		}
	}
	if !ok || given && a.key == "" {
		return fmt.Errorf("no activation %q: want one of %s", name, strings.Join(Activations(), ", "))
	}
	if a.kind == "" {
		return nil
	}
	attributes := map[string]any{}
	if a.key != "" {
		attributes[a.key] = v
	}
	b.add(a.kind, "", attributes)
	return nil
}
