package model

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/simd"
)

// plainNet is a model written out in float64, image by image, to be compared
// with what sessions and passes compute.
type plainNet struct {
	m          *Model
	params     map[string][]float64
	training   bool
	seed, step uint64
}

func newPlain(m *Model) *plainNet {
	p := &plainNet{m: m, params: map[string][]float64{}}
	for _, q := range m.Params() {
		p.params[q.Name] = widen(q.Data)
	}
	return p
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// forward returns the outputs (n, H, W, C) of x.
func (p *plainNet) forward(x []float64, n int) []float64 {
	for i, l := range p.m.Layers() {
		x = p.layer(i, l, x, n)
	}
	return x
}

// plainDense: y = x w + bias, of n images.
func plainDense(x, w, bias []float64, n, units int) []float64 {
	y, in := make([]float64, n*units), len(x)/n
	for k := range n {
		for o := range units {
			sum := 0.0
			if bias != nil {
				sum = bias[o]
			}
			for c := range in {
				sum += x[k*in+c] * w[c*units+o]
			}
			y[k*units+o] = sum
		}
	}
	return y
}

func (p *plainNet) layer(i int, l LayerInfo, x []float64, n int) []float64 {
	get := func(name string) []float64 { return p.params[l.Name+"."+name] }
	each := func(f func(v float64) float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = f(v)
		}
		return y
	}
	leaky := func(slope float32) []float64 {
		return each(func(v float64) float64 {
			if v < 0 {
				return v * float64(slope)
			}
			return v
		})
	}
	switch t := l.Op.(type) {
	case Dense:
		return plainDense(x, get("weight"), get("bias"), n, t.Units)
	case linear:
		g, err := t.geometry(l.In[0].Shape, l.Out.Shape)
		if err != nil {
			panic(err)
		}
		return plainConv(g, l.In[0].Shape, l.Out.Shape, x, get("weight"), get("bias"), n)
	case BatchNorm:
		return p.batchNorm(t, l, x, n)
	case LeakyReLU:
		return leaky(t.Slope)
	case ReLU:
		return leaky(0)
	case Tanh:
		return each(math.Tanh)
	case Sigmoid:
		return each(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
	case Dropout:
		if !p.training {
			return x
		}
		y := make([]float64, len(x))
		keep, key := (1-t.Rate)*(1<<32), DropoutKey(p.seed, p.step, i)
		for e := range x {
			k, pos, c := e/l.In[0].Shape.Len(), e%l.In[0].Shape.Len()/l.In[0].Shape.C, e%l.In[0].Shape.C
			if float64(simd.Hash32(key, uint32((pos*n+k)*l.In[0].Shape.C+c))) < math.Floor(keep) {
				y[e] = x[e] / (1 - t.Rate)
			}
		}
		return y
	}
	return p.images(l, x, n)
}

// plainConv follows the definition: convolution y[o] += x[o*stride + k*dilation - pad] * w[k],
// transposed y[i*stride + k*dilation - pad] += x[i] * w[k].
func plainConv(g conv.Geometry, in, out Shape, x, w, bias []float64, n int) []float64 {
	y := make([]float64, n*out.Len())
	for i := range y {
		if bias != nil {
			y[i] = bias[i%out.C]
		}
	}
	small, large := out, in
	if g.Transposed {
		small, large = in, out
	}
	ci, co := in.C/g.Groups, out.C/g.Groups
	for k := range n {
		for sy := range small.H {
			for sx := range small.W {
				for tap := range g.KH * g.KW {
					ly := sy*g.StrideH + tap/g.KW*g.DilationH - g.PadTop
					lx := sx*g.StrideW + tap%g.KW*g.DilationW - g.PadLeft
					if ly < 0 || ly >= large.H || lx < 0 || lx >= large.W {
						continue
					}
					from, to := ly*large.W+lx, sy*small.W+sx
					if g.Transposed {
						from, to = to, from
					}
					from, to = (k*in.H*in.W+from)*in.C, (k*out.H*out.W+to)*out.C
					for o := range out.C {
						for c := range ci {
							y[to+o] += x[from+o/co*ci+c] * w[(tap*ci+c)*out.C+o]
						}
					}
				}
			}
		}
	}
	return y
}

func (p *plainNet) batchNorm(t BatchNorm, l LayerInfo, x []float64, n int) []float64 {
	get := func(name string) []float64 { return p.params[l.Name+"."+name] }
	y := make([]float64, len(x))
	c := l.In[0].Shape.C
	for f := range c {
		mean, variance := get("moving_mean")[f], get("moving_variance")[f]
		if p.training {
			mean, variance = 0, 0
			rows := float64(len(x) / c)
			for i := f; i < len(x); i += c {
				mean += x[i] / rows
			}
			for i := f; i < len(x); i += c {
				variance += (x[i] - mean) * (x[i] - mean) / rows
			}
		}
		for i := f; i < len(x); i += c {
			y[i] = get("gamma")[f]*(x[i]-mean)/math.Sqrt(variance+t.Epsilon) + get("beta")[f]
		}
	}
	return y
}

// randomize gives all parameters values with which every term of a layer counts.
func randomize(m *Model, seed uint64) {
	key := rng.NewKey(seed, rng.Sample)
	for i, p := range m.Params() {
		rng.FillNormal(p.Data, key.Sub(uint64(i)), 0)
		for j, v := range p.Data {
			switch {
			case p.Init == Weight:
				p.Data[j] = v / float32(math.Sqrt(float64(p.FanIn)))
			case p.Init == One:
				p.Data[j] = 1 + 0.2*max(-2, min(2, v))
			}
		}
	}
	m.Changed()
}

func normals(n int, seed uint64) []float32 {
	x := make([]float32, n)
	rng.FillNormal(x, rng.NewKey(seed, rng.Sample), 1)
	return x
}

// testNet is a small network of the tests.
type testNet struct {
	name   string
	input  Shape
	layers []Op
}

// testNets are single layers first, then chains that are fused.
func testNets() []testNet {
	five, two := [2]int{5, 5}, [2]int{2, 2}
	image := Shape{6, 5, 4}
	return []testNet{
		{"dense", Flat(7), []Op{Dense{Units: 35, Bias: true}}},
		{"dense without bias", Flat(3), []Op{Dense{Units: 1}}},
		{"conv", image, []Op{Conv2D{Filters: 6, Kernel: five, Stride: two, Same: true, Bias: true}}},
		{"conv of one channel", Shape{8, 8, 1}, []Op{Conv2D{Filters: 9, Kernel: five, Stride: two, Same: true}}},
		{"conv with pads", image, []Op{Conv2D{
			Filters: 6, Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Dilation: [2]int{2, 1}, Groups: 2, Pad: [4]int{2, 1, 0, 3}, Bias: true,
		}}},
		{"transposed conv", image, []Op{ConvTranspose2D{Filters: 6, Kernel: five, Stride: two, Same: true, Bias: true}}},
		{"transposed conv to one channel", image, []Op{ConvTranspose2D{Filters: 1, Kernel: five, Stride: two, Same: true}}},
		{"transposed conv with pads", image, []Op{ConvTranspose2D{
			Filters: 2, Kernel: [2]int{3, 4}, Stride: [2]int{2, 3}, Groups: 2, Pad: [4]int{1, 0, 2, 1}, OutPad: [2]int{1, 2}, Bias: true,
		}}},
		{"batch norm of images", image, []Op{BatchNorm{}}},
		{"batch norm of vectors", Flat(33), []Op{BatchNorm{Epsilon: 0.1, Momentum: 0.5}}},
		{"leaky relu", image, []Op{LeakyReLU{Slope: 0.3}}},
		{"relu", Flat(40), []Op{ReLU{}}},
		{"tanh", image, []Op{Tanh{}}},
		{"sigmoid", image, []Op{Sigmoid{}}},
		{"dropout of images", image, []Op{Dropout{Rate: 0.4}}},
		{"dropout of vectors", Flat(75), []Op{Dropout{Rate: 0.4}}},
		{"reshape", Shape{6, 5, 4}, []Op{Reshape{3, 20, 2}}},
		{"reshape that moves nothing", Flat(24), []Op{Reshape{1, 1, 24}}},
		{"flatten", image, []Op{Flatten{}}},
		{"dense, batch norm, leaky relu, reshape, conv", Flat(7), []Op{
			Dense{Units: 36, Bias: true}, BatchNorm{}, LeakyReLU{Slope: 0.2}, Reshape{3, 3, 4}, Conv2D{Filters: 2, Kernel: [2]int{3, 3}, Same: true},
		}},
		{"dense, conv of a vector", Flat(7), []Op{
			Dense{Units: 6}, Tanh{}, ConvTranspose2D{Filters: 3, Kernel: [2]int{4, 4}}, ReLU{}, Flatten{}, Conv2D{Filters: 2, Kernel: [2]int{1, 1}},
		}},
		{"conv, relu, dropout, tanh", image, []Op{
			Conv2D{Filters: 5, Kernel: [2]int{3, 3}, Same: true, Bias: true}, ReLU{}, Dropout{Rate: 0.5}, Tanh{}, Dropout{Rate: 0.25}, Sigmoid{},
		}},
		{"conv, dropout, batch norm, relu", image, []Op{
			Conv2D{Filters: 5, Kernel: [2]int{3, 3}, Bias: true}, Dropout{Rate: 0.3}, BatchNorm{}, ReLU{}, LeakyReLU{Slope: 0.5}, BatchNorm{}, Dropout{},
		}},
		{"batch norm first, dense last", image, []Op{BatchNorm{}, LeakyReLU{Slope: 0.1}, Flatten{}, BatchNorm{}, Dense{Units: 2}}},
		{"reshapes", Flat(48), []Op{
			Reshape{4, 4, 3}, Tanh{}, Reshape{2, 4, 6}, Conv2D{Filters: 6, Kernel: [2]int{1, 1}}, Reshape{4, 2, 6}, Flatten{}, Dense{Units: 12}, Reshape{2, 2, 3}, Flatten{},
		}},
	}
}

// smallNets adds the reference networks, scaled down.
func smallNets(t testing.TB) []*Model {
	var list []*Model
	for i, n := range slices.Concat(testNets(), activationNets(), normNets(), linearNets()) {
		m, err := New(n.name, n.input, n.layers...)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, uint64(i))
		list = append(list, m)
	}
	c := Config{Latent: 5, Size: 12, Width: 3, Channels: 2}
	for _, m := range []*Model{Generator(c), Discriminator(c)} {
		randomize(m, 99)
		list = append(list, m)
	}
	return list
}

// checkClose compares with a float64 result: the error may be bound times the largest value.
func checkClose(t testing.TB, what string, got []float32, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	top, worst, at := 0.0, -1.0, 0
	for i, w := range want {
		top = max(top, math.Abs(w))
		if d := math.Abs(float64(got[i]) - w); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	if !(worst <= bound*max(top, 1e-3)) {
		t.Errorf("%s: value %d is %v, want %v (the largest is %v)", what, at, got[at], want[at], top)
	}
}

// equalBits reports whether two slices have the same bits.
func equalBits(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}
