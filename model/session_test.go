package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// run computes the images of x in one Run of a new session.
func run(t testing.TB, m *Model, o Options, md mode, x []float32) []float32 {
	t.Helper()
	s, err := m.newSession(o, md)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := slices.Repeat([]float32{float32(math.NaN())}, len(x)/m.Input().Len()*m.Output().Len())
	if err := s.Run(y, x); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestInference compares sessions, fused and folded or one operator a layer, with a plain float64
// computation.
func TestInference(t *testing.T) {
	const n = 3
	for _, m := range smallNets(t) {
		x := normals(n*m.Input().Len(), 5)
		want := newPlain(m).forward(widen(x), n)
		for _, k := range simd.Variants() {
			o := Options{Batch: n, Threads: 1, Kernels: k}
			checkClose(t, m.Name+" on "+k.Name, run(t, m, o, mode{}, x), want, bound)
			checkClose(t, m.Name+" unfused on "+k.Name, run(t, m, o, mode{plain: true}, x), want, bound)
		}
	}
}

// TestSplits: an image has the same bits for any batch, chunk and number of threads.
func TestSplits(t *testing.T) {
	const n = 19 // more than a chunk
	for _, m := range smallNets(t) {
		in, out := m.Input().Len(), m.Output().Len()
		x := normals(n*in, 5)
		for _, k := range simd.Variants() {
			want := run(t, m, Options{Threads: 1, Kernels: k}, mode{}, x)
			for _, c := range []struct{ batch, threads, n int }{
				{n, 2, n}, {1, 1, n}, {3, 3, n}, {n, 5, 4}, {1, 3, 2}, {1, 2, 1}, {0, 4, 1}, {64, 3, 7},
			} {
				got := run(t, m, Options{Batch: c.batch, Threads: c.threads, Kernels: k}, mode{}, x[:c.n*in])
				if !equalBits(got, want[:c.n*out]) {
					t.Errorf("%s on %s: batch %d, %d threads, %d images: other bits", m.Name, k.Name, c.batch, c.threads, c.n)
				}
			}
		}
	}
}

// TestSessionsTogether: sessions of one model run at the same time and share its weights.
func TestSessionsTogether(t *testing.T) {
	m := Generator(Config{Latent: 5, Size: 8, Width: 2})
	z := normals(6*5, 1)
	want := run(t, m, Options{Threads: 1}, mode{}, z)
	packs := len(m.packs)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s, err := m.NewSession(Options{Batch: 1 + i, Threads: 1 + i%2})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			y := make([]float32, len(want))
			for range 3 {
				clear(y)
				if err := s.Run(y, z); err != nil {
					t.Error(err)
				} else if !equalBits(y, want) {
					t.Error("images differ")
				}
			}
		})
	}
	wg.Wait()
	if len(m.packs) != packs || packs == 0 {
		t.Errorf("%d packed weights became %d", packs, len(m.packs))
	}
}

