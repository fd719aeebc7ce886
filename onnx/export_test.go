package onnx_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
)

// TestExported compares networks that PyTorch has exported (testdata/export.py) with what PyTorch
// makes of them.
func TestExported(t *testing.T) {
	file, err := oracle.Open("testdata/export.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	if err := file.Meta("cases", &cases); err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Options{Range: onnx.RangeNone}.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			want, shape := file.Float32(name+".out.image"), file.Shape(name+".out.image")
			feed, n := model.Feed{}, shape[0]
			for _, in := range m.Inputs() {
				key := name + ".in." + in.Name
				if in.Type.Kind == model.Class {
					d := model.Data{}
					for _, v := range file.Uint32(key) {
						d.Classes = append(d.Classes, int32(v))
					}
					feed.In = append(feed.In, d)
					continue
				}
				x := file.Float32(key)
				if !in.Shape.IsFlat() {
					x = channelsLast(x, file.Shape(key))
				}
				feed.In = append(feed.In, model.Data{Floats: x})
			}
			if !m.Output().IsFlat() && name != "channels_last" {
				want = channelsLast(want, shape)
			}
			got := make([]float32, len(want))
			feed.Out = []model.Data{{Floats: got}}
			s, err := m.NewSession(model.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.RunFeed(context.Background(), feed); err != nil {
				t.Fatalf("%d images: %v", n, err)
			}
			if d := largest(got, want); !(d <= 1e-4) {
				t.Errorf("differs by %v", d)
			}
			moving := []string{"odd", "odd_fixed", "positions", "flipped", "cubic", "uneven"} // see there
			if hasTranspose(m) && !slices.Contains(moving, name) {
				t.Errorf("a Transpose is left")
			}
		})
	}
}

// channelsLast makes (N, H, W, C) of (N, C, H, W).
func channelsLast(x []float32, shape []int) []float32 {
	y := make([]float32, 0, len(x))
	c, hw := shape[1], shape[2]*shape[3]
	for n := range shape[0] {
		for p := range hw {
			for k := range c {
				y = append(y, x[(n*c+k)*hw+p])
			}
		}
	}
	return y
}

func largest(got, want []float32) (d float64) {
	for i, v := range got {
		d = max(d, math.Abs(float64(v)-float64(want[i])))
	}
	return d
}

func hasTranspose(m *model.Model) bool {
	return slices.ContainsFunc(m.Layers(), func(l model.LayerInfo) bool { _, ok := l.Op.(model.Transpose); return ok })
}
