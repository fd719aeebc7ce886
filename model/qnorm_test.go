package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// TestQNormDefinition holds the whole numbers of a QNorm to its formula in float64: bytes are those
// of the formula, or neighbors where that lies between two.
func TestQNormDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 400 {
		s := Shape{1 + r.IntN(9), 1 + r.IntN(9), 4 * (1 + r.IntN(4))}
		from := []string{"instancenorm", "groupnorm", "layernorm", "pixelnorm"}[i%4]
		o := QNorm{From: from, Epsilon: 1e-5, Shift: 12 + r.IntN(10), Slope: 1 - float32(i%3)/2, Output: anyParams(r)}
		if from == "groupnorm" {
			o.Groups = 4
		}
		in := Bytes(s, anyParams(r))
		x := make([]int8, s.Len())
		spread := 1 + r.IntN(128)
		for k := range x {
			x[k] = int8(max(-128, min(127, r.IntN(2*spread)-spread+k%s.C-2)))
		}
		p := o.Params([]Spec{in})
		gamma, beta := make([]float64, p[0].Len()), make([]float64, p[0].Len())
		for k := range gamma {
			p[0].Int32 = append(p[0].Int32, int32(float64(r.IntN(61)-30)*math.Ldexp(1, o.Shift)))
			p[1].Int32 = append(p[1].Int32, int32(float64(r.IntN(201)-100)*math.Ldexp(1, o.Shift)))
			gamma[k], beta[k] = math.Ldexp(float64(p[0].Int32[k]), -o.Shift), math.Ldexp(float64(p[1].Int32[k]), -o.Shift)
		}
		if err := o.check([]*Param{&p[0], &p[1]}); err != nil {
			continue // a shift too large for these
		}
		got := bytesOf{q: make([]int8, s.Len())}
		o.exact(&got, []*bytesOf{{q: x}}, []Spec{in}, []*Param{&p[0], &p[1]})

		z, want := make([]float64, len(x)), make([]float64, len(x))
		for k, b := range x {
			z[k] = float64(in.Type.Scale) * float64(int32(b)-in.Type.Zero)
		}
		floats := []Spec{Floats(s)}
		switch from {
		case "instancenorm":
			InstanceNorm{1e-5}.Reference(want, [][]float64{z}, [][]float64{gamma, beta}, floats)
		case "groupnorm":
			GroupNorm{4, 1e-5}.Reference(want, [][]float64{z}, [][]float64{gamma, beta}, floats)
		case "layernorm":
			LayerNorm{1e-5}.Reference(want, [][]float64{z}, [][]float64{gamma, beta}, floats)
		case "pixelnorm":
			PixelNorm{1e-5}.Reference(want, [][]float64{z}, nil, floats)
			for k := range want {
				want[k] = want[k]*gamma[k%s.C] + beta[k%s.C]
			}
		}
		for k, v := range want {
			if v < 0 {
				v *= float64(o.Slope)
			}
			v = math.Max(-128, math.Min(127, v+float64(o.Output.Zero)))
			if d := math.Abs(v - float64(got.q[k])); d > 0.502 {
				t.Fatalf("%d, %s of %v: %d is not the byte of %v", i, from, s, got.q[k], v)
			}
		}
	}
}

