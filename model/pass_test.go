package model

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// bound is the error of float32 sums in these small networks, as a share of the largest value.
const bound = 2e-5

// result is all that a training pass leaves.
type result struct {
	y, dx  []float32
	grads  []*Param
	moving [][]float32
}

// train runs a pass forward and backward and returns copies. The parameters end as they were.
func train(t testing.TB, m *Model, o PassOptions, md mode, x, dy, scale []float32, from int) result {
	t.Helper()
	p, err := m.newPass(o, md)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in, buf := p.Input()
	in.Import(buf, x)
	var before [][]float32
	for _, q := range m.Params() {
		before = append(before, slices.Clone(q.Data))
	}
	p.Forward(3)
	var r result
	out, y := p.Output()
	r.y = exported(out, y)
	dout := make([]float32, out.Len())
	out.Import(dout, dy)
	p.Backward(dout, scale, from)
	if o.InputGrad {
		at, dx := p.InputGrad()
		r.dx = exported(at, dx)
	}
	for _, g := range p.Grads() {
		r.grads = append(r.grads, &Param{Name: g.Name, Shape: g.Shape, Data: slices.Clone(g.Data)})
	}
	for i, q := range m.Params() {
		if !q.Trainable {
			r.moving = append(r.moving, slices.Clone(q.Data))
		}
		copy(q.Data, before[i])
	}
	return r
}

// TestChunks: going backward in chunks of images changes rounding at most, also with factors and
// masks.
func TestChunks(t *testing.T) {
	const n, from = 192, 100 // chunks of 96
	c := Config{Latent: 5, Size: 8, Width: 2}
	nets := []testNet{{"reshape and sigmoid", Flat(12), []Op{
		Dropout{Rate: 0.5}, Reshape{2, 3, 2}, Conv2D{Filters: 4, Kernel: [2]int{2, 2}, Bias: true}, Sigmoid{}, Dropout{Rate: 0.1}, Reshape{1, 4, 2}, LeakyReLU{Slope: 0.1}, Flatten{},
	}}}
	models := []*Model{Discriminator(c)}
	for _, net := range nets {
		m, err := New(net.name, net.input, net.layers...)
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	for _, m := range models {
		randomize(m, 3)
		x, dy, scale := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2), normals(n, 3)
		for _, k := range simd.Variants() {
			o := PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: true}
			whole := train(t, m, o, mode{training: true, whole: true}, x, dy, scale, from)
			one := train(t, m, o, mode{training: true}, x, dy, scale, from)
			first := from * m.Input().Len()
			if !equalBits(one.y, whole.y) || !equalBits(one.dx[first:], whole.dx[first:]) {
				t.Errorf("%s on %s: output or input gradient differs", m.Name, k.Name)
			}
			for i, g := range one.grads {
				checkClose(t, m.Name+" on "+k.Name+": "+g.Name, g.Data, widen(whole.grads[i].Data), bound)
			}
			o.Threads = 3
			train(t, m, o, mode{training: true}, x, dy, scale, from).same(t, m.Name+" on "+k.Name+", 3 threads", one)
		}
	}
}

func exported(m conv.Layout, buf []float32) []float32 {
	x := make([]float32, m.N*m.Positions()*m.C)
	m.Export(x, buf)
	return x
}

// same compares two results bit by bit.
func (r result) same(t testing.TB, what string, s result) {
	t.Helper()
	if !equalBits(r.y, s.y) {
		t.Errorf("%s: outputs differ", what)
	}
	if !equalBits(r.dx, s.dx) {
		t.Errorf("%s: input gradients differ", what)
	}
	for i, g := range r.grads {
		if !equalBits(g.Data, s.grads[i].Data) {
			t.Errorf("%s: gradients of %s differ", what, g.Name)
		}
	}
	for i := range r.moving {
		if !equalBits(r.moving[i], s.moving[i]) {
			t.Errorf("%s: moving statistics %d differ", what, i)
		}
	}
}

