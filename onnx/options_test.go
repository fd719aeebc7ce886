package onnx

import (
	"context"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// drawn runs a model on one image.
func drawn(t *testing.T, m *model.Model, in ...model.Data) []float32 {
	t.Helper()
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := make([]float32, m.Output().Len())
	if err := s.RunFeed(context.Background(), model.Feed{In: in, Out: []model.Data{{Floats: y}}}); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestPixels: sizes, layouts, colors and ranges that options give.
func TestPixels(t *testing.T) {
	vector := &testGraph{}
	vector.input("x", -1, 12)
	vector.node("LeakyRelu", []string{"x"}, []string{"y"})
	vector.output("y")
	image := &testGraph{}
	image.input("x", -1, 3, 2, 2)
	image.node("LeakyRelu", []string{"x"}, []string{"y"})
	image.output("y")
	x := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	planes := []float32{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11} // of three colors, side by side
	size := model.Shape{H: 2, W: 2, C: 3}
	for _, c := range []struct {
		g    *testGraph
		o    Options
		in   []float32
		want []float32
	}{
		{vector, Options{Size: size}, x, planes},
		{vector, Options{Size: size, Layout: "NHWC"}, x, x},
		{vector, Options{Size: size, BGR: true}, x, []float32{8, 4, 0, 9, 5, 1, 10, 6, 2, 11, 7, 3}},
		{vector, Options{Size: size, Layout: "NHWC", Range: RangeBytes}, []float32{0, 255, 127.5, 0, 0, 0, 0, 0, 0, 0, 0, 51},
			[]float32{-1, 1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -0.6}},
		{image, Options{}, planes, planes},
		{image, Options{BGR: true}, planes, []float32{8, 4, 0, 9, 5, 1, 10, 6, 2, 11, 7, 3}},
	} {
		m, err := c.o.Read(c.g.file(13))
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		if m.Output() != size {
			t.Errorf("%+v: %v", c.o, m.Output())
		}
		got := drawn(t, m, model.Data{Floats: c.in})
		for i, v := range got {
			if d := v - c.want[i]; d > 1e-6 || d < -1e-6 {
				t.Errorf("%+v: %v, want %v", c.o, got, c.want)
				break
			}
		}
	}
	if _, err := (Options{Size: model.Shape{H: 3, W: 3, C: 1}}).Read(vector.file(13)); err == nil {
		t.Error("a size of other features is taken")
	}
	if _, err := (Options{Range: "wide"}).Read(vector.file(13)); err == nil {
		t.Error("an unknown range is taken")
	}
}

// TestOneHot: an input that is a 1 among zeros becomes one of classes.
func TestOneHot(t *testing.T) {
	g := &testGraph{}
	g.input("z", -1, 1)
	g.input("label", -1, 3)
	g.floats("w", []int{4, 1}, 1, 10, 20, 30)
	g.node("Concat", []string{"z", "label"}, []string{"c"}, attr{"axis", 1})
	g.node("MatMul", []string{"c", "w"}, []string{"y"})
	g.output("y")
	m, err := Options{OneHot: []string{"label"}}.Read(g.file(13))
	if err != nil {
		t.Fatal(err)
	}
	if in := m.Inputs(); len(in) != 2 || in[1].Type.Kind != model.Class || in[1].Type.Classes != 3 {
		t.Fatalf("%v", in)
	}
	if y := drawn(t, m, model.Data{Floats: []float32{2}}, model.Data{Classes: []int32{1}}); y[0] != 22 {
		t.Errorf("%v, want 22", y)
	}
}

// TestShapes: open dimensions can be given, one output of several chosen.
func TestShapes(t *testing.T) {
	g := &testGraph{}
	g.input("x", -1, 1, -1, -1)
	g.node("Tanh", []string{"x"}, []string{"a"})
	g.node("Relu", []string{"x"}, []string{"b"})
	g.output("a")
	g.output("b")
	o := Options{Shapes: map[string][]int{"x": {1, 1, 3, 5}}}
	m, err := o.Read(g.file(13))
	if err != nil || len(m.Outputs()) != 2 || m.Input() != (model.Shape{H: 3, W: 5, C: 1}) {
		t.Fatal(m, err)
	}
	o.Output = "b"
	if m, err = o.Read(g.file(13)); err != nil || len(m.Outputs()) != 1 || m.Layers()[0].Op.Kind() != "relu" {
		t.Fatal(m, err)
	}
}

// TestNoise: what a file draws by itself is an input.
func TestNoise(t *testing.T) {
	g := &testGraph{}
	g.node("RandomNormal", nil, []string{"z"}, attr{"shape", []int{1, 4}})
	g.node("Tanh", []string{"z"}, []string{"y"})
	g.output("y")
	m, err := Read(g.file(13))
	if err != nil {
		t.Fatal(err)
	}
	if in := m.Inputs(); len(in) != 1 || in[0].Name != "z" || in[0].Shape != model.Flat(4) {
		t.Errorf("%v", in)
	}
}

// TestTurnedRound: a transposed convolution that was taken apart is one again.
func TestTurnedRound(t *testing.T) {
	g := &testGraph{}
	g.input("x", 1, 1, 2, 2)
	g.ints("flat", []int{2}, -1, 1)
	g.ints("rows", []int{2}, -1, 4)
	g.ints("image", []int{4}, 1, 1, 4, 4)
	g.floats("z1", []int{4, 1}, 0, 0, 0, 0)
	g.floats("z2", []int{2, 4}, 0, 0, 0, 0, 0, 0, 0, 0)
	g.floats("w", []int{1, 1, 3, 3}, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	g.node("Reshape", []string{"x", "flat"}, []string{"a"})
	g.node("Concat", []string{"a", "z1"}, []string{"b"}, attr{"axis", 1})
	g.node("Reshape", []string{"b", "rows"}, []string{"c"})
	g.node("Concat", []string{"c", "z2"}, []string{"d"}, attr{"axis", 1})
	g.node("Reshape", []string{"d", "image"}, []string{"e"})
	g.node("Conv", []string{"e", "w"}, []string{"y"}, attr{"pads", []int{1, 1, 1, 1}})
	g.output("y")
	m, err := Options{Range: RangeNone}.Read(g.file(13))
	if err != nil {
		t.Fatal(err)
	}
	if l := m.Layers(); len(l) != 1 || l[0].Op.Kind() != "convtranspose2d" {
		t.Errorf("%v", l)
	}
	got := drawn(t, m, model.Data{Floats: []float32{1, 2, 3, 4}})
	want := make([]float32, 16)
	if len(got) != 16 {
		t.Fatalf("%v", m.Output())
	}
	stuffed := [6][6]float32{1: {1: 1, 3: 2}, 3: {1: 3, 3: 4}}
	for i := range want {
		for k := range 9 {
			want[i] += stuffed[i/4+k/3][i%4+k%3] * float32(k+1)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
