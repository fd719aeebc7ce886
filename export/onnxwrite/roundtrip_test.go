package onnxwrite_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
)

func written(t *testing.T, m *model.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := onnxwrite.Write(&b, m, onnxwrite.Options{Version: "test"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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
			for i, p := range back.Outputs() {
				if was := m.Outputs()[i]; p.Spec != was.Spec {
					t.Errorf("output %d is %v, was %v", i, p.Spec, was.Spec)
				}
			}
			const images = 3
			in := nets.Feed(m, images)
			want, err := nets.Run(m, in, images)
			if err != nil {
				t.Fatal(err)
			}
			got, err := nets.Run(back, in, images)
			if err != nil {
				t.Fatal(err)
			}
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
