package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// oracleBound is the error that a float32 result may have against PyTorch's float64 one, as a share
// of the tensor's largest value.
const oracleBound = 4e-6

// oracleLayers are the chains of testdata/oracle.py, by the names of its cases.
func oracleLayers() map[string][]model.Op {
	five, two := [2]int{5, 5}, [2]int{2, 2}
	norm, leaky := model.BatchNorm{}, model.LeakyReLU{Slope: 0.3}
	return map[string][]model.Op{
		"dense":         {model.Dense{Units: 9, Bias: true}},
		"dense_no_bias": {model.Dense{Units: 35}},
		"conv2d_same":   {model.Conv2D{Filters: 5, Kernel: five, Stride: two, Same: true, Bias: true}},
		"conv2d_explicit": {model.Conv2D{Filters: 6, Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Dilation: [2]int{2, 1}, Groups: 2,
			Pad: [4]int{2, 0, 1, 1}}},
		"convtranspose2d_same": {model.ConvTranspose2D{Filters: 3, Kernel: five, Stride: two, Same: true, Bias: true}},
		"convtranspose2d_explicit": {model.ConvTranspose2D{Filters: 6, Kernel: [2]int{3, 4}, Stride: [2]int{2, 3}, Dilation: [2]int{1, 2}, Groups: 2,
			Pad: [4]int{1, 0, 2, 1}, OutPad: [2]int{1, 2}}},
		"batchnorm_images":   {norm},
		"batchnorm_vector":   {norm},
		"batchnorm_momentum": {model.BatchNorm{Epsilon: 0.01, Momentum: 0.6}},
		"leakyrelu":          {leaky},
		"relu":               {model.ReLU{}},
		"tanh":               {model.Tanh{}},
		"sigmoid":            {model.Sigmoid{}},
		"dropout_images":     {model.Dropout{Rate: 0.3}},
		"dropout_vector":     {model.Dropout{Rate: 0.6}},
		"reshape":            {model.Reshape{H: 2, W: 3, C: 4}},
		"flatten":            {model.Flatten{}},
		"reshape_images":     {model.Reshape{H: 4, W: 2, C: 3}},
		"flatten_dense":      {model.Flatten{}, model.Dense{Units: 7, Bias: true}},
		"dense_norm_leaky_reshape_convt": {model.Dense{Units: 72}, norm, leaky, model.Reshape{H: 3, W: 3, C: 8},
			model.ConvTranspose2D{Filters: 4, Kernel: five, Same: true}},
		"convt_norm_leaky_convt_tanh": {model.ConvTranspose2D{Filters: 4, Kernel: five, Stride: two, Same: true}, norm, leaky,
			model.ConvTranspose2D{Filters: 1, Kernel: five, Stride: two, Same: true}, model.Tanh{}},
		"conv_norm_relu": {model.Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Same: true, Bias: true}, norm, model.ReLU{}},
		"conv_leaky_dropout_flatten_dense_sigmoid": {model.Conv2D{Filters: 4, Kernel: five, Stride: two, Same: true, Bias: true}, leaky,
			model.Dropout{Rate: 0.3}, model.Conv2D{Filters: 6, Kernel: five, Stride: two, Same: true, Bias: true}, leaky,
			model.Dropout{Rate: 0.3}, model.Flatten{}, model.Dense{Units: 1, Bias: true}, model.Sigmoid{}},
		"norm_first": {norm, leaky, model.Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Bias: true}, model.Tanh{}},
	}
}

// oracleCase is one entry of the file's "cases", with access to its tensors.
type oracleCase struct {
	Name              string
	N, H, W, C        int
	Params, Trainable []string
	Cancels           []string // of Trainable: gradients that are zero but for rounding

	file   *oracle.File
	layers []model.Op
}

func (c oracleCase) get(tensor string) []float32 { return c.file.Float32(c.Name + "." + tensor) }

// model builds the case's chain with its parameters.
func (c oracleCase) model(t *testing.T) *model.Model {
	m, err := model.New(c.Name, model.Shape{H: c.H, W: c.W, C: c.C}, c.layers...)
	if err != nil {
		t.Fatal(err)
	}
	fillParams(t, m, c.file, c.Name, c.Params, c.Trainable)
	return m
}

