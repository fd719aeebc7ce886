package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/simd"
)

// normNets are the norms alone and in chains, of images, of vectors and of so many positions that
// sums go by parts.
func normNets() []testNet {
	image, kernel := Shape{4, 3, 6}, [2]int{3, 3}
	return []testNet{
		{"instance norm", image, []Op{InstanceNorm{}}},
		{"instance norm of many positions", Shape{9, 8, 3}, []Op{InstanceNorm{Epsilon: 0.1}}},
		{"group norm", image, []Op{GroupNorm{Groups: 3}}},
		{"group norm of a vector", Flat(12), []Op{GroupNorm{Groups: 2, Epsilon: 0.01}}},
		{"group norm of many positions", Shape{7, 10, 4}, []Op{GroupNorm{Groups: 2}}},
		{"layer norm", image, []Op{LayerNorm{}}},
		{"layer norm of a vector", Flat(19), []Op{LayerNorm{Epsilon: 0.01}}},
		{"pixel norm", image, []Op{PixelNorm{}}},
		{"pixel norm of a vector", Flat(9), []Op{PixelNorm{Epsilon: 0.1}}},
		{"instance norm in a chain", image, []Op{
			Conv2D{Filters: 4, Kernel: kernel, Same: true}, InstanceNorm{Epsilon: 0.05}, LeakyReLU{Slope: 0.2}, Conv2D{Filters: 3, Kernel: kernel}, BatchNorm{}, ReLU{},
		}},
		{"layer norm in another layout", Flat(5), []Op{
			Dense{Units: 24, Bias: true}, LayerNorm{Epsilon: 0.05}, SiLU{}, Reshape{2, 3, 4}, Conv2D{Filters: 4, Kernel: [2]int{2, 2}}, Flatten{}, LayerNorm{Epsilon: 0.05}, Dense{Units: 3},
		}},
		{"group norm in another layout", image, []Op{
			Conv2D{Filters: 4, Kernel: kernel}, Flatten{}, GroupNorm{Groups: 2, Epsilon: 0.05}, Dense{Units: 12}, PixelNorm{Epsilon: 0.05}, Reshape{2, 2, 3}, GroupNorm{Groups: 1, Epsilon: 0.05},
		}},
	}
}

// linearNets are geometries that testNets has not: lines as images of one row, one group a channel,
// dilated and cropped transposed convolutions, single positions.
func linearNets() []testNet {
	return []testNet{
		{"line", Shape{1, 11, 3}, []Op{Conv2D{Filters: 4, Kernel: [2]int{1, 4}, Stride: [2]int{1, 2}, Pad: [4]int{0, 0, 2, 1}, Bias: true}}},
		{"transposed line", Shape{1, 5, 3}, []Op{ConvTranspose2D{
			Filters: 2, Kernel: [2]int{1, 4}, Stride: [2]int{1, 3}, Pad: [4]int{0, 0, 1, 2}, OutPad: [2]int{0, 2}, Bias: true}}},
		{"dilated line in groups", Shape{1, 12, 4}, []Op{Conv2D{Filters: 8, Kernel: [2]int{1, 3}, Dilation: [2]int{1, 4}, Groups: 2, Bias: true}}},
		{"one group a channel", Shape{5, 4, 6}, []Op{Conv2D{Filters: 12, Kernel: [2]int{3, 3}, Groups: 6, Same: true, Bias: true}, LeakyReLU{Slope: 0.1}}},
		{"transposed, one group a channel", Shape{3, 4, 6}, []Op{ConvTranspose2D{Filters: 6, Kernel: [2]int{4, 4}, Stride: [2]int{2, 2}, Groups: 6, Same: true}}},
		{"transposed and dilated", Shape{3, 4, 4}, []Op{ConvTranspose2D{
			Filters: 6, Kernel: [2]int{3, 4}, Stride: [2]int{2, 3}, Dilation: [2]int{2, 3}, Groups: 2, Pad: [4]int{3, 1, 0, 4}, OutPad: [2]int{1, 2}, Bias: true}}},
		{"transposed, stride above kernel", Shape{3, 2, 3}, []Op{ConvTranspose2D{
			Filters: 2, Kernel: [2]int{1, 2}, Stride: [2]int{3, 3}, OutPad: [2]int{2, 1}, Bias: true}}},
		{"convolution of a point", Flat(5), []Op{Conv2D{Filters: 3, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Bias: true}}},
		{"kernel beyond the image", Shape{2, 3, 2}, []Op{Conv2D{Filters: 3, Kernel: [2]int{5, 4}, Dilation: [2]int{1, 2}, Pad: [4]int{4, 3, 5, 4}}}},
	}
}

