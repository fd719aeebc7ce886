package train

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// adamOf makes an optimiser of parameters and gradients with these lengths and
// random values.
func adamOf(k *simd.Kernels, workers int, lengths ...int) *adam {
	var params, grads []*model.Param
	for i, n := range lengths {
		p := &model.Param{Data: make([]float32, n), Shape: []int{n}}
		g := &model.Param{Data: make([]float32, n), Shape: []int{n}}
		rng.FillNormal(p.Data, rng.Key{1, uint32(i)}, 0)
		rng.FillNormal(g.Data, rng.Key{2, uint32(i)}, 0)
		params, grads = append(params, p), append(grads, g)
	}
	return newAdam(params, grads, k, workers)
}

var adamLengths = []int{1, 0, 15, 16, 17, 100, 1000}

func TestAdamAgainstFloat64(t *testing.T) {
	c := Default()
	c.LearningRate = 0.01
	for _, k := range simd.Variants() {
		p := pool.New(1)
		a := adamOf(k, 1, adamLengths...)
		w := adamOf(k, 1, adamLengths...).params // start values
		for i := range a.params {
			for j, start := range w[i].Data {
				x, m, v := float64(start), 0.0, 0.0
				g := float64(a.grads[i].Data[j])
				for s := 1.0; s <= 10; s++ {
					m = 0.9*m + 0.1*g
					v = 0.999*v + 0.001*g*g
					x -= 0.01 * math.Sqrt(1-math.Pow(0.999, s)) / (1 - math.Pow(0.9, s)) * m / (math.Sqrt(v) + 1e-7)
				}
				w[i].Data[j] = float32(x)
			}
		}
		for s := range 10 {
			a.update(p, c, uint64(s+1))
		}
		p.Close()
		for i := range a.params {
			for j, got := range a.params[i].Data {
				if want := w[i].Data[j]; math.Abs(float64(got-want)) > 2e-6 {
					t.Fatalf("%s: parameter %d, element %d: %g, want %g", k.Name, i, j, got, want)
				}
			}
		}
	}
}

func TestAdamIsTheSameForAnyThreads(t *testing.T) {
	for _, k := range simd.Variants() {
		var want *adam
		for threads := 1; threads <= 4; threads++ {
			p := pool.New(threads)
			a := adamOf(k, threads, adamLengths...)
			for s := range 3 {
				a.update(p, Default(), uint64(s+1))
			}
			p.Close()
			if want == nil {
				want = a
				continue
			}
			for i := range a.params {
				if !slices.Equal(a.params[i].Data, want.params[i].Data) || !slices.Equal(a.m[i], want.m[i]) || !slices.Equal(a.v[i], want.v[i]) {
					t.Errorf("%s: parameter %d with %d threads is not that with 1", k.Name, i, threads)
				}
			}
		}
	}
}

func TestAdamFindsWhatIsNotFinite(t *testing.T) {
	for _, k := range simd.Variants() {
		for _, threads := range []int{1, 3} {
			p := pool.New(threads)
			a := adamOf(k, threads, adamLengths...)
			if !a.finite(p) {
				t.Errorf("%s: normal gradients are not finite", k.Name)
			}
			for i := range a.grads {
				g := a.grads[i].Data
				for _, j := range []int{0, len(g) / 2, len(g) - 1} {
					if j < 0 || j >= len(g) {
						continue
					}
					for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
						good := g[j]
						g[j] = float32(x)
						if a.finite(p) {
							t.Errorf("%s, %d threads: %g in gradient %d at %d goes unseen", k.Name, threads, x, i, j)
						}
						g[j] = good
					}
				}
			}
			p.Close()
		}
	}
}
