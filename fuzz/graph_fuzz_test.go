package fuzz

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// plan draws a random graph's choices from the bytes of a fuzzer; after their end all are 0.
type plan struct{ bytes []byte }

func (p *plan) next(n int) int {
	if len(p.bytes) == 0 {
		return 0
	}
	b := p.bytes[0]
	p.bytes = p.bytes[1:]
	return int(b) % n
}

func (p *plan) bool() bool { return p.next(2) == 1 }

// op is an operator for an input of a shape; not every one suits it.
func (p *plan) op(s model.Shape) model.Op {
	size := func(n int) [2]int { return [2]int{1 + p.next(n), 1 + p.next(n)} }
	pads := func(n int) [4]int { return [4]int{p.next(n), p.next(n), p.next(n), p.next(n)} }
	const epsilon = 0.1 // far from where a norm would multiply rounding errors
	switch p.next(24) {
	case 0:
		return model.Dense{Units: 1 + p.next(9), Bias: p.bool()}
	case 1:
		return model.Conv2D{Filters: 1 + p.next(6), Kernel: size(4), Stride: size(2), Dilation: size(2), Groups: 1, Pad: pads(3), Bias: p.bool()}
	case 2:
		return model.Conv2D{Filters: s.C, Kernel: size(3), Groups: s.C, Same: true, Bias: p.bool()}
	case 3:
		return model.ConvTranspose2D{Filters: 1 + p.next(4), Kernel: size(4), Stride: size(3), Same: true, Bias: p.bool()}
	case 4:
		return model.ConvTranspose2D{Filters: 1 + p.next(4), Kernel: size(4), Stride: size(2), Pad: pads(2)}
	case 5:
		return model.Resize{H: 1 + p.next(8), W: 1 + p.next(8), Mode: model.ResizeNearest, Coordinates: model.Asymmetric}
	case 6:
		return model.Resize{H: 1 + p.next(8), W: 1 + p.next(8), Mode: model.ResizeBilinear, Coordinates: model.HalfPixel}
	case 7:
		return model.MaxPool{Kernel: size(3), Stride: size(2)}
	case 8:
		return model.AvgPool{Kernel: size(3), Stride: size(2), Pad: pads(2), CountPad: p.bool()}
	case 9:
		return model.Pad{Pad: pads(3), Mode: []string{model.PadZero, model.PadReflect, model.PadEdge}[p.next(3)]}
	case 10:
		from := [3]int{p.next(s.H), p.next(s.W), p.next(s.C)}
		return model.Slice{From: from, Size: [3]int{1 + p.next(s.H-from[0]), 1 + p.next(s.W-from[1]), 1 + p.next(s.C-from[2])}}
	case 11:
		return model.Transpose{Perm: [][3]int{{1, 0, 2}, {2, 0, 1}, {0, 2, 1}}[p.next(3)]}
	case 12:
		return model.PixelShuffle{Factor: 2}
	case 13:
		return model.Reshape{H: s.W, W: s.H, C: s.C}
	case 14:
		return model.Flatten{}
	case 15:
		return model.InstanceNorm{Epsilon: epsilon}
	case 16:
		return model.LayerNorm{Epsilon: epsilon}
	case 17:
		return model.GroupNorm{Groups: 1 + p.next(s.C), Epsilon: epsilon}
	case 18:
		return model.PixelNorm{Epsilon: epsilon}
	case 19:
		return model.LeakyReLU{Slope: 0.2}
	case 20:
		return model.Tanh{}
	case 21:
		return model.PReLU{}
	case 22:
		return model.Softmax{}
	}
	return model.GlobalAvgPool{}
}