// TestOperatorErrors: attributes and inputs that mean nothing are errors that name the operator.
func TestNormErrors(t *testing.T) {
	image := Floats(Shape{4, 3, 6})
	class := Spec{Shape: Flat(1), Type: Type{Kind: Class, Classes: 3}}
	nan := math.NaN()
	for _, c := range []struct {
		o     Op
		in    []Spec
		shape bool // the inputs are at fault
	}{
		{ELU{Alpha: -1}, []Spec{image}, false},
		{ELU{Alpha: nan}, []Spec{image}, false},
		{Clip{}, []Spec{image}, false},
		{Clip{Min: 1, Max: 0}, []Spec{image}, false},
		{Clip{Min: float32(math.Inf(-1)), Max: 0}, []Spec{image}, false},
		{Clip{Max: float32(nan)}, []Spec{image}, false},
		{GELU{}, []Spec{image, image}, true},
		{SiLU{}, []Spec{class}, true},
		{PReLU{}, []Spec{class}, true},
		{InstanceNorm{Epsilon: -1}, []Spec{image}, false},
		{InstanceNorm{}, []Spec{class}, true},
		{LayerNorm{Epsilon: nan}, []Spec{image}, false},
		{LayerNorm{}, []Spec{image, image}, true},
		{PixelNorm{Epsilon: math.Inf(1)}, []Spec{image}, false},
		{GroupNorm{}, []Spec{image}, true},
		{GroupNorm{Groups: 4}, []Spec{image}, true},
		{GroupNorm{Groups: -1}, []Spec{image}, true},
		{ConditionalBatchNorm{}, []Spec{image}, true},
		{ConditionalBatchNorm{}, []Spec{image, image}, true},
		{ConditionalBatchNorm{}, []Spec{class, class}, true},
		{ConditionalBatchNorm{Classes: 4}, []Spec{image, class}, true},
		{ConditionalBatchNorm{Momentum: 2}, []Spec{image, class}, false},
		{ConditionalBatchNorm{Epsilon: -1}, []Spec{image, class}, false},
		{Conv2D{Filters: 6, Kernel: [2]int{3, 3}, Groups: 4}, []Spec{image}, true},
		{Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Groups: 3}, []Spec{image}, true},
		{Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Groups: -1}, []Spec{image}, true},
		{Conv2D{Filters: 4, Kernel: [2]int{3, 0}}, []Spec{image}, true},
		{Conv2D{Filters: 4, Kernel: [2]int{3, 2}, Dilation: [2]int{2, 1}}, []Spec{image}, true},
		{ConvTranspose2D{Filters: 4, Kernel: [2]int{3, 3}, OutPad: [2]int{-1, 0}}, []Spec{image}, true},
		{ConvTranspose2D{Filters: 4, Kernel: [2]int{3, 3}, Same: true, OutPad: [2]int{1, 0}}, []Spec{image}, true},
		{ConvTranspose2D{Filters: 4, Kernel: [2]int{3, 3}, Pad: [4]int{3, 3, 0, 0}}, []Spec{image}, true},
		{Dense{Units: 3}, []Spec{image}, true},
		{Dense{Units: -1}, []Spec{Floats(Flat(3))}, true},
	} {
		g := &Graph{}
		var in []*Value
		for i, s := range c.in {
			in = append(in, g.input(fmt.Sprint("in", i), s))
		}
		g.Add(c.o, in...)
		_, err := FromGraph("m", g)
		if !errors.Is(err, ErrLayer) || errors.Is(err, ErrShape) != c.shape || !bytes.Contains([]byte(err.Error()), []byte(c.o.Kind())) {
			t.Errorf("%s%+v of %v: %v", c.o.Kind(), c.o, c.in, err)
		}
	}
}

