package model

import (
	"fmt"
	"testing"

	"github.com/gantiny/gantiny/internal/freeram"
	"github.com/gantiny/gantiny/simd"
)

// wideNet is a network that Winograd's algorithm applies to.
func wideNet(t *testing.T) *Model {
	m, err := New("wide", Flat(6),
		Dense{Units: 5 * 4 * 32}, BatchNorm{}, LeakyReLU{Slope: 0.3}, Reshape{5, 4, 32},
		ConvTranspose2D{Filters: 32, Kernel: [2]int{5, 5}, Same: true, Bias: true}, BatchNorm{}, LeakyReLU{Slope: 0.3},
		Conv2D{Filters: 33, Kernel: [2]int{5, 5}, Same: true, Bias: true}, LeakyReLU{Slope: 0.3},
		ConvTranspose2D{Filters: 1, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true}, Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 1)
	return m
}

// winogradBound is the promise of Winograd's algorithm, as a share of the largest value.
const winogradBound = 1e-4

// TestStrictInference: strict sessions have the same bits for any batch; others stay close to them,
// and keep their bits for any number of threads and images.
func TestStrictInference(t *testing.T) {
	m := wideNet(t)
	const n = 11
	x := normals(n*m.Input().Len(), 5)
	for _, k := range simd.Variants() {
		strict := run(t, m, Options{Threads: 1, Kernels: k, Strict: true}, mode{}, x)
		minimal := run(t, m, Options{Threads: 1, Kernels: k}, mode{}, x)
		if equalBits(strict, minimal) {
			t.Errorf("%s: Winograd's algorithm has changed nothing", k.Name)
		}
		checkClose(t, k.Name, minimal, widen(strict), winogradBound)
		for _, o := range []Options{
			{Batch: 1, Threads: 2}, {Batch: 7, Threads: 1}, {Batch: 16, Threads: 1, Strict: true}, {Batch: 3, Threads: 3, Strict: true},
			{Batch: 8, Threads: 1}, {Batch: 8, Threads: 3}, {Batch: 64, Threads: 2},
		} {
			o.Kernels = k
			want := strict
			if !o.Strict && o.Batch >= minBatch {
				want = minimal
			}
			for _, some := range []int{1, 2, n} {
				if y := run(t, m, o, mode{}, x[:some*m.Input().Len()]); !equalBits(y, want[:len(y)]) {
					t.Errorf("%s: batch %d, %d threads, strict %v, %d images: other bits", k.Name, o.Batch, o.Threads, o.Strict, some)
				}
			}
		}
	}
}

// canceling is a network whose convolution reads numbers around an offset, which a normalization
// takes away after it.
func canceling(t *testing.T, offset float32) *Model {
	m, err := New("canceling", Flat(6), Dense{Units: 12 * 12 * 32}, BatchNorm{}, Reshape{12, 12, 32}, Conv2D{Filters: 32, Kernel: [2]int{5, 5}}, BatchNorm{}, Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 1)
	byName := map[string]*Param{}
	for _, p := range m.Params() {
		byName[p.Name] = p
	}
	fill := func(name string, f func(i int) float32) {
		for i := range byName[name].Data {
			byName[name].Data[i] = f(i)
		}
	}
	sum, squares := make([]float32, 32), make([]float32, 32)
	for i, w := range byName["conv2d3.weight"].Data {
		sum[i%32] += w
		squares[i%32] += w * w
	}
	one, zero := func(int) float32 { return 1 }, func(int) float32 { return 0 }
	fill("batchnorm1.gamma", one)
	fill("batchnorm1.moving_mean", zero)
	fill("batchnorm1.moving_variance", one)
	fill("batchnorm1.beta", func(int) float32 { return offset })
	fill("batchnorm4.gamma", one)
	fill("batchnorm4.beta", zero)
	fill("batchnorm4.moving_mean", func(c int) float32 { return offset * sum[c] })
	fill("batchnorm4.moving_variance", func(c int) float32 { return squares[c] })
	m.Changed()
	return m
}

// TestSettleSums: a network in which sums cancel and a normalization makes the rest large is
// Direct, in a file too, and then draws what strict Sessions do; the same one without an offset is
// not.
func TestSettleSums(t *testing.T) {
	for _, offset := range []float32{0, 1000} {
		m := canceling(t, offset)
		apart, err := m.SettleSums(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := offset > 0; m.Direct != want || !(apart > 0) {
			t.Errorf("offset %g: direct %v, %g apart", offset, m.Direct, apart)
		}
		text, err := m.Architecture()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Build(text); err != nil || again.Direct != m.Direct {
			t.Errorf("offset %g: direct %v after a description, %v", offset, again.Direct, err)
		}
		x := normals(11*m.Input().Len(), 5)
		strict, plain := run(t, m, Options{Threads: 1, Strict: true}, mode{}, x), run(t, m, Options{Threads: 1}, mode{}, x)
		if equalBits(strict, plain) != m.Direct {
			t.Errorf("offset %g: direct %v, and the bits of a strict Session %v", offset, m.Direct, !m.Direct)
		}
	}
}

// TestSettleSumsOfLarge: networks of few numbers that would take too long or too much memory are
// not run.
func TestSettleSumsOfLarge(t *testing.T) {
	slow, err := New("slow", Flat(1<<20), Reshape{1 << 10, 1 << 10, 1}, Conv2D{Filters: 64, Kernel: [2]int{3, 3}, Same: true},
		Conv2D{Filters: 128, Kernel: [2]int{3, 3}, Same: true})
	if err != nil {
		t.Fatal(err)
	}
	models := enormous(t)
	models["slow"] = slow
	for name, m := range models {
		p, err := m.Memory(Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if m != slow && p.needed() <= freeram.Share() {
			continue // this machine has as much
		}
		used := allocated(func() {
			if apart, err := m.SettleSums(t.Context()); apart != 0 || err != nil || m.Direct {
				t.Errorf("%s: %v, %v, direct %v", name, apart, err, m.Direct)
			}
		})
		if used > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
	}
}

// TestStrictTraining: the same for a training pass and its gradients.
func TestStrictTraining(t *testing.T) {
	m := wideNet(t)
	const n = 9
	x, dy := normals(n*m.Input().Len(), 1), normals(n*m.Output().Len(), 2)
	md := mode{training: true}
	for _, k := range simd.Variants() {
		o := PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: true}
		minimal := train(t, m, o, md, x, dy, nil, 0)
		for o.Threads = 2; o.Threads <= 3; o.Threads++ {
			train(t, m, o, md, x, dy, nil, 0).same(t, fmt.Sprintf("%s, %d threads", k.Name, o.Threads), minimal)
		}
		o.Strict = true
		strict := train(t, m, o, md, x, dy, nil, 0)
		if equalBits(strict.y, minimal.y) {
			t.Errorf("%s: Winograd's algorithm has changed nothing", k.Name)
		}
		checkClose(t, k.Name+": output", minimal.y, widen(strict.y), winogradBound)
		checkClose(t, k.Name+": input gradient", minimal.dx, widen(strict.dx), winogradBound)
		for i, g := range minimal.grads {
			if !m.centred(g.Name) {
				checkClose(t, k.Name+": "+g.Name, g.Data, widen(strict.grads[i].Data), winogradBound)
			}
		}
	}
}
