package operator

import (
	"bytes"
	"context"
	"errors"
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

// TestWrongInputs: a node whose inputs an operator does not take is an error that names both.
func TestWrongInputs(t *testing.T) {
	g := &model.Graph{}
	g.Class("class", 3)
	g.Add(ChannelScale{})
	_, err := model.FromGraph("outside", g)
	named(t, err, "layer 0 (channelscale)", model.ErrLayer, model.ErrShape)
}