// conditionalNet is a generator with two ConditionalBatchNorms, of an image and of a vector.
func conditionalNet(t testing.TB) *Model {
	g := &Graph{}
	z, class := g.Input("z", Flat(5)), g.Class("class", 4)
	g.Add(Dense{Units: 24, Bias: true}, z)
	v := g.Add(ConditionalBatchNorm{Epsilon: 0.01, Momentum: 0.6}, g.last()[0], class)
	g.Add(Tanh{}, v)
	g.Add(Reshape{2, 3, 4})
	v = g.Add(ConvTranspose2D{Filters: 3, Kernel: [2]int{4, 4}, Stride: [2]int{2, 2}, Same: true})
	v = g.Add(ConditionalBatchNorm{Classes: 4}, v, class)
	g.Add(LeakyReLU{Slope: 0.2}, v)
	v = g.Add(Conv2D{Filters: 2, Kernel: [2]int{3, 3}, Same: true, Bias: true})
	m, err := FromGraph("conditional", g, v)
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 5)
	return m
}

// conditionalForward is the net in plain float64.
func (p *plainNet) conditionalForward(x []float64, class []int32) []float64 {
	n := len(class)
	for i, l := range p.m.Layers() {
		o, ok := l.Op.(ConditionalBatchNorm)
		if !ok {
			x = p.layer(i, l, x, n)
			continue
		}
		unit := *p
		unit.params = map[string][]float64{}
		c := l.In[0].Shape.C
		ones := slices.Repeat([]float64{1}, c)
		for role, v := range map[string][]float64{"gamma": ones, "beta": make([]float64, c), "moving_mean": p.params[l.Name+".moving_mean"],
			"moving_variance": p.params[l.Name+".moving_variance"]} {
			unit.params[l.Name+"."+role] = v
		}
		y := unit.batchNorm(o.norm(), l, x, n)
		for j := range y {
			k := int(class[j/l.In[0].Shape.Len()])*c + j%c
			y[j] = p.params[l.Name+".gamma"][k]*y[j] + p.params[l.Name+".beta"][k]
		}
		x = y
	}
	return x
}

func TestConditionalInference(t *testing.T) {
	m := conditionalNet(t)
	const n = 19
	class := make([]int32, n)
	for i := range class {
		class[i] = int32(i * i % 4)
	}
	x := normals(n*5, 1)
	want := newPlain(m).conditionalForward(widen(x), class)
	out := m.Output().Len()
	for _, k := range simd.Variants() {
		var first []float32
		for _, o := range []Options{{Threads: 1}, {Threads: 3}, {Threads: 2, Batch: 1, Strict: true}} {
			for _, count := range []int{n, 2, 1} {
				o.Kernels = k
				s, err := m.NewSession(o)
				if err != nil {
					t.Fatal(err)
				}
				y := make([]float32, count*out)
				err = s.RunFeed(context.Background(), Feed{In: []Data{{Floats: x[:count*5]}, {Classes: class[:count]}}, Out: []Data{{Floats: y}}})
				s.Close()
				if err != nil {
					t.Fatal(err)
				}
				checkClose(t, k.Name, y, want[:count*out], bound)
				if first == nil {
					first = y
				}
				if !equalBits(y, first[:count*out]) {
					t.Errorf("%s: %d threads, %d images: other bits", k.Name, o.Threads, count)
				}
			}
		}
	}
}