// TestTraining compares outputs with a plain float64 computation, and gradients with central
// differences of that.
func TestTraining(t *testing.T) {
	const n, seed, step = 3, 11, 3
	for _, m := range smallNets(t) {
		x := normals(n*m.Input().Len(), 1)
		dy := normals(n*m.Output().Len(), 2)
		ref := newPlain(m)
		ref.training, ref.seed, ref.step = true, seed, step
		x64, dy64 := widen(x), widen(dy)
		y64 := ref.forward(x64, n)
		loss := func() float64 {
			sum := 0.0
			for i, y := range ref.forward(x64, n) {
				sum += y * dy64[i]
			}
			return sum
		}
		// The differences are costly: of a large array some elements stand for all.
		stride := func(n int) int { return max(1, n/40) }
		difference := func(v []float64) []float64 {
			var d []float64
			for i := 0; i < len(v); i += stride(len(v)) {
				const h = 1e-6
				was := v[i]
				v[i] = was + h
				up := loss()
				v[i] = was - h
				d = append(d, (up-loss())/(2*h))
				v[i] = was
			}
			return d
		}
		some := func(v []float32) []float32 {
			var s []float32
			for i := 0; i < len(v); i += stride(len(v)) {
				s = append(s, v[i])
			}
			return s
		}
		wantDX := difference(x64)
		wantGrads := map[string][]float64{}
		for _, q := range m.TrainableParams() {
			wantGrads[q.Name] = difference(ref.params[q.Name])
		}
		for _, k := range simd.Variants() {
			t.Run(m.Name+"/"+k.Name, func(t *testing.T) {
				r := train(t, m, PassOptions{Batch: n, Threads: 1, Kernels: k, Seed: seed, InputGrad: true}, mode{training: true}, x, dy, nil, 0)
				checkClose(t, "output", r.y, y64, bound)
				checkClose(t, "input gradient", some(r.dx), wantDX, 5*bound)
				for _, g := range r.grads {
					if m.centred(g.Name) {
						continue
					}
					checkClose(t, "gradient of "+g.Name, some(g.Data), wantGrads[g.Name], 5*bound)
				}
			})
		}
	}
}

// centred tells whether a parameter is a bias whose effect a BatchNorm removes: its gradient is
// rounding noise.
func (m *Model) centred(name string) bool {
	nodes := m.graph.Nodes
	for i, n := range nodes[:len(nodes)-1] {
		if _, ok := nodes[i+1].Op.(BatchNorm); ok && name == n.Name+".bias" {
			return true
		}
	}
	return false
}

// TestFusedTraining compares fused operators with one operator a layer: the same bits.
func TestFusedTraining(t *testing.T) {
	const n = 5
	for _, m := range smallNets(t) {
		x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
		for _, k := range simd.Variants() {
			o := PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: true}
			fused := train(t, m, o, mode{training: true}, x, dy, nil, 0)
			train(t, m, o, mode{training: true, plain: true}, x, dy, nil, 0).same(t, m.Name+" on "+k.Name, fused)
		}
	}
}

// TestWideDense: dense layers with so many weights that they are packed position by position, with
// a BatchNorm behind or without, give the bits that they give packed at once.
func TestWideDense(t *testing.T) {
	conv := Conv2D{Filters: 2, Kernel: [2]int{2, 2}, Bias: true}
	for name, layers := range map[string][]Op{
		"norm":  {Dense{Units: 9 * 256}, BatchNorm{}, LeakyReLU{Slope: 0.3}, Reshape{3, 3, 256}, conv},
		"plain": {Dense{Units: 9 * 256, Bias: true}, LeakyReLU{Slope: 0.3}, Reshape{3, 3, 256}, conv},
	} {
		m, err := New(name, Flat(40), layers...)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 3)
		for _, n := range []int{2, 37} {
			x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
			for _, k := range simd.Variants() {
				o := PassOptions{Batch: n, Threads: 1, Kernels: k}
				want := train(t, m, o, mode{training: true, plain: true}, x, dy, nil, 0)
				for o.Threads = 1; o.Threads <= 3; o.Threads += 2 {
					p, err := m.NewPass(o)
					if err != nil {
						t.Fatal(err)
					}
					if ok, with := p.nodes[0].kernel.(*linearPass).byPosition, p.nodes[0].paired != nil; !ok || with != (name == "norm") {
						t.Errorf("%s: packed by position %v, backward along with a BatchNorm %v", name, ok, with)
					}
					p.Close()
					train(t, m, o, mode{training: true}, x, dy, nil, 0).same(t, fmt.Sprintf("%s on %s, %d images, %d threads", name, k.Name, n, o.Threads), want)
				}
			}
		}
	}
}

