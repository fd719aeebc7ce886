package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// bare is an operator without any rule.
type bare struct{ model.Elementwise }

func (bare) Kind() string { return "bare" }

// inference is an operator that can be computed, but not trained.
type inference struct{ ChannelScale }

func (inference) Kind() string   { return "inference" }
func (inference) LowerTraining() {} // of another signature: it hides ChannelScale's

// named fails the test unless an error wraps the sentinels and names the operator.
func named(t *testing.T, err error, kind string, sentinels ...error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), kind) {
		t.Errorf("the error does not name %s: %v", kind, err)
	}
	for _, s := range sentinels {
		if !errors.Is(err, s) {
			t.Errorf("%v is not: %v", err, s)
		}
	}
}

// after is a generator with o in its middle.
func after(t *testing.T, o model.Op) *model.Model {
	t.Helper()
	m, err := model.New("outside", model.Flat(4), model.Dense{Units: 4}, o, model.Dense{Units: 4}, model.Reshape{H: 2, W: 2, C: 1}, model.Tanh{})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	return m
}

// TestMissingRules: what needs a rule that an operator lacks is an error that names the operator.
func TestMissingRules(t *testing.T) {
	_, err := after(t, bare{}).NewSession(model.Options{})
	named(t, err, "layer 1 (bare)", model.ErrRule)

	for _, o := range []model.Op{bare{}, inference{}} {
		_, err = after(t, o).NewPass(model.PassOptions{Batch: 2})
		named(t, err, "layer 1 ("+o.Kind()+")", model.ErrRule)
	}
	s, err := after(t, inference{}).NewSession(model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	for _, o := range []model.Op{Softsign{}, ChannelScale{}} {
		_, err = after(t, o).NewPass(model.PassOptions{Batch: 2, Tangents: true})
		named(t, err, "layer 1 ("+o.Kind()+")", model.ErrRule)
	}
	_, _, err = after(t, ChannelScale{}).Quantize(context.Background(), quant.Options{Images: 32})
	named(t, err, "layer 1 (channelscale)", quant.ErrModel, model.ErrRule)

	var b bytes.Buffer
	if err := after(t, bare{}).Encode(&b, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = model.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	named(t, err, `unknown kind "bare"`, model.ErrFormat)
}

// double is y = 2x, which is linear: it has a tangent.
type double struct{ model.Elementwise }

func (double) Kind() string { return "double" }

func (double) Reference(y []float64, x, _ [][]float64, _ []model.Spec) {
	for i, v := range x[0] {
		y[i] = 2 * v
	}
}

func (double) LowerTraining(*model.Lowering) (model.TrainKernel, error) { return doubling{}, nil }

type doubling struct{}

func (doubling) Forward(_ *model.Worker, y model.Tensor, x []model.Tensor, s model.Share) {
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		for n := s.N0; n < s.N1; n++ {
			dst := y.At(p, n)
			for c, v := range x[0].At(p, n) {
				dst[c] = 2 * v
			}
		}
	}
}

func (k doubling) Backward(w *model.Worker, dx []model.Tensor, dy model.Tensor, _ []model.Tensor, _ model.Tensor, s model.Share) {
	if dx[0].F != nil {
		k.Forward(w, dx[0], []model.Tensor{dy}, s)
	}
}

func (k doubling) Tangent(w *model.Worker, ty model.Tensor, tx []model.Tensor, _ []model.Tensor, _ model.Tensor, s model.Share) {
	k.Forward(w, ty, tx, s)
}

// TestTangent: an operator with a tangent takes part in a gradient penalty. Of a linear network D,
// <v, dD/dx> is D(v), so that the parameters' gradients of both are the same.
func TestTangent(t *testing.T) {
	m, err := model.New("linear", model.Flat(4), model.Dense{Units: 3}, double{}, model.Dense{Units: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	p, err := m.NewPass(model.PassOptions{Batch: images, Tangents: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Forward(1)
	out, _ := p.Output()
	p.InputBackward(slices.Repeat([]float32{1}, out.Len()))
	v := make([]float32, images*m.Input().Len())
	normals(v, 3)
	l, _ := p.InputGrad()
	tangent := make([]float32, l.Len())
	l.Import(tangent, v)
	p.TangentGrad(tangent)

	params := widened(m)
	loss := func() (sum float64) {
		for i := range images {
			sum += evaluate(m, params, widen(v[4*i:][:4]))[0]
		}
		return sum
	}
	for _, g := range p.Grads() {
		for i, d := range g.Data {
			near(t, fmt.Sprintf("gradient %d of %s", i, g.Name), float64(d), difference(loss, &params[g.Name][i]), 1e-5)
		}
	}
}

// TestWrongInputs: a node whose inputs an operator does not take is an error that names both.
func TestWrongInputs(t *testing.T) {
	g := &model.Graph{}
	g.Class("class", 3)
	g.Add(ChannelScale{})
	_, err := model.FromGraph("outside", g)
	named(t, err, "layer 0 (channelscale)", model.ErrLayer, model.ErrShape)
}