// trainClasses is train of a model with a class input.
func trainClasses(t testing.TB, m *Model, o PassOptions, x []float32, class []int32, dy []float32) result {
	p, err := m.NewPass(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in, buf := p.Input()
	in.Import(buf, x)
	copy(p.Classes(1), class)
	p.Forward(3)
	var r result
	out, y := p.Output()
	r.y = exported(out, y)
	dout := make([]float32, out.Len())
	out.Import(dout, dy)
	p.Backward(dout, nil, 0)
	if o.InputGrad {
		at, dx := p.InputGrad()
		r.dx = exported(at, dx)
	}
	for _, g := range p.Grads() {
		r.grads = append(r.grads, &Param{Name: g.Name, Data: slices.Clone(g.Data)})
	}
	for _, q := range m.Params() {
		if !q.Trainable {
			r.moving = append(r.moving, slices.Clone(q.Data))
			q.fill(q.Init.start())
		}
	}
	return r
}

func TestConditionalTraining(t *testing.T) {
	m := conditionalNet(t)
	const n = 6
	class := []int32{2, 0, 2, 1, 1, 2} // none of class 3
	x, dy := normals(n*5, 1), normals(n*m.Output().Len(), 2)
	ref := newPlain(m)
	ref.training = true
	x64 := widen(x)
	want := ref.conditionalForward(x64, class)
	difference := func(v []float64) []float64 {
		d := make([]float64, len(v))
		for i, was := range v {
			for _, h := range []float64{1e-6, -1e-6} {
				v[i] = was + h
				for j, y := range ref.conditionalForward(x64, class) {
					d[i] += y * float64(dy[j]) / (2 * h)
				}
			}
			v[i] = was
		}
		return d
	}
	dx := difference(x64)
	grads := map[string][]float64{}
	for _, q := range m.TrainableParams() {
		grads[q.Name] = difference(ref.params[q.Name])
	}
	for _, q := range m.Params() {
		if !q.Trainable {
			q.fill(q.Init.start())
		}
	}
	for _, k := range simd.Variants() {
		o := PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: true}
		r := trainClasses(t, m, o, x, class, dy)
		checkClose(t, k.Name+": y", r.y, want, bound)
		checkClose(t, k.Name+": dx", r.dx, dx, 5*bound)
		for _, g := range r.grads {
			if g.Name != "dense0.bias" { // which the norm after it takes away
				checkClose(t, k.Name+": "+g.Name, g.Data, grads[g.Name], 5*bound)
			}
		}
		for o.Threads = 2; o.Threads <= 9; o.Threads += 7 {
			trainClasses(t, m, o, x, class, dy).same(t, fmt.Sprint(k.Name, " of threads ", o.Threads), r)
		}
	}
}

// TestConditionalDescription: shapes and first values of the parameters, and they survive a file.
func TestConditionalDescription(t *testing.T) {
	m := conditionalNet(t)
	got := m.Layers()[1].Params
	for i, want := range []string{"(4,24)", "(4,24)", "(24)", "(24)"} {
		if s := dims(got[i].Shape); s != want {
			t.Errorf("%s has the shape %s, want %s", got[i].Name, s, want)
		}
	}
	b := encode(t, m, SaveOptions{})
	same, err := readModel(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, same, SaveOptions{}), b) {
		t.Error("the file differs")
	}
	if !m.BatchDependent() {
		t.Error("images do not mix")
	}
}

// TestFarMean: normalization keeps its digits where the mean is far from 0 and the first value is
// far from the mean.
func TestFarMean(t *testing.T) {
	const n = 3
	for _, o := range []Op{InstanceNorm{}, GroupNorm{Groups: 2}, LayerNorm{}} {
		m, err := New(o.Kind(), Shape{40, 30, 4}, o)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 1)
		x := normals(n*m.Input().Len(), 2)
		for i := range x {
			x[i] = 20 + x[i]
			if i%m.Input().Len() < 4 {
				x[i] = -500
			}
		}
		want := newPlain(m).forward(widen(x), n)
		for _, k := range simd.Variants() {
			checkClose(t, o.Kind()+" on "+k.Name, run(t, m, Options{Threads: 1, Kernels: k}, mode{}, x), want, 4e-6)
		}
	}
}