// randomModel builds a graph of some operators with an image and a class to read, all small. Values
// have any number of readers.
func randomModel(data []byte) *model.Model {
	p := &plan{data}
	g := &model.Graph{}
	values := []*model.Value{g.Input("x", model.Shape{H: 1 + p.next(6), W: 1 + p.next(6), C: 1 + p.next(6)})}
	class := g.Class("class", 3)
	add := func(o model.Op, in ...*model.Value) {
		specs := make([]model.Spec, len(in))
		for i, v := range in {
			specs[i] = v.Spec
		}
		// Attributes that stand for their default are as good as these.
		if c, ok := o.(model.Conv2D); ok {
			c.Stride, c.Dilation = least(c.Stride), least(c.Dilation)
			o = c
		}
		if c, ok := o.(model.ConvTranspose2D); ok {
			c.Stride, c.Dilation, c.Groups = least(c.Stride), least(c.Dilation), 1
			o = c
		}
		if out, err := o.Infer(specs); err == nil && out.Shape.Len() <= 1<<10 {
			values = append(values, g.Add(o, in...))
		}
	}
	for len(p.bytes) > 0 && len(values) < 12 {
		v := values[len(values)-1-p.next(len(values))]
		switch p.next(8) {
		case 0:
			add(model.Add{}, v, values[p.next(len(values))])
		case 1:
			add(model.Mul{}, v, values[p.next(len(values))])
		case 2:
			add(model.Concat{}, v, values[p.next(len(values))])
		case 3:
			add(model.Embedding{Dim: v.Shape.C}, class)
		default:
			add(p.op(v.Shape), v)
		}
	}
	add(model.Embedding{Dim: 2}, class) // else nobody would read it
	last := values[len(values)-1]
	if len(values) > 2 {
		last = values[len(values)-2]
	}
	if last.Node == nil {
		add(model.Tanh{}, last)
		last = values[len(values)-1]
	}
	m, err := model.FromGraph("random", g, last)
	if err != nil {
		panic(err) // each operator has accepted its inputs
	}
	fillParams(m)
	return m
}

func least(n [2]int) [2]int { return [2]int{max(1, n[0]), max(1, n[1])} }

// fillParams gives all parameters values between -1/2 and 1/2, less for wide weights.
func fillParams(m *model.Model) {
	for i, p := range m.Params() {
		scale := float32(1)
		if p.Init == model.Weight && p.FanIn > 0 {
			scale = float32(2 / math.Sqrt(float64(p.FanIn)))
		}
		for k, v := range numbers(len(p.Data), uint64(i)+5) {
			p.Data[k] = v * scale
		}
	}
	m.Changed()
}

// numbers are n random numbers between -1/2 and 1/2.
func numbers(n int, seed uint64) []float32 {
	r, x := rand.New(rand.NewPCG(seed, 1)), make([]float32, n)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	return x
}

