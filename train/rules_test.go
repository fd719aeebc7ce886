package train

import (
	"math"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

func openOracle(t *testing.T, path string, meta map[string]any) *oracle.File {
	t.Helper()
	f, err := oracle.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range meta {
		if err := f.Meta(name, v); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// TestOracleOptimizers compares ten updates by each rule, and by clipped gradients, with PyTorch's.
func TestOracleOptimizers(t *testing.T) {
	var steps int
	var rate float64
	var norms []float64
	f := openOracle(t, "testdata/optimizers.oracle", map[string]any{"steps": &steps, "rate": &rate, "norms": &norms})
	first, grads := f.Float32("first"), f.Float32("grads")
	n := len(first)
	p := model.NewTeam(1)
	defer p.Close()
	run := func(k *simd.Kernels, name string, rule Optimizer, each func(u *updater, step int)) {
		w := &model.Param{Data: append([]float32(nil), first...), Shape: []int{n}}
		g := &model.Param{Data: make([]float32, n), Shape: []int{n}}
		u := newUpdater(rule, []*model.Param{w}, []*model.Param{g}, k, 1)
		for s := range steps {
			copy(g.Data, grads[s*n:][:n])
			each(u, s)
			u.update(p, rate)
		}
		if e := oracle.Error(w.Data, f.Float32(name)); !(e <= 1e-6) {
			t.Errorf("%s, %s: error %.3g of the largest value", k.Name, name, e)
		}
	}
	for _, k := range simd.Variants() {
		for name, rule := range rules {
			run(k, name, rule, func(*updater, int) {})
		}
		run(k, "clipped", SGD{}, func(u *updater, step int) {
			if got := u.clip(p, 2); math.Abs(got/norms[step]-1) > 1e-6 {
				t.Errorf("%s: the gradients' norm at step %d is %g, want %g", k.Name, step, got, norms[step])
			}
		})
	}
}

func TestOracleSchedules(t *testing.T) {
	var shares map[string][]float64
	openOracle(t, "testdata/optimizers.oracle", map[string]any{"shares": &shares})
	for name, s := range map[string]Schedule{
		"linear": {Kind: "linear", Decay: 8, Final: 0.1},
		"cosine": {Kind: "cosine", Decay: 8, Final: 0.1},
	} {
		for i, want := range shares[name] {
			if got := s.At(uint64(i + 1)); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s at step %d: %g, want %g", name, i+1, got, want)
			}
		}
		if got := s.At(1000); math.Abs(got-0.1) > 1e-15 {
			t.Errorf("%s ends at %g", name, got)
		}
		s.Warmup = 100
		if got, want := s.At(103), (Schedule{Kind: s.Kind, Decay: 8, Final: 0.1}).At(3); got != want {
			t.Errorf("%s after a warm-up: %g, want %g", name, got, want)
		}
	}
	warmup := Schedule{Kind: "constant", Warmup: 4}
	for i, want := range shares["warmup"] {
		if got := warmup.At(uint64(i + 1)); math.Abs(got-want) > 1e-12 {
			t.Errorf("warm-up at step %d: %g, want %g", i+1, got, want)
		}
	}
	if got := (Schedule{Kind: "constant"}).At(1); got != 1 {
		t.Errorf("no schedule: %g", got)
	}
}

func TestOracleLosses(t *testing.T) {
	var values map[string][2]float64
	f := openOracle(t, "testdata/losses.oracle", map[string]any{"values": &values})
	real, fake := f.Float32("real"), f.Float32("fake")
	if len(values) != len(allLosses()) {
		t.Errorf("the oracle has %d losses, want %d", len(values), len(allLosses()))
	}
	for name, loss := range allLosses() {
		dD, dG := make([]float32, 2*len(real)), make([]float32, len(real))
		g, d := loss(dD, dG, real, fake)
		for i, got := range []float64{g, d} {
			if want := values[name][i]; math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s: loss of %s is %g, want %g", name, "GD"[i:i+1], got, want)
			}
		}
		for tensor, got := range map[string][]float32{"dD": dD, "dG": dG} {
			if e := oracle.Error(got, f.Float32(name+"."+tensor)); !(e <= 1e-7) {
				t.Errorf("%s: %s is off by %.3g of the largest value", name, tensor, e)
			}
		}
	}
}
