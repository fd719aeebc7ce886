package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// operatorCase is one entry of the file's "cases", see testdata/operators.py.
type operatorCase struct {
	Name              string
	N                 int
	Graph             json.RawMessage
	Params, Trainable []string
	Cancels           []string // of Trainable: gradients that are zero but for rounding
	Penalty           bool

	file       *oracle.File
	seed, step uint64
}

func (c *operatorCase) get(tensor string) []float32 { return c.file.Float32(c.Name + "." + tensor) }

// kinds marks the kinds of the case's operators.
func (c *operatorCase) kinds(t *testing.T, seen map[string]bool) {
	var d struct{ Layers []struct{ Kind string } }
	if err := json.Unmarshal(c.Graph, &d); err != nil {
		t.Fatal(err)
	}
	for _, l := range d.Layers {
		seen[l.Kind] = true
	}
}

func operatorCases(t *testing.T) []*operatorCase {
	file, err := oracle.Open("testdata/operators.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []*operatorCase
	var seed, step uint64
	for name, v := range map[string]any{"cases": &cases, "seed": &seed, "step": &step} {
		if err := file.Meta(name, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range cases {
		c.file, c.seed, c.step = file, seed, step
	}
	return cases
}

// TestOperatorOracle compares every operator, and graphs of them, with PyTorch in float64.
func TestOperatorOracle(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range operatorCases(t) {
		c.kinds(t, seen)
		for _, k := range simd.Variants() {
			t.Run(c.Name+"/"+k.Name, func(t *testing.T) {
				c.inference(t, k)
				c.training(t, k)
			})
		}
	}
	for _, kind := range model.Kinds() {
		if int8 := strings.HasPrefix(kind, "q"); !int8 && !seen[kind] { // those of int8 have Model.Exact
			t.Errorf("no case has the operator %q", kind)
		}
	}
}

// build returns the case's model with its parameters.
func (c *operatorCase) build(t *testing.T) *model.Model {
	m, err := model.Build(c.Graph)
	if err != nil {
		t.Fatal(err)
	}
	fillParams(t, m, c.file, c.Name, c.Params, c.Trainable)
	return m
}

// classes returns the values of a class input.
func (c *operatorCase) classes(input string) []int32 {
	var list []int32
	for _, v := range c.file.Uint32(c.Name + ".in." + input) {
		list = append(list, int32(v))
	}
	return list
}

func (c *operatorCase) inference(t *testing.T, k *simd.Kernels) {
	m := c.build(t)
	want := c.get("inference")
	for _, o := range []model.Options{{Batch: 1, Threads: 1}, {Batch: c.N + 3, Threads: 1}, {Threads: c.N + 1}} {
		o.Kernels = k
		s, err := m.NewSession(o)
		if err != nil {
			t.Fatal(err)
		}
		y := slices.Repeat([]float32{float32(math.NaN())}, len(want))
		f := model.Feed{Out: []model.Data{{Floats: y}}}
		for _, in := range m.Inputs() {
			if in.Type.Kind == model.Class {
				f.In = append(f.In, model.Data{Classes: c.classes(in.Name)})
			} else {
				f.In = append(f.In, model.Data{Floats: c.get("in." + in.Name)})
			}
		}
		err = s.RunFeed(context.Background(), f)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		checkOracle(t, fmt.Sprintf("batch %d, %d threads: y", o.Batch, o.Threads), y, want)
	}
}

// load brings the case's inputs into a pass.
func (c *operatorCase) load(m *model.Model, p *model.Pass) {
	for i, in := range m.Inputs() {
		if in.Type.Kind == model.Class {
			copy(p.Classes(i), c.classes(in.Name))
			continue
		}
		at, x := p.InputAt(i)
		at.Import(x, c.get("in."+in.Name))
	}
}

func (c *operatorCase) training(t *testing.T, k *simd.Kernels) {
	m := c.build(t)
	first := m.Inputs()[0]
	floats := first.Type.Kind == model.Float32
	p, err := m.NewPass(model.PassOptions{Batch: c.N, Threads: 2, Kernels: k, Seed: c.seed, InputGrad: floats})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c.load(m, p)
	p.Forward(c.step)
	out, y := p.Output()
	checkOracle(t, "y", exported(out, y), c.get("y"))
	for _, q := range m.Params() {
		if !q.Trainable {
			checkOracle(t, q.Name+" afterwards", q.Data, c.get(q.Name+".after"))
		}
	}

	if c.Penalty { // the gradient of the sum of all outputs
		p.BackwardAll([][]float32{imported(out, slices.Repeat([]float32{1}, c.N))}, nil, 0)
		at, dx := p.InputGrad()
		checkOracle(t, "gradx", exported(at, dx), c.get("gradx"))
	}
	p.BackwardAll([][]float32{imported(out, c.get("dy"))}, nil, 0)
	if floats {
		at, dx := p.InputGrad()
		checkOracle(t, "d."+first.Name, exported(at, dx), c.get("d."+first.Name))
	}
	c.checkGrads(t, p.Grads())
}

func (c *operatorCase) checkGrads(t *testing.T, grads []*model.Param) {
	for i, name := range c.Trainable {
		if !slices.Contains(c.Cancels, name) {
			checkOracle(t, "d"+name, grads[i].Data, c.get("d"+name))
			continue
		}
		for _, v := range grads[i].Data {
			if !(math.Abs(float64(v)) <= 1e-5) {
				t.Errorf("d%s: %g, want 0 but for rounding", name, v)
			}
		}
	}
}

func imported(m conv.Layout, x []float32) []float32 {
	buf := make([]float32, m.Len())
	m.Import(buf, x)
	return buf
}
