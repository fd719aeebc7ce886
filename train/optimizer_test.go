package train

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// updaterOf makes an updater of parameters and gradients with these lengths and
// random values.
func updaterOf(rule Optimizer, k *simd.Kernels, workers int, lengths ...int) *updater {
	var params, grads []*model.Param
	for i, n := range lengths {
		p := &model.Param{Data: make([]float32, n), Shape: []int{n}}
		g := &model.Param{Data: make([]float32, n), Shape: []int{n}}
		rng.FillNormal(p.Data, rng.Key{1, uint32(i)}, 0)
		rng.FillNormal(g.Data, rng.Key{2, uint32(i)}, 0)
		params, grads = append(params, p), append(grads, g)
	}
	return newUpdater(rule, params, grads, k, workers)
}

var updateLengths = []int{1, 0, 15, 16, 17, 100, 1000}

func TestAdamAgainstFloat64(t *testing.T) {
	rule := Adam{0.9, 0.999, 1e-7}
	for _, k := range simd.Variants() {
		p := model.NewTeam(1)
		a := updaterOf(rule, k, 1, updateLengths...)
		w := updaterOf(rule, k, 1, updateLengths...).params // start values
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
		for range 10 {
			a.update(p, 0.01)
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

// rules are all optimizers, by the names that optimizers.oracle has for them.
var rules = map[string]Optimizer{
	"adam":     Adam{0.8, 0.99, 1e-4},
	"adamw":    AdamW{0.8, 0.99, 1e-4, 0.3},
	"rmsprop":  RMSprop{0.95, 1e-4},
	"sgd":      SGD{},
	"momentum": SGD{Momentum: 0.9},
	"nesterov": SGD{Momentum: 0.9, Nesterov: true},
}

func TestOptimizersAreTheSameForAnyThreads(t *testing.T) {
	for name, rule := range rules {
		for _, k := range simd.Variants() {
			var want *updater
			for threads := 1; threads <= 4; threads++ {
				p := model.NewTeam(threads)
				u := updaterOf(rule, k, threads, updateLengths...)
				for range 3 {
					u.clip(p, 20)
					u.update(p, 0.01)
				}
				p.Close()
				if want == nil {
					want = u
					continue
				}
				for i := range u.params {
					same := slices.Equal(u.params[i].Data, want.params[i].Data)
					for j := range u.state[i] {
						same = same && slices.Equal(u.state[i][j], want.state[i][j])
					}
					if !same {
						t.Errorf("%s, %s: parameter %d with %d threads is not that with 1", name, k.Name, i, threads)
					}
				}
			}
		}
	}
}

func TestUpdaterFindsWhatIsNotFinite(t *testing.T) {
	for _, k := range simd.Variants() {
		for _, threads := range []int{1, 3} {
			p := model.NewTeam(threads)
			a := updaterOf(SGD{}, k, threads, updateLengths...)
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
