package operator

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

const images = 5

// network has both operators, on vectors and on images, between those of package model.
func network(t testing.TB) *model.Model {
	t.Helper()
	m, err := model.New("outside", model.Flat(6),
		model.Dense{Units: 3 * 4 * 5}, ChannelScale{}, Softsign{}, model.Reshape{H: 3, W: 4, C: 5}, ChannelScale{},
		model.Conv2D{Filters: 2, Kernel: [2]int{3, 3}, Same: true}, Softsign{}, ChannelScale{})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	for i, p := range m.Params() {
		if p.Init == model.One {
			normals(p.Data, uint64(i))
		}
	}
	m.Changed()
	return m
}

func normals(x []float32, seed uint64) { model.Latents(x, len(x), seed, 0) }

// evaluate computes one image by the operators' references, in float64.
func evaluate(m *model.Model, params map[string][]float64, x []float64) []float64 {
	for _, l := range m.Layers() {
		y := make([]float64, l.Out.Shape.Len())
		var p [][]float64
		for _, q := range l.Params {
			p = append(p, params[q.Name])
		}
		switch o := l.Op.(type) {
		case model.Referencer:
			o.Reference(y, [][]float64{x}, p, l.In)
		case model.Pointwise:
			for i, v := range x {
				y[i] = o.At(v)
			}
		default:
			panic(l.Name + " has no reference")
		}
		x = y
	}
	return x
}

func widened(m *model.Model) map[string][]float64 {
	params := map[string][]float64{}
	for _, p := range m.Params() {
		params[p.Name] = widen(p.Data)
	}
	return params
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func near(t *testing.T, what string, got, want, bound float64) {
	t.Helper()
	if !(math.Abs(got-want) <= bound*(1+math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// difference is the central difference of f by what at holds.
func difference(f func() float64, at *float64) float64 {
	const h = 1e-4
	v := *at
	defer func() { *at = v }()
	*at = v + h
	up := f()
	*at = v - h
	return (up - f()) / (2 * h)
}

func run(t *testing.T, m *model.Model, o model.Options, x []float32) []float32 {
	t.Helper()
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := make([]float32, len(x)/m.Input().Len()*m.Output().Len())
	if err := s.Run(y, x); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestSession holds what sessions compute, with any kernels and threads, to the references.
func TestSession(t *testing.T) {
	m := network(t)
	x := make([]float32, images*m.Input().Len())
	normals(x, 7)
	for _, k := range simd.Variants() {
		for threads := 1; threads <= 3; threads++ {
			for n := 1; n <= images; n += images - 1 {
				y := run(t, m, model.Options{Kernels: k, Threads: threads}, x[:n*m.Input().Len()])
				for i := range n {
					want := evaluate(m, widened(m), widen(x[i*m.Input().Len():][:m.Input().Len()]))
					for j, v := range y[i*len(want):][:len(want)] {
						near(t, fmt.Sprintf("%s, %d threads: value %d of image %d", k.Name, threads, j, i), float64(v), want[j], 1e-5)
					}
				}
			}
		}
	}
}

// TestPass holds gradients to central differences of the references, and takes a step.
func TestPass(t *testing.T) {
	m := network(t)
	in, out := m.Input().Len(), m.Output().Len()
	x, dy := make([]float32, images*in), make([]float32, images*out)
	normals(x, 7)
	normals(dy, 8)
	params := widened(m)
	loss := func() (sum float64) { // <dy, y>
		for i := range images {
			for j, v := range evaluate(m, params, widen(x[i*in:][:in])) {
				sum += float64(dy[i*out+j]) * v
			}
		}
		return sum
	}
	first := loss()
	var grads []*model.Param
	for threads := 1; threads <= 3; threads += 2 {
		p, err := m.NewPass(model.PassOptions{Batch: images, Threads: threads, InputGrad: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		l, buf := p.Input()
		l.Import(buf, x)
		p.Forward(1)
		l, _ = p.Output()
		dout := make([]float32, l.Len())
		l.Import(dout, dy)
		p.Backward(dout, nil, 0)
		for i, g := range p.Grads() {
			if threads > 1 && !slices.Equal(g.Data, grads[i].Data) {
				t.Errorf("%s: other bits with %d threads", g.Name, threads)
			}
		}
		grads = p.Grads()
	}
	for _, g := range grads {
		w := params[g.Name]
		for _, i := range []int{0, len(w) / 2, len(w) - 1} {
			near(t, fmt.Sprintf("gradient %d of %s", i, g.Name), float64(g.Data[i]), difference(loss, &w[i]), 1e-4)
		}
	}
	for _, g := range grads {
		for i, d := range g.Data {
			params[g.Name][i] -= 1e-3 * float64(d)
		}
	}
	if last := loss(); !(last < first) {
		t.Errorf("a step has taken the loss from %v to %v", first, last)
	}
}

// TestFile: a model with both operators is written and read.
func TestFile(t *testing.T) {
	m := network(t)
	var b bytes.Buffer
	if err := m.Encode(&b, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := model.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, images*m.Input().Len())
	normals(x, 7)
	if !slices.Equal(run(t, m, model.Options{}, x), run(t, r, model.Options{}, x)) {
		t.Error("read again, the model draws something else")
	}
}

// TestQuantize: an activation has its int8 form for nothing.
func TestQuantize(t *testing.T) {
	m, err := model.New("outside", model.Flat(6), model.Dense{Units: 16}, Softsign{}, model.Dense{Units: 9}, model.Reshape{H: 3, W: 3, C: 1}, model.Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	q, report, err := m.Quantize(context.Background(), quant.Options{Images: 64})
	if err != nil {
		t.Fatal(err)
	}
	if !q.Quantized() {
		t.Error("it is not in bytes")
	}
	for _, l := range report.Layers {
		if !(l.SNR > 20) {
			t.Errorf("%s: %v dB", l.Name, l.SNR)
		}
	}
	x, pix := make([]float32, 6), make([]uint8, 9)
	normals(x, 3)
	s, err := q.NewSession(model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Pixels(pix, x); err != nil {
		t.Fatal(err)
	}
	exact := make([]uint8, 9)
	if err := q.Exact(exact, x); err != nil || !slices.Equal(pix, exact) {
		t.Errorf("%v, by plain loops %v, %v", pix, exact, err)
	}
}
