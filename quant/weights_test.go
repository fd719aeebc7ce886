package quant

import (
	"errors"
	"math"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
)

func numbers(n int, seed uint64) []float32 {
	x := make([]float32, n)
	rng.FillNormal(x, rng.NewKey(seed, rng.Sample), 0)
	return x
}

func TestWeights(t *testing.T) {
	const rows, columns = 40, 7
	w := numbers(rows*columns, 1)
	for i := range w {
		w[i] *= float32(i%columns) * 10 // column 0 is zero
	}
	q, err := QuantizeWeights(w, columns, 8)
	if err != nil {
		t.Fatal(err)
	}
	most := make([]int8, columns)
	for i, v := range q.Floats() {
		c := i % columns
		if d := math.Abs(float64(v - w[i])); d > 0.51*float64(q.Scale[c]) {
			t.Errorf("weight %g becomes %g, steps of %g", w[i], v, q.Scale[c])
		}
		most[c] = max(most[c], q.Q[i], -q.Q[i])
	}
	for c, m := range most {
		if want := int8(127); c > 0 && m != want || c == 0 && m != 0 {
			t.Errorf("column %d reaches %d", c, m)
		}
	}
	w[8] = float32(math.NaN())
	if _, err := QuantizeWeights(w, columns, 8); !errors.Is(err, ErrRange) {
		t.Errorf("NaN: error %v", err)
	}
}

// TestWholeMultiples: weights that other programs have quantized keep their bytes, also where no
// column reaches 127.
func TestWholeMultiples(t *testing.T) {
	const rows, columns, scale = 30, 3, 0.0123
	w := make([]float32, rows*columns)
	for i := range w {
		w[i] = float32(scale * float32(i*37%(2*[]int{127, 94, 61}[i%columns]+1)-[]int{127, 94, 61}[i%columns]))
	}
	w[1], w[2] = -scale*94, scale*61
	q, err := QuantizeWeights(w, columns, 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range q.Floats() {
		if d := math.Abs(float64(v - w[i])); d > 1e-6 {
			t.Errorf("weight %d, %g, becomes %g", i, w[i], v)
		}
	}
}

// TestBias: a bias beside vanishing weights still fits, one that cannot is an error.
func TestBias(t *testing.T) {
	w, b := []float32{0, 1, 1e-20, 2}, []float32{5, -0.25} // (2, 2)
	q, err := QuantizeWeights(w, 2, 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Bias(b, 0.1, q.Scale); !errors.Is(err, ErrRange) {
		t.Errorf("a bias beside no weights: error %v", err)
	}
	q.Fit(w, b, 0.1)
	bias, err := Bias(b, 0.1, q.Scale)
	if err != nil {
		t.Fatal(err)
	}
	for c, v := range bias {
		if got := float64(v) * 0.1 * float64(q.Scale[c]); math.Abs(got-float64(b[c])) > 1e-3 {
			t.Errorf("bias %g becomes %g", b[c], got)
		}
	}
	if err := CheckSums(q.Q, bias); err != nil {
		t.Error(err)
	}
	large := make([]int8, 70000)
	for i := range large {
		large[i] = -127
	}
	if err := CheckSums(large, make([]int32, 1)); !errors.Is(err, ErrRange) {
		t.Errorf("sums beyond int32: error %v", err)
	}
	if m := Multipliers(0.5, []float32{2, 4}, 0.25); m[0] != 4 || m[1] != 8 {
		t.Errorf("multipliers %v, want [4 8]", m)
	}
}

// TestObservers: on a long-tailed tensor, least squared error is what its observer reaches, and
// every range holds 0.
func TestObservers(t *testing.T) {
	x := numbers(20000, 3)
	for i, v := range x {
		if x[i] = v * v * v; v < 0 {
			x[i] *= 0.3
		}
	}
	h := &Histogram{}
	h.Widen(x)
	h.Add(x)
	errs := map[string]float64{}
	for _, o := range Observers() {
		lo, hi := o.Range(h)
		if lo > 0 || hi < 0 || lo < h.Lo || hi > h.Hi || hi <= lo {
			t.Errorf("%s: range [%g, %g] of [%g, %g]", o.Name, lo, hi, h.Lo, h.Hi)
		}
		y := append([]float32(nil), x...)
		Range(lo, hi).Round(y)
		for i := range x {
			errs[o.Name] += float64(y[i]-x[i]) * float64(y[i]-x[i])
		}
	}
	if len(errs) < 4 {
		t.Fatalf("only %d observers", len(errs))
	}
	for name, e := range errs {
		if e < 0.98*errs["squared error"] {
			t.Errorf("%s leaves a squared error of %g, the observer that minimizes it %g", name, e, errs["squared error"])
		}
	}
	if errs["squared error"] >= errs["min-max"] {
		t.Errorf("squared error %g, min-max %g: a long tail should be clipped", errs["squared error"], errs["min-max"])
	}
}

func TestEmptyHistogram(t *testing.T) {
	for _, x := range [][]float32{nil, {0, 0, 0}, {float32(math.NaN())}} {
		h := &Histogram{}
		h.Widen(x)
		h.Add(x)
		for _, o := range Observers() {
			if lo, hi := o.Range(h); lo != 0 || hi != 0 {
				t.Errorf("%s of %v: [%g, %g]", o.Name, x, lo, hi)
			}
		}
	}
}