// reference computes one image by the operators' loops in float64. params are by name.
func reference(m *model.Model, x []float64, class int, params map[string][]float64) []float64 {
	values := map[string][]float64{"x": x, "class": {float64(class)}}
	for _, l := range m.Layers() {
		y := make([]float64, l.Out.Shape.Len())
		var in, p [][]float64
		for _, name := range l.Inputs {
			in = append(in, values[name])
		}
		for _, q := range l.Params {
			p = append(p, params[q.Name])
		}
		switch o := l.Op.(type) {
		case model.Referencer:
			o.Reference(y, in, p, l.In)
		case model.Pointwise:
			for i, v := range in[0] {
				y[i] = o.At(v)
			}
		default:
			panic("no reference of " + l.Op.Kind())
		}
		values[l.Name] = y
	}
	return values[m.Outputs()[0].Name]
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func wideParams(m *model.Model) map[string][]float64 {
	all := map[string][]float64{}
	for _, p := range m.Params() {
		all[p.Name] = wide(p.Data)
	}
	return all
}

func addGraphs(f *testing.F) {
	f.Add([]byte{})
	for seed := range byte(60) {
		b := make([]byte, 40)
		for i := range b {
			b[i] = byte((int(seed)*31 + i*i*7 + i*int(seed)*3) >> 1)
		}
		f.Add(b)
	}
}

// FuzzSession runs random graphs on every kernel row against their operators' references in
// float64.
func FuzzSession(f *testing.F) {
	addGraphs(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := randomModel(data)
		const n = 3
		in, out := m.Input().Len(), m.Output().Len()
		x, classes, params := numbers(n*in, 1), []int32{2, 0, 1}, wideParams(m)
		var want []float64
		largest := 1.0
		for i := range n {
			want = append(want, reference(m, wide(x[i*in:][:in]), int(classes[i]), params)...)
		}
		for _, v := range want {
			largest = max(largest, math.Abs(v))
		}
		for _, k := range simd.Variants() {
			for _, o := range []model.Options{{Batch: 1, Threads: 1, Strict: true}, {Batch: n, Threads: 2, Winograd: true}} {
				o.Kernels = k
				s, err := m.NewSession(o)
				if err != nil {
					t.Fatalf("%s: %v", describe(m), err)
				}
				got := make([]float32, n*out)
				err = s.RunFeed(context.Background(), model.Feed{
					In: []model.Data{{Floats: x}, {Classes: classes}}, Out: []model.Data{{Floats: got}},
				})
				s.Close()
				if err != nil {
					t.Fatalf("%s: %v", describe(m), err)
				}
				for i, v := range got {
					if d := math.Abs(float64(v) - want[i]); !(d <= 2e-4*largest) {
						t.Fatalf("%s, batch %d, %s: value %d is %v, want %v", k.Name, o.Batch, describe(m), i, v, want[i])
					}
				}
			}
		}
	})
}

// FuzzPass holds the gradients of random graphs to finite differences of the references.
func FuzzPass(f *testing.F) {
	addGraphs(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := randomModel(data)
		p, err := m.NewPass(model.PassOptions{Batch: 1, Threads: 1, InputGrad: true, Strict: true})
		if err != nil {
			t.Fatalf("%s: %v", describe(m), err)
		}
		defer p.Close()
		x, dy, params := numbers(m.Input().Len(), 1), numbers(m.Output().Len(), 2), wideParams(m)
		at, in := p.Input()
		at.Import(in, x)
		p.Classes(1)[0] = 1
		p.Forward(1)
		out, _ := p.Output()
		dout := make([]float32, out.Len())
		out.Import(dout, dy)
		p.Backward(dout, nil, 0)

		image := wide(x)
		loss := func() float64 {
			sum := 0.0
			for i, v := range reference(m, image, 1, params) {
				sum += v * float64(dy[i])
			}
			return sum
		}
		gradAt, grad := p.InputGrad()
		dx := make([]float32, len(x))
		gradAt.Export(dx, grad)
		checkGradient(t, m, "x", image, dx, loss)
		for _, g := range p.Grads() {
			checkGradient(t, m, g.Name, params[g.Name], g.Data, loss)
		}
	})
}

// checkGradient compares some values of a gradient with differences of the loss. Where those to the
// left and to the right differ, at the kink of a piecewise operator, there is nothing to compare.
func checkGradient(t *testing.T, m *model.Model, name string, x []float64, grad []float32, loss func() float64) {
	t.Helper()
	const h = 1e-5
	middle := loss()
	for i := 0; i < len(x); i += 1 + len(x)/5 {
		was := x[i]
		x[i] = was + h
		right := (loss() - middle) / h
		x[i] = was - h
		left := (middle - loss()) / h
		x[i] = was
		want := (left + right) / 2
		scale := 1 + math.Abs(want)
		if math.Abs(left-right) > 1e-3*scale {
			continue
		}
		if d := math.Abs(float64(grad[i]) - want); !(d <= 2e-3*scale) {
			t.Fatalf("%s: gradient %d of %s is %v, want %v", describe(m), i, name, grad[i], want)
		}
	}
}

// describe is the graph, for messages.
func describe(m *model.Model) string {
	text, err := m.Architecture()
	if err != nil {
		return err.Error()
	}
	return string(text)
}