// TestAsManyImagesAsPositions: what goes position by position does not run along with what goes
// image by image where the numbers are the same.
func TestAsManyImagesAsPositions(t *testing.T) {
	m := Generator(Config{Latent: 5, Size: 12, Width: 4})
	const n = 9 // 3x3 positions of the first layers
	x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
	ref := newPlain(m)
	ref.training = true
	want := ref.forward(widen(x), n)
	for _, k := range simd.Variants() {
		o := PassOptions{Batch: n, Threads: 1, Kernels: k}
		one := train(t, m, o, mode{training: true}, x, dy, nil, 0)
		checkClose(t, "output on "+k.Name, one.y, want, bound)
		o.Threads = 2
		train(t, m, o, mode{training: true}, x, dy, nil, 0).same(t, "2 threads on "+k.Name, one)
	}
}

// TestTrainingThreads: any number of threads gives the same bits, also where there are fewer
// images.
func TestTrainingThreads(t *testing.T) {
	for _, m := range smallNets(t) {
		for _, n := range []int{2, 37} {
			if n > 2 && testing.Short() {
				continue
			}
			x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
			for _, k := range simd.Variants() {
				o := PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: true}
				one := train(t, m, o, mode{training: true}, x, dy, nil, 0)
				for o.Threads = 2; o.Threads <= 3; o.Threads++ {
					train(t, m, o, mode{training: true}, x, dy, nil, 0).same(t, fmt.Sprintf("%s on %s, %d images, %d threads", m.Name, k.Name, n, o.Threads), one)
				}
			}
		}
	}
}

// TestScale: a factor an image acts on the parameters' gradients as if the output's gradient had
// it, and not on the input's.
func TestScale(t *testing.T) {
	const n, from = 6, 2
	m := Discriminator(Config{Latent: 5, Size: 12, Width: 3, Channels: 2})
	x, dy, scale := normals(n*m.Input().Len(), 1), normals(n, 2), normals(n, 3)
	for _, k := range simd.Variants() {
		o := PassOptions{Batch: n, Threads: 2, Kernels: k, InputGrad: true}
		unit := train(t, m, o, mode{training: true}, x, dy, nil, 0)
		got := train(t, m, o, mode{training: true}, x, dy, scale, from)
		product := make([]float32, n)
		for i := range product {
			product[i] = dy[i] * scale[i]
		}
		want := train(t, m, o, mode{training: true}, x, product, nil, 0)
		for i, g := range got.grads {
			checkClose(t, k.Name+": "+g.Name, g.Data, widen(want.grads[i].Data), bound)
		}
		first := from * m.Input().Len()
		if !equalBits(got.dx[first:], unit.dx[first:]) {
			t.Errorf("%s: scale changed the input's gradient", k.Name)
		}
	}
}

