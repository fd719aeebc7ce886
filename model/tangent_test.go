package model_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// TestTangents holds the parameters' gradients of R1 and of WGAN-GP, by tangents, to those of
// PyTorch's double backward.
func TestTangents(t *testing.T) {
	cases := slices.DeleteFunc(operatorCases(t), func(c *operatorCase) bool { return !c.Penalty })
	if len(cases) < 3 {
		t.Fatalf("%d cases of penalties", len(cases))
	}
	for _, c := range cases {
		for _, k := range simd.Variants() {
			t.Run(c.Name+"/"+k.Name, func(t *testing.T) { checkPenalty(t, c, k) })
		}
	}
}

func checkPenalty(t *testing.T, c *operatorCase, k *simd.Kernels) {
	m := c.build(t)
	var first []*model.Param
	for threads := 1; threads <= 3; threads += 2 {
		p, err := m.NewPass(model.PassOptions{Batch: c.N, Threads: threads, Kernels: k, Tangents: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		c.load(m, p)
		p.Forward(1)
		out, _ := p.Output()
		p.InputBackward(slices.Repeat([]float32{1}, out.Len()))
		l, g := p.InputGrad()
		checkOracle(t, "gradx", exported(l, g), c.get("gradx"))

		// R1 = mean |g|², so its gradient by g is 2g/N; that of the mean of (|g|-1)² is
		// 2(|g|-1)/|g| g/N.
		n := float32(c.N)
		v := make([]float32, l.Len())
		for _, penalty := range []string{"r1", "gp"} {
			for i := range c.N {
				norm := 0.0
				each(l.Positions(), l.C, func(p, ch int) {
					d := float64(g[p*l.Stride+i*l.Row+ch])
					norm += d * d
				})
				factor := 2 / n
				if norm = math.Sqrt(norm); penalty == "gp" {
					factor *= float32((norm - 1) / norm)
				}
				each(l.Positions(), l.C, func(p, ch int) { v[p*l.Stride+i*l.Row+ch] = factor * g[p*l.Stride+i*l.Row+ch] })
			}
			p.TangentGrad(v)
			for i, q := range p.Grads() {
				checkOracle(t, penalty+" d"+q.Name, q.Data, c.get(penalty+".d"+q.Name))
				if penalty == "gp" && threads > 1 && !slices.Equal(q.Data, first[i].Data) {
					t.Errorf("%s: %d threads give other bits", q.Name, threads)
				}
			}
		}
		first = nil
		for _, q := range p.Grads() {
			first = append(first, &model.Param{Data: slices.Clone(q.Data)})
		}
	}
}

// each calls f for every position and channel.
func each(positions, channels int, f func(p, c int)) {
	for p := range positions {
		for c := range channels {
			f(p, c)
		}
	}
}

// TestTangentRefuses: values that do not depend on the input and whose gradients would be
// incomplete.
func TestTangentRefuses(t *testing.T) {
	for name, build := range map[string]func(g *model.Graph, x, e *model.Value){
		"made of another": func(g *model.Graph, x, e *model.Value) { g.Add(model.Mul{}, x, g.Add(model.LeakyReLU{Slope: 0.2}, e)) },
		"multiplied twice": func(g *model.Graph, x, e *model.Value) {
			g.Add(model.Add{}, g.Add(model.Mul{}, x, e), g.Add(model.Mul{}, g.Add(model.LeakyReLU{Slope: 0.2}, x), e))
		},
	} {
		g := &model.Graph{}
		x := g.Input("x", model.Flat(3))
		build(g, x, g.Add(model.Embedding{Dim: 3}, g.Class("class", 2)))
		m, err := model.FromGraph(name, g)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.NewPass(model.PassOptions{Batch: 2, Tangents: true}); !errors.Is(err, model.ErrRule) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
