package model_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// TestSimulate: quantizing what Simulate makes gives the int8 model that quantizing gives, and with
// rounded weights it computes in floats what that does in bytes.
func TestSimulate(t *testing.T) {
	o := quant.Options{Images: 32}
	nets := netsOf
	if testing.Short() {
		nets = nets[:2]
	}
	for _, net := range nets {
		m := floatNet(t, net.name, net.build)
		f, report, err := m.Simulate(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", net.name, err)
		}
		want, wantReport, err := m.Quantize(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(report.Layers, wantReport.Layers) {
			t.Errorf("%s: report %+v, want %+v", net.name, report.Layers, wantReport.Layers)
		}
		got, _, err := f.Quantize(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", net.name, err)
		}
		in := feedOf(m, 10)
		y, pix := outputs(t, want, in, 5, model.Options{Threads: 1})
		z, same := outputs(t, got, in, 5, model.Options{Threads: 1})
		if !slices.Equal(pix, same) || !slices.EqualFunc(y, z, slices.Equal) {
			t.Errorf("%s: the simulation, quantized, draws other images", net.name)
		}
		rounded := twin(t, f)
		if err := f.RoundWeights(rounded, 8); err != nil {
			t.Fatal(err)
		}
		_, near := outputs(t, rounded, in, 5, model.Options{Threads: 1})
		_, exact := outputs(t, m, in, 5, model.Options{Threads: 1})
		if is, was := gap(pix, near), gap(pix, exact); is > 0.3*was {
			t.Errorf("%s: the simulation's pixels are %g from those of the bytes, the model's in floats %g", net.name, is, was)
		}
	}
}

// twin returns a copy of m with parameters of its own.
func twin(t *testing.T, m *model.Model) *model.Model {
	t.Helper()
	var file bytes.Buffer
	if err := m.Encode(&file, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// gap is the mean squared distance of pixels.
func gap(a, b []uint8) (sum float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}

// TestSimulateFile: of a conditional generator even the files are the same.
func TestSimulateFile(t *testing.T) {
	o := quant.Options{Images: 32}
	m := floatNet(t, "conditional", conditionalNet)
	f, _, err := m.Simulate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var files [2]bytes.Buffer
	for i, m := range []*model.Model{m, f} {
		q, _, err := m.Quantize(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Encode(&files[i], model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("the simulation's int8 file is another one")
	}
}

func TestSimulateRefuses(t *testing.T) {
	m, err := model.New("m", model.Flat(4), model.Dense{Units: 3}, model.Softmax{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Simulate(t.Context(), quant.Options{Images: 32}); !errors.Is(err, quant.ErrModel) || !strings.Contains(err.Error(), "layer 1 (softmax)") {
		t.Errorf("a softmax: %v", err)
	}
	f, _, err := floatNet(t, "conditional", conditionalNet).Simulate(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	to := twin(t, f)
	for _, p := range f.Params() {
		if strings.HasPrefix(p.Name, "dense") && strings.HasSuffix(p.Name, ".weight") {
			p.Data[5] = float32(math.Inf(1))
		}
	}
	if err := f.RoundWeights(to, 8); !errors.Is(err, quant.ErrRange) || !strings.Contains(err.Error(), "(dense)") {
		t.Errorf("an infinite weight: %v", err)
	}
}

// TestStraightThrough: a gradient passes a FakeQuantize where the value is within the range of the
// bytes.
func TestStraightThrough(t *testing.T) {
	o := model.FakeQuantize{Steps: quant.Params{Scale: 0.5, Zero: -100}} // from -14 to 113.5
	m, err := model.New("m", model.Flat(8), o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.NewPass(model.PassOptions{Batch: 1, Threads: 1, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, x := p.Input()
	copy(x, []float32{-14.3, -14.2, 0.2, 0.3, 113.7, 113.8, -1e30, float32(math.NaN())})
	p.Forward(1)
	_, y := p.Output()
	if want := []float32{-14, -14, 0, 0.5, 113.5, 113.5, -14, -14}; !slices.Equal(y[:8], want) {
		t.Errorf("rounded to %v, want %v", y[:8], want)
	}
	dy := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	p.Backward(dy, nil, 0)
	_, dx := p.InputGrad()
	if want := []float32{0, 2, 3, 4, 5, 0, 0, 0}; !slices.Equal(dx[:8], want) {
		t.Errorf("gradient %v, want %v", dx[:8], want)
	}
}

// TestFolded: the folded model computes what the model does, and in training too.
func TestFolded(t *testing.T) {
	m := floatNet(t, "conditional", conditionalNet)
	f, err := m.Folded()
	if err != nil {
		t.Fatal(err)
	}
	if f.BatchDependent() {
		t.Error("a BatchNorm is left")
	}
	in := feedOf(m, 6)
	want, _ := outputs(t, m, in, 6, model.Options{Threads: 1, Strict: true})
	p, err := f.NewPass(model.PassOptions{Batch: 6, Threads: 1, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l, z := p.Input()
	l.Import(z, in.in[0].Floats)
	copy(p.Classes(1), in.in[1].Classes)
	p.Forward(1)
	out, y := p.Output()
	got := make([]float32, len(want[0]))
	out.Export(got, y)
	for i, v := range want[0] {
		if math.Abs(float64(v-got[i])) > 1e-5 {
			t.Fatalf("value %d is %v, want %v", i, got[i], v)
		}
	}
}