// TestQNormExtremes: the largest parameters with the most and the least of variances fit, and a
// constant makes the bias.
func TestQNormExtremes(t *testing.T) {
	for _, n := range []int{1, 2, 1023, maxNormed} {
		for _, epsilon := range []float64{1e-30, 1e-5, maxEpsilonShare} {
			for _, shift := range []int{1, 20, 62} {
				o := QNorm{From: "instancenorm", Epsilon: epsilon, Shift: shift, Slope: 1, Output: quant.Params{Scale: 1}}
				rule := o.rule([]Spec{Bytes(Shape{1, n, 1}, quant.Params{Scale: 1})})
				for _, sums := range []normSums{{}, {int64(n) * -128, int64(n) << 14}, {int64(n) * 127, int64(n) * 127 * 127}, {int64(n/2) * -1, int64(n) << 14}} {
					for _, weight := range []int32{-1 << affineBits, -1, 0, 1, 1 << affineBits} {
						for _, bias := range []int32{-1 << biasBits, 0, 5, 1 << biasBits} {
							st := rule.statistics(sums)
							w, b, drop := st.factors(weight, bias)
							for _, x := range []int64{-128, 0, 127} {
								if v := x*w + b; v > math.MaxInt32 || v < math.MinInt32 {
									t.Fatalf("n %d, epsilon %g, shift %d, %+v, weight %d, bias %d: the sum is %d", n, epsilon, shift, sums, weight, bias, v)
								}
							}
							if drop < 1 || drop > normShift {
								t.Fatalf("n %d, epsilon %g, shift %d, %+v, weight %d, bias %d: shift %d", n, epsilon, shift, sums, weight, bias, drop)
							}
						}
					}
				}
			}
		}
	}
}

// TestQNormRefuses: what a QNorm cannot be is an error.
func TestQNormRefuses(t *testing.T) {
	good := QNorm{From: "groupnorm", Groups: 2, Epsilon: 1e-5, Shift: 20, Slope: 1, Output: quant.Params{Scale: 1}}
	x := Bytes(Shape{2, 2, 4}, quant.Params{Scale: 1})
	if _, err := good.Infer([]Spec{x}); err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(o *QNorm, x *Spec){
		func(o *QNorm, _ *Spec) { o.Groups = 3 },
		func(o *QNorm, _ *Spec) { o.Groups = 0 },
		func(o *QNorm, _ *Spec) { o.Groups = -1 },
		func(o *QNorm, _ *Spec) { o.From = "layernorm" },
		func(o *QNorm, _ *Spec) { o.From, o.Groups = "batchnorm", 0 },
		func(o *QNorm, _ *Spec) { o.Epsilon = math.NaN() },
		func(o *QNorm, _ *Spec) { o.Epsilon = 0 },
		func(o *QNorm, _ *Spec) { o.Epsilon = 2 << 20 },
		func(o *QNorm, _ *Spec) { o.Shift = 0 },
		func(o *QNorm, _ *Spec) { o.Shift = 63 },
		func(o *QNorm, _ *Spec) { o.Slope = 1.5 },
		func(o *QNorm, _ *Spec) { o.Slope = float32(math.NaN()) },
		func(o *QNorm, _ *Spec) { o.Output.Scale = 0 },
		func(_ *QNorm, x *Spec) { x.Type.Zero = 200 },
		func(_ *QNorm, x *Spec) { x.Shape = Shape{2048, 2048, 4} },
		func(_ *QNorm, x *Spec) { *x = Floats(x.Shape) },
	} {
		o, x := good, x
		change(&o, &x)
		if _, err := o.Infer([]Spec{x}); err == nil {
			t.Errorf("change %d is no error", i)
		}
	}
}

// TestQNormDeadInput: an input that is always 0, whose steps are tiny, makes the bias.
func TestQNormDeadInput(t *testing.T) {
	m, err := New("m", Shape{H: 2, W: 2, C: 2}, Conv2D{Filters: 3, Kernel: [2]int{1, 1}}, InstanceNorm{}, ReLU{}, Conv2D{Filters: 1, Kernel: [2]int{1, 1}}, Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, GlorotUniform)
	for _, p := range m.Params() {
		if p.Name == "conv2d0.weight" {
			clear(p.Data)
		}
		for i := range p.Data {
			if p.Name == "instancenorm1.beta" {
				p.Data[i] = 0.5
			}
		}
	}
	m.Changed()
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float32, 4), make([]float32, 4)
	z := make([]float32, 8)
	s, err := m.NewSession(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(want, z); err != nil {
		t.Fatal(err)
	}
	if err := q.ExactFloats([][]float32{got}, z); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(want[i]-got[i])) > 0.02 {
			t.Errorf("pixel %d is %v, in floats %v", i, got[i], want[i])
		}
	}
}
