package conv

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
)

// problem is random data for a geometry, in plain (N, H, W, C) order, with the
// results of the direct loops.
type problem struct {
	g             Geometry
	n, outH, outW int
	x, w, dy      []float32
	y, dx, dw     []float32 // rounded from float64
}

func newProblem(g Geometry, n int, seed uint64) *problem {
	h, w, err := g.Out()
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	uniform := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = rng.Float32()*2 - 1
		}
		return v
	}
	p := &problem{g: g, n: n, outH: h, outW: w}
	p.x, p.w, p.dy = uniform(n*g.InH*g.InW*g.InC), uniform(g.WeightLen()), uniform(n*h*w*g.OutC)
	y, dx, dw := make([]float64, len(p.dy)), make([]float64, len(p.x)), make([]float64, len(p.w))
	DirectForward(g, y, p.x, p.w, n)
	DirectInputGrad(g, dx, p.dy, p.w, n)
	DirectWeightGrad(g, dw, p.x, p.dy, n)
	p.y, p.dx, p.dw = narrow(y), narrow(dx), narrow(dw)
	return p
}

func narrow(v []float64) []float32 {
	r := make([]float32, len(v))
	for i, x := range v {
		r[i] = float32(x)
	}
	return r
}

func checkClose(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if e := oracle.Error(got, want); !(e <= 2e-6) {
		t.Errorf("%s: error %.2g of the largest value, want at most 2e-6", what, e)
	}
}

func TestReferenceAgainstDirect(t *testing.T) {
	for _, f := range families() {
		p := newProblem(f.g, 2, 3)
		y, dx, dw := nans(len(p.y)), nans(len(p.dx)), nans(len(p.dw))
		ReferenceForward(f.g, y, p.x, p.w, p.n)
		ReferenceInputGrad(f.g, dx, p.dy, p.w, p.n)
		ReferenceWeightGrad(f.g, dw, p.x, p.dy, p.n)
		checkClose(t, f.name+": y", y, p.y)
		checkClose(t, f.name+": dx", dx, p.dx)
		checkClose(t, f.name+": dw", dw, p.dw)
	}
}

func nans(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	return v
}

// The direct loops are linear in x and in w, so their gradients are exact
// difference quotients.
func TestDirectFiniteDifferences(t *testing.T) {
	for _, g := range []Geometry{
		Same(5, 4, 2, 3, 3, 2, false), Same(3, 3, 2, 3, 5, 2, true), Dense(2, 1, 3, 1, 2, 2),
		with(Same(4, 4, 4, 2, 3, 1, true), func(g *Geometry) { g.Groups = 2 }),
	} {
		p := newProblem(g, 2, 4)
		loss := func() float64 {
			y, s := make([]float64, len(p.y)), 0.0
			DirectForward(g, y, p.x, p.w, p.n)
			for i, v := range y {
				s += v * float64(p.dy[i])
			}
			return s
		}
		check := func(what string, v, grad []float32) {
			for i := 0; i < len(v); i += 1 + len(v)/7 {
				old := v[i]
				v[i] = old + 0.5
				up := loss()
				v[i] = old - 0.5
				down := loss()
				v[i] = old
				if d := up - down; math.Abs(d-float64(grad[i])) > 1e-5 {
					t.Errorf("%+v: d%s[%d] = %v, the loss changes by %v", g, what, i, grad[i], d)
				}
			}
		}
		check("x", p.x, p.dx)
		check("w", p.w, p.dw)
	}
}