// TestBorrow: a generator that writes into the discriminator's input and keeps its gradients in the
// discriminator's memory computes what it computes alone.
func TestBorrow(t *testing.T) {
	const n = 4
	c := Config{Latent: 5, Size: 12, Width: 4}
	g, d := Generator(c), Discriminator(c)
	z, dy := normals(n*g.Input().Len(), 1), normals(n*g.Output().Len(), 2)
	reals := normals(2*n*d.Input().Len(), 3)
	alone := train(t, g, PassOptions{Batch: n, Threads: 1}, mode{training: true}, z, dy, nil, 0)

	dp, err := d.NewPass(PassOptions{Batch: 2 * n, Threads: 2, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dp.Close()
	gp, err := g.NewPass(PassOptions{Batch: n, Threads: 2, Borrow: dp})
	if err != nil {
		t.Fatal(err)
	}
	defer gp.Close()
	din, dx := dp.Input()
	din.Import(dx, reals)
	window := din
	window.N = n
	gp.Bind(window, dx[n*din.C:])
	in, zbuf := gp.Input()
	in.Import(zbuf, z)

	gp.Forward(1)
	dp.Forward(1)
	out, logits := dp.Output()
	ones := slices.Repeat([]float32{1}, out.Len())
	dp.Backward(ones, nil, n)
	if len(logits) < 2*n {
		t.Fatalf("%d logits", len(logits))
	}
	at, dgrad := dp.InputGrad()
	at.N = n
	at.Import(dgrad[n*at.C:], dy)
	gp.Backward(dgrad[n*at.C:], nil, 0)

	if _, own := gp.placeActs(); len(gp.arena) > own+out.Len()+16 {
		t.Errorf("%d floats, %d are for activations", len(gp.arena), own)
	}
	gout, y := gp.Output()
	if !equalBits(exported(gout, y), alone.y) {
		t.Error("outputs differ")
	}
	for i, q := range gp.Grads() {
		if !equalBits(q.Data, alone.grads[i].Data) {
			t.Errorf("gradients of %s differ", q.Name)
		}
	}
	first := din
	first.N = n
	if !equalBits(exported(first, dx), reals[:n*d.Input().Len()]) {
		t.Error("the first half of the input has changed")
	}
}

// TestRepack: weights that change between steps count once Repack has been called; biases count at
// once.
func TestRepack(t *testing.T) {
	m, err := New("m", Flat(3), Dense{Units: 2, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.NewPass(PassOptions{Batch: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, x := p.Input()
	copy(x, []float32{1, 2, 3})
	_, y := p.Output()
	copy(m.Params()[0].Data, []float32{1, 0, 0, 1, 0, 0}) // y0 = x0, y1 = x1
	p.Forward(0)
	if !slices.Equal(y, []float32{1, 2}) {
		t.Errorf("y = %v", y)
	}
	copy(m.Params()[0].Data, []float32{0, 0, 0, 1, 1, 0}) // y0 = x2, y1 = x1
	m.Params()[1].Data[1] = 0.5
	p.Repack()
	p.Forward(1)
	if !slices.Equal(y, []float32{3, 2.5}) {
		t.Errorf("y = %v", y)
	}
}

func TestDropoutSteps(t *testing.T) {
	m, err := New("m", Flat(2000), Dropout{Rate: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.NewPass(PassOptions{Batch: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in, x := p.Input()
	for i := range x {
		x[i] = 3
	}
	out, y := p.Output()
	var steps [][]float32
	for _, step := range []uint64{1, 2, 1} {
		p.Forward(step)
		steps = append(steps, exported(out, y))
	}
	if !equalBits(steps[0], steps[2]) || equalBits(steps[0], steps[1]) {
		t.Error("the mask does not follow the step")
	}
	if equalBits(steps[0][:2000], steps[0][2000:]) {
		t.Error("two images have one mask")
	}
	kept := 0
	for _, v := range steps[0] {
		switch v {
		case 4:
			kept++
		case 0:
		default:
			t.Fatalf("3 became %v", v)
		}
	}
	if kept < 2900 || kept > 3100 { // 3000, 3.6 standard deviations
		t.Errorf("%d of 4000 values kept", kept)
	}
	if !equalBits(exported(in, x), slices.Repeat([]float32{3}, 4000)) {
		t.Error("the input has changed")
	}
}

// TestMovingStatistics checks the update, whose variance is the biased one.
func TestMovingStatistics(t *testing.T) {
	m, err := New("m", Shape{2, 1, 1}, BatchNorm{Momentum: 0.75})
	if err != nil {
		t.Fatal(err)
	}
	r := train(t, m, PassOptions{Batch: 2, Threads: 1}, mode{training: true}, []float32{1, 2, 3, 6}, make([]float32, 4), nil, 0)
	if mean, variance := r.moving[0][0], r.moving[1][0]; mean != 0.25*3 || variance != 0.75+0.25*3.5 {
		t.Errorf("moving mean %v, variance %v, want 0.75 and 1.625", mean, variance)
	}
}