// TestChanged: a session keeps the weights that it was made with; one made after Changed has the
// new ones.
func TestChanged(t *testing.T) {
	m, err := New("m", Flat(1), Dense{Units: 1, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	y := []float32{0}
	old, err := m.NewSession(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Params()[0].Data[0], m.Params()[1].Data[0] = 2, 1
	m.Changed()
	if err := old.Run(y, []float32{3}); err != nil || y[0] != 0 {
		t.Errorf("old session: %v, %v", y, err)
	}
	if y := run(t, m, Options{Threads: 1}, mode{}, []float32{3}); y[0] != 7 {
		t.Errorf("new session: %v", y)
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	m := Generator(Config{Latent: 5, Size: 8, Width: 2})
	for _, threads := range []int{1, 2} {
		s, err := m.NewSession(Options{Batch: 3, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 5} {
			z, y := normals(n*5, 1), make([]float32, n*64)
			if a := alloctest.PerRun(func() {
				if err := s.Run(y, z); err != nil {
					t.Fatal(err)
				}
			}); a != 0 {
				t.Errorf("%d threads, %d images: %d allocations a Run", threads, n, a)
			}
		}
		s.Close()
	}
}

func TestRunErrors(t *testing.T) {
	m := Generator(Config{Latent: 5, Size: 8, Width: 2})
	s, err := m.NewSession(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		dst, z int
		want   string
	}{
		{0, 0, "model: Run: wrong shape: no images"},
		{64, 6, "model: Run: wrong shape: input of 6 values, want a multiple of 5"},
		{64, 10, "model: Run: wrong shape: output of 64 values, want 128 for 2 images of 8x8x1"},
		{65, 5, "model: Run: wrong shape: output of 65 values, want 64 for 1 images of 8x8x1"},
	} {
		err := s.Run(make([]float32, c.dst), make([]float32, c.z))
		if !errors.Is(err, ErrShape) || err.Error() != c.want {
			t.Errorf("%d values from %d: %v, want %s", c.dst, c.z, err, c.want)
		}
	}
	if _, err := m.NewSession(Options{Batch: -1}); !errors.Is(err, ErrShape) {
		t.Errorf("batch of -1: %v", err)
	}
}

// TestCancel: a Run stops between operators, on either way to split it.
func TestCancel(t *testing.T) {
	m := Generator(Config{Latent: 5, Size: 8, Width: 2})
	for _, n := range []int{1, 8} {
		ctx, cancel := context.WithCancel(context.Background())
		ops := 0
		s, err := m.NewSession(Options{Threads: 2, Observe: func(int, string, time.Duration) {
			if ops++; ops == 2 {
				cancel()
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		y, z := make([]float32, n*64), normals(n*5, 1)
		if err := s.RunContext(ctx, y, z); !errors.Is(err, context.Canceled) {
			t.Errorf("%d images: %v", n, err)
		}
		if ops != 2 {
			t.Errorf("%d images: stopped after %d operators, want 2", n, ops)
		}
		if err := s.Run(y, z); err != nil {
			t.Errorf("%d images, afterwards: %v", n, err)
		}
		s.Close()
	}
}

// TestOps: activations, BatchNorm and reshaping are no operators of their own in the reference
// generator.
func TestOps(t *testing.T) {
	m := Generator(Config{})
	s, err := m.NewSession(Options{Batch: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	var exact, nominal int64
	for _, op := range s.Ops() {
		names = append(names, op.Name)
		exact, nominal = exact+op.MACs, nominal+op.Nominal
	}
	want := []string{
		"dense0+batchnorm+leakyrelu", "convtranspose2d4+batchnorm+leakyrelu", "convtranspose2d7+batchnorm+leakyrelu", "convtranspose2d10", "tanh11",
	}
	if !slices.Equal(names, want) {
		t.Errorf("operators %q, want %q", names, want)
	}
	if e, n := m.MACs(); exact != e || nominal != n {
		t.Errorf("%d of %d multiply-adds, want %d of %d", exact, nominal, e, n)
	}
}

// TestLatents: rows depend on seed and index only.
func TestLatents(t *testing.T) {
	all := make([]float32, 10*7)
	Latents(all, 7, 42, 0)
	for first := range 10 {
		some := make([]float32, 7*(10-first))
		Latents(some, 7, 42, first)
		if !equalBits(some, all[7*first:]) {
			t.Errorf("images from %d differ", first)
		}
	}
	other := make([]float32, 7)
	Latents(other, 7, 43, 0)
	if equalBits(other, all[:7]) || equalBits(all[:7], all[7:14]) {
		t.Error("latents repeat")
	}
	sum, sq := 0.0, 0.0
	many := make([]float32, 100*1000)
	Latents(many, 100, 1, 0)
	for _, v := range many {
		sum, sq = sum+float64(v), sq+float64(v)*float64(v)
	}
	if n := float64(len(many)); math.Abs(sum/n) > 0.015 || math.Abs(sq/n-1) > 0.02 {
		t.Errorf("mean %v, mean square %v", sum/n, sq/n)
	}
}

// BenchmarkGenerate runs the reference generator.
func BenchmarkGenerate(b *testing.B) {
	m := Generator(Config{})
	for _, k := range simd.Variants()[1:] {
		for _, n := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/batch=%d", k.Name, n), func(b *testing.B) {
				s, err := m.NewSession(Options{Batch: n, Threads: 1, Kernels: k})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				z, y := make([]float32, n*100), make([]float32, n*784)
				Latents(z, 100, 1, 0)
				for b.Loop() {
					if err := s.Run(y, z); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}

// TestHalf: a model whose weights fit half precision keeps its dense ones so, unasked, and draws
// the same bits for any batch and number of threads; asked to, any model does, with a small error.
func TestHalf(t *testing.T) {
	const n = 5
	m := Generator(Config{Latent: 20, Size: 12, Channels: 1, Width: 8, Seed: 7})
	for _, p := range m.Params() { // a BatchNorm that does something
		if strings.HasSuffix(p.Name, "moving_variance") || strings.HasSuffix(p.Name, "gamma") {
			for i := range p.Data {
				p.Data[i] = 1 + float32(i%7)/8
			}
		}
	}
	z := make([]float32, n*20)
	Latents(z, 20, 3, 0)
	run := func(o Options) (y []float32, halves int) {
		s, err := m.NewSession(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range s.program.steps {
			if c, ok := s.program.steps[i].Kernel.(*contraction); ok && c.halves != nil {
				halves++
			}
		}
		y = make([]float32, n*m.Output().Len())
		if err := s.Run(y, z); err != nil {
			t.Fatal(err)
		}
		return y, halves
	}
	for _, k := range simd.Variants() {
		plain, none := run(Options{Kernels: k, Strict: true})
		rounded, one := run(Options{Kernels: k, Strict: true, Half: true})
		if none != 0 || one != 1 {
			t.Fatalf("%s: %d and %d layers in half precision, want 0 and 1", k.Name, none, one)
		}
		if e := farthest(plain, rounded); e == 0 || e > 2e-3 {
			t.Errorf("%s: half precision moves pixels by %g", k.Name, e)
		}
	}
	w := m.Params()[0]
	for i, v := range w.Data {
		w.Data[i] = half.Widen(half.Narrow(v))
	}
	m.Changed()
	for _, k := range simd.Variants() {
		want, one := run(Options{Kernels: k, Strict: true})
		if one != 1 {
			t.Fatalf("%s: weights that fit are not kept in half precision", k.Name)
		}
		for _, o := range []Options{{Batch: 1, Threads: 1}, {Batch: 2, Threads: 3}, {Batch: 1, Threads: 8}, {Threads: 2, Half: true}} {
			o.Kernels, o.Strict = k, true
			if got, _ := run(o); !slices.Equal(got, want) {
				t.Errorf("%s: batch %d and %d threads give other bits", k.Name, o.Batch, o.Threads)
			}
		}
	}
}

func farthest(x, y []float32) (e float64) {
	for i := range x {
		e = max(e, math.Abs(float64(x[i]-y[i])))
	}
	return e
}