// TestNormsAllocateNothing: neither inference nor training does.
func TestNormsAllocateNothing(t *testing.T) {
	m, err := New("norms", Shape{4, 4, 6}, InstanceNorm{}, PReLU{}, GroupNorm{Groups: 2}, GELU{}, LayerNorm{}, Clip{Min: -1, Max: 1}, PixelNorm{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.NewPass(PassOptions{Batch: 4, Threads: 2, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, _ := p.Output()
	dy := make([]float32, out.Len())
	if n := alloctest.PerRun(func() { p.Forward(1); p.Backward(dy, nil, 0) }); n != 0 {
		t.Errorf("%d allocations a training step", n)
	}
	s, err := m.NewSession(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := normals(4*m.Input().Len(), 1)
	y := make([]float32, len(x))
	for _, n := range []int{1, 4} {
		part := n * m.Input().Len()
		if got := alloctest.PerRun(func() {
			if err := s.Run(y[:part], x[:part]); err != nil {
				t.Error(err)
			}
		}); got != 0 {
			t.Errorf("%d allocations a Run of %d images", got, n)
		}
	}
}

// TestFrozenNorm: gamma and beta that are frozen, and a first norm whose input's gradient nobody
// wants, change no other gradient; factors of images count in the parameters' gradients.
func TestFrozenNorm(t *testing.T) {
	const n = 5
	m, err := New("m", Shape{3, 4, 2}, InstanceNorm{}, Conv2D{Filters: 4, Kernel: [2]int{2, 2}}, GroupNorm{Groups: 2}, PReLU{})
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 2)
	x, dy, scale := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2), normals(n, 3)
	o := PassOptions{Batch: n, Threads: 2, InputGrad: true}
	all := train(t, m, o, mode{training: true}, x, dy, nil, 0)
	o.InputGrad = false
	less := train(t, m, o, mode{training: true}, x, dy, nil, 0)
	for i, g := range all.grads {
		if !equalBits(g.Data, less.grads[i].Data) {
			t.Errorf("%s differs without the input's gradient", g.Name)
		}
	}
	o.Frozen = []string{"instancenorm0.gamma", "instancenorm0.beta", "groupnorm2.beta"}
	o.InputGrad = true
	frozen := train(t, m, o, mode{training: true}, x, dy, nil, 0)
	if !equalBits(frozen.dx, all.dx) || len(frozen.grads) != len(all.grads)-3 {
		t.Errorf("%d gradients, of %d", len(frozen.grads), len(all.grads))
	}
	for _, g := range frozen.grads {
		for _, h := range all.grads {
			if h.Name == g.Name && !equalBits(g.Data, h.Data) {
				t.Errorf("%s differs with frozen parameters", g.Name)
			}
		}
	}
	o.Frozen = nil
	got := train(t, m, o, mode{training: true}, x, dy, scale, 0)
	for i := range dy {
		dy[i] *= scale[i/m.Output().Len()]
	}
	want := train(t, m, o, mode{training: true}, x, dy, nil, 0)
	for i, g := range got.grads {
		checkClose(t, g.Name, g.Data, widen(want.grads[i].Data), bound)
	}
}

// TestNormChunks: going backward in chunks of images changes rounding of the parameters' gradients
// at most.
func TestNormChunks(t *testing.T) {
	const n = 192 // chunks of 96
	for _, layers := range [][]Op{
		{InstanceNorm{}, PReLU{}, Conv2D{Filters: 4, Kernel: [2]int{2, 2}}, GroupNorm{Groups: 2}, SiLU{}, PixelNorm{}},
		{LayerNorm{}, Flatten{}, Dropout{Rate: 0.3}, Dense{Units: 6}, PReLU{}, LayerNorm{}, Clip{Min: -1, Max: 1}, Mish{}},
	} {
		m, err := New("m", Shape{3, 2, 4}, layers...)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 3)
		x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
		o := PassOptions{Batch: n, Threads: 1, InputGrad: true}
		whole := train(t, m, o, mode{training: true, whole: true}, x, dy, nil, 0)
		one := train(t, m, o, mode{training: true}, x, dy, nil, 0)
		if !equalBits(one.y, whole.y) || !equalBits(one.dx, whole.dx) {
			t.Error("output or input gradient differs")
		}
		for i, g := range one.grads {
			checkClose(t, g.Name, g.Data, widen(whole.grads[i].Data), bound)
		}
		o.Threads = 3
		train(t, m, o, mode{training: true}, x, dy, nil, 0).same(t, "3 threads", one)
	}
}
