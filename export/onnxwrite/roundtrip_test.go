package onnxwrite_test

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/quant"
)

func written(t *testing.T, m *model.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := onnxwrite.Write(&b, m, onnxwrite.Options{Version: "test"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// outputs are what two models make of the same images.
func outputs(t *testing.T, a, b *model.Model, images int) (ofA, ofB [][]float32) {
	t.Helper()
	in := nets.Feed(a, images)
	ofA, err := nets.Run(a, in, images)
	if err != nil {
		t.Fatal(err)
	}
	if ofB, err = nets.Run(b, in, images); err != nil {
		t.Fatal(err)
	}
	return ofA, ofB
}

// TestRoundTrip: a network that is written and read again gives the same bits, has the same inputs
// and outputs, and any batch.
func TestRoundTrip(t *testing.T) {
	kinds := map[string]bool{}
	for _, n := range nets.All() {
		t.Run(n.Name, func(t *testing.T) {
			m, err := n.Model()
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range m.Layers() {
				kinds[l.Op.Kind()] = true
			}
			back, err := onnx.Read(written(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(back.Inputs(), m.Inputs()) {
				t.Errorf("inputs %v, were %v", back.Inputs(), m.Inputs())
			}
			if !slices.Equal(back.ClassNames, m.ClassNames) {
				t.Errorf("classes %q, were %q", back.ClassNames, m.ClassNames)
			}
			for i, p := range back.Outputs() {
				if was := m.Outputs()[i]; p.Spec != was.Spec {
					t.Errorf("output %d is %v, was %v", i, p.Spec, was.Spec)
				}
			}
			want, got := outputs(t, m, back, 3)
			for i := range want {
				for k := range want[i] {
					if math.Float32bits(want[i][k]) != math.Float32bits(got[i][k]) {
						t.Fatalf("output %d: value %d is %v, was %v", i, k, got[i][k], want[i][k])
					}
				}
			}
		})
	}
	for _, k := range model.Kinds() {
		if !kinds[k] && !strings.HasPrefix(k, "q") {
			t.Errorf("no network has %s", k)
		}
	}
}

// TestQuantizedRoundTrip: a network in 8-bit integers that is written in QDQ form, read and
// quantized again has the same steps everywhere and draws the same bytes.
func TestQuantizedRoundTrip(t *testing.T) {
	for _, n := range nets.All() {
		if !n.Quantizes || n.Name == "activations" { // some of whose tables are no activation by name
			continue
		}
		t.Run(n.Name, func(t *testing.T) {
			m, err := n.Int8(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			read, err := onnx.Read(written(t, m))
			if err != nil {
				t.Fatal(err)
			}
			back, err := nets.Quantized(t.Context(), read)
			if err != nil {
				t.Fatal(err)
			}
			want, got := outputs(t, m, back, 8)
			for i := range want {
				apart := 0
				for k := range want[i] {
					if want[i][k] != got[i][k] {
						apart++
					}
				}
				if apart > 0 {
					t.Errorf("output %d: %d of %d values differ", i, apart, len(want[i]))
				}
			}
			if steps, had := stepsOf(back), stepsOf(m); !slices.Equal(steps, had) {
				t.Errorf("steps %v, were %v", steps, had)
			}
		})
	}
}

// stepsOf lists the steps of all values in bytes, each once.
func stepsOf(m *model.Model) (list []quant.Params) {
	for _, l := range m.Layers() {
		if p := l.Out.Type.Params; l.Out.Type.Kind == model.Int8 && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b quant.Params) int { return cmp.Compare(a.Scale, b.Scale) })
	return list
}
