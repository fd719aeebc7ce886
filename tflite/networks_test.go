package tflite_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/tflite"
)

// TestNetworks compares networks (testdata/networks.py) with what PyTorch makes of them in float64.
func TestNetworks(t *testing.T) {
	file, err := oracle.Open("testdata/networks.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	if err := file.Meta("cases", &cases); err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", name+".tflite"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := tflite.Options{Range: tflite.RangeNone}.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			want, shape := file.Float32(name+".out"), file.Shape(name+".out")
			if s := m.Output(); !slices.Equal([]int{s.H, s.W, s.C}, shape[1:]) && s != model.Flat(s.Len()) {
				t.Errorf("it makes %v, want %v", s, shape)
			}
			feed := model.Feed{In: inputs(file, name, m)}
			got := make([]float32, len(want))
			feed.Out = []model.Data{{Floats: got}}
			s, err := m.NewSession(model.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.RunFeed(context.Background(), feed); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, v := range got {
				worst = max(worst, math.Abs(float64(v)-float64(want[i])))
			}
			if !(worst <= 2e-5) {
				t.Errorf("differs by %v", worst)
			}
			for _, l := range m.Layers() {
				if _, ok := l.Op.(model.Transpose); ok && name != "arithmetic" && name != "blocks" { // which do so by themselves
					t.Errorf("a Transpose is left")
				}
			}
		})
	}
}

// inputs are what a network reads.
func inputs(file *oracle.File, name string, m *model.Model) (list []model.Data) {
	for _, in := range m.Inputs() {
		key := name + ".in." + in.Name
		if in.Type.Kind == model.Class {
			d := model.Data{}
			for _, v := range file.Uint32(key) {
				d.Classes = append(d.Classes, int32(v))
			}
			list = append(list, d)
			continue
		}
		list = append(list, model.Data{Floats: file.Float32(key)})
	}
	return list
}
