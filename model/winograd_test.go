package model

import (
	"fmt"
	"testing"

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
	randomise(m, 1)
	return m
}

// winogradBound is the promise of Winograd's algorithm, as a share of the largest value.
const winogradBound = 1e-4

// TestStrictInference: strict sessions have the same bits for any batch; others stay close to them, and keep their bits
// for any number of threads and images.
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