// fillParams sets m's parameters to a case's tensors, and fails unless they have its names and
// shapes.
func fillParams(t *testing.T, m *model.Model, file *oracle.File, name string, wantNames, wantTrainable []string) {
	t.Helper()
	var names, trainable []string
	for _, p := range m.Params() {
		names = append(names, p.Name)
		if p.Trainable {
			trainable = append(trainable, p.Name)
		}
		if want := file.Shape(name + "." + p.Name); !slices.Equal(p.Shape, want) {
			t.Fatalf("%s has the shape %v, want %v", p.Name, p.Shape, want)
		}
		copy(p.Data, file.Float32(name+"."+p.Name))
	}
	if !slices.Equal(names, wantNames) || !slices.Equal(trainable, wantTrainable) {
		t.Fatalf("parameters %v, of which %v have gradients; want %v and %v", names, trainable, wantNames, wantTrainable)
	}
	m.Changed()
}

func forEachOracle(t *testing.T, f func(t *testing.T, c oracleCase, k *simd.Kernels, seed, step uint64)) {
	file, err := oracle.Open("testdata/layers.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []oracleCase
	var seed, step uint64
	for name, v := range map[string]any{"cases": &cases, "seed": &seed, "step": &step} {
		if err := file.Meta(name, v); err != nil {
			t.Fatal(err)
		}
	}
	layers := oracleLayers()
	if len(cases) != len(layers) {
		t.Errorf("%d cases in the file, %d here", len(cases), len(layers))
	}
	for _, c := range cases {
		c.file, c.layers = file, layers[c.Name]
		for _, k := range simd.Variants() {
			t.Run(c.Name+"/"+k.Name, func(t *testing.T) { f(t, c, k, seed, step) })
		}
	}
}

func checkOracle(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if e := oracle.Error(got, want); !(e <= oracleBound) {
		t.Errorf("%s: error %.3g of the largest value, want at most %g", what, e, oracleBound)
	}
}

func TestOracleInference(t *testing.T) {
	forEachOracle(t, func(t *testing.T, c oracleCase, k *simd.Kernels, _, _ uint64) {
		m := c.model(t)
		want := c.get("inference")
		for _, batch := range []int{1, c.N - 1, c.N + 3} {
			s, err := m.NewSession(model.Options{Batch: batch, Threads: 1, Kernels: k})
			if err != nil {
				t.Fatal(err)
			}
			y := slices.Repeat([]float32{float32(math.NaN())}, len(want))
			err = s.Run(y, c.get("x"))
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			checkOracle(t, fmt.Sprintf("batch %d: y", batch), y, want)
		}
	})
}

func TestOracleTraining(t *testing.T) {
	forEachOracle(t, func(t *testing.T, c oracleCase, k *simd.Kernels, seed, step uint64) {
		m := c.model(t)
		p, err := m.NewPass(model.PassOptions{Batch: c.N, Threads: 1, Kernels: k, Seed: seed, InputGrad: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		in, x := p.Input()
		in.Import(x, c.get("x"))
		p.Forward(step)
		out, y := p.Output()
		checkOracle(t, "y", exported(out, y), c.get("y"))

		dy := make([]float32, out.Len())
		out.Import(dy, c.get("dy"))
		p.Backward(dy, nil, 0)
		at, dx := p.InputGrad()
		checkOracle(t, "dx", exported(at, dx), c.get("dx"))
		grads := p.Grads()
		for i, name := range c.Trainable {
			if slices.Contains(c.Cancels, name) {
				for _, v := range grads[i].Data {
					if !(math.Abs(float64(v)) <= 1e-5) {
						t.Errorf("d%s: %g, want 0 but for rounding", name, v)
					}
				}
				continue
			}
			checkOracle(t, "d"+name, grads[i].Data, c.get("d"+name))
		}
		for _, q := range m.Params() {
			if !q.Trainable {
				checkOracle(t, q.Name+" afterwards", q.Data, c.get(q.Name+".after"))
			}
		}
	})
}

func exported(m conv.Layout, buf []float32) []float32 {
	v := make([]float32, m.Positions()*m.N*m.C)
	m.Export(v, buf)
	return v
}
