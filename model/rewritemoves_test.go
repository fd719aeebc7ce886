package model

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// kindsOf lists the kinds of the operators that a program of m runs.
func kindsOf(m *Model, md mode) (kinds []string) {
	for _, n := range m.graph.rewritten(md).Nodes {
		kinds = append(kinds, n.Op.Kind())
	}
	return kinds
}

// outputOf runs a Session of a model with one input and one output.
func outputOf(t testing.TB, m *Model, o Options, md mode, x []float32) []float32 {
	t.Helper()
	s, err := m.newSession(o, md)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := make([]float32, len(x)/m.Input().Len()*m.Output().Len())
	if err := s.Run(y, x); err != nil {
		t.Fatal(err)
	}
	return y
}

func TestDropShapedIdentities(t *testing.T) {
	image, one := Shape{4, 3, 6}, [2]int{1, 1}
	for _, o := range []Op{
		Slice{Size: [3]int{4, 3, 6}}, Pad{Mode: PadEdge}, Transpose{Perm: [3]int{0, 1, 2}}, PixelShuffle{Factor: 1}, Concat{},
		Resize{H: 4, W: 3, Mode: ResizeNearest, Coordinates: HalfPixel}, Resize{H: 4, W: 3, Mode: ResizeBilinear, Coordinates: AlignCorners},
		AvgPool{Kernel: one}, MaxPool{Kernel: one},
	} {
		m, err := New("t", image, o, Tanh{})
		if err != nil {
			t.Fatal(err)
		}
		if kinds := kindsOf(m, mode{training: true}); !slices.Equal(kinds, []string{"tanh"}) {
			t.Errorf("%+v: %v", o, kinds)
		}
	}
	for _, o := range []Op{Transpose{Perm: [3]int{1, 0, 2}}, AvgPool{Kernel: [2]int{1, 3}, Pad: [4]int{0, 0, 1, 1}}} {
		m, err := New("t", Shape{4, 4, 6}, o, Tanh{})
		if err != nil {
			t.Fatal(err)
		}
		if kinds := kindsOf(m, mode{}); len(kinds) != 2 {
			t.Errorf("%+v: %v", o, kinds)
		}
	}
	if !(Transpose{Perm: [3]int{1, 0, 2}}).identityOn([]Spec{Floats(Flat(5))}, Floats(Flat(5))) {
		t.Error("of a vector a Transpose of rows and columns does nothing")
	}
}

func TestMergeTransposes(t *testing.T) {
	cycle, back := Transpose{Perm: [3]int{1, 2, 0}}, Transpose{Perm: [3]int{2, 0, 1}}
	for _, c := range []struct {
		layers []Op
		want   []string
	}{
		{[]Op{cycle, back, Tanh{}}, []string{"tanh"}},
		{[]Op{cycle, cycle, cycle, Tanh{}}, []string{"tanh"}},
		{[]Op{cycle, cycle, Tanh{}}, []string{"transpose", "tanh"}},
		{[]Op{cycle, back, cycle, back}, []string{"copy"}}, // the output is not the input's memory
		{[]Op{cycle, Tanh{}, back}, []string{"transpose", "tanh", "transpose"}},
	} {
		m, err := New("t", Shape{4, 3, 6}, c.layers...)
		if err != nil {
			t.Fatal(err)
		}
		if kinds := kindsOf(m, mode{}); !slices.Equal(kinds, c.want) {
			t.Errorf("%+v: %v, want %v", c.layers, kinds, c.want)
		}
		x := normals(2*m.Input().Len(), 1)
		if !equalBits(outputOf(t, m, Options{}, mode{}, x), outputOf(t, m, Options{}, mode{plain: true}, x)) {
			t.Errorf("%+v: the bits differ", c.layers)
		}
	}
}

// TestMergeReadTransposes: a Transpose that others read, or that is an output, stays.
func TestMergeReadTransposes(t *testing.T) {
	g := &Graph{}
	x := g.Input("x", Shape{4, 3, 6})
	turned := g.Add(Transpose{Perm: [3]int{2, 0, 1}}, x)
	same := g.Add(Transpose{Perm: [3]int{1, 2, 0}}, turned)
	y := g.Add(Add{}, same, x)
	m, err := FromGraph("t", g, y, turned)
	if err != nil {
		t.Fatal(err)
	}
	if kinds := kindsOf(m, mode{}); !slices.Equal(kinds, []string{"transpose", "add"}) {
		t.Error(kinds)
	}
}

// TestConvolveResized compares the transposed convolution with the Resize and the convolution, with
// a BatchNorm and an activation after them.
func TestConvolveResized(t *testing.T) {
	type net struct {
		h, w int
		conv Conv2D
		want bool
	}
	three, one, x := [2]int{3, 3}, [2]int{1, 1}, Shape{3, 4, 5}
	for i, c := range []net{
		{6, 8, Conv2D{Filters: 6, Kernel: three, Same: true}, true},
		{6, 8, Conv2D{Filters: 6, Kernel: three, Pad: [4]int{1, 1, 1, 1}, Bias: true}, true},
		{6, 8, Conv2D{Filters: 6, Kernel: three, Bias: true}, true},
		{6, 8, Conv2D{Filters: 6, Kernel: [2]int{5, 2}, Pad: [4]int{4, 0, 1, 0}}, true},
		{6, 8, Conv2D{Filters: 6, Kernel: one}, true},
		{9, 4, Conv2D{Filters: 6, Kernel: [2]int{4, 4}, Same: true}, true},
		{6, 8, Conv2D{Filters: 6, Kernel: three, Pad: [4]int{3, 0, 0, 0}}, false},
		{6, 8, Conv2D{Filters: 6, Kernel: three, Same: true, Stride: [2]int{2, 2}}, false},
		{6, 8, Conv2D{Filters: 6, Kernel: three, Same: true, Dilation: [2]int{1, 2}}, false},
		{6, 8, Conv2D{Filters: 5, Kernel: three, Same: true, Groups: 5}, false},
		{7, 8, Conv2D{Filters: 6, Kernel: three, Same: true}, false},
	} {
		coordinates := []string{Asymmetric, HalfPixel}[i%2]
		m, err := New("t", x, Resize{H: c.h, W: c.w, Mode: ResizeNearest, Coordinates: coordinates}, c.conv, BatchNorm{}, LeakyReLU{Slope: 0.3})
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, uint64(i))
		want := []string{"convtranspose2d"}
		if !c.want {
			want = []string{"resize", "conv2d"}
		}
		if kinds := kindsOf(m, mode{}); !slices.Equal(kinds, want) {
			t.Errorf("%+v: %v, want %v", c, kinds, want)
		}
		in := normals(9*m.Input().Len(), 1)
		for _, k := range simd.Variants() {
			for _, o := range []Options{{Kernels: k}, {Kernels: k, Strict: true}} {
				checkClose(t, fmt.Sprintf("%+v on %s", c, k.Name), outputOf(t, m, o, mode{}, in), widen(outputOf(t, m, o, mode{plain: true}, in)), bound)
			}
		}
	}
}

// TestConvolveResizedWeights: the weights may lie in a file, and sessions made after they have
// changed see the new ones.
func TestConvolveResizedWeights(t *testing.T) {
	m, err := New("t", Shape{2, 2, 3}, Resize{H: 4, W: 4, Mode: ResizeNearest, Coordinates: Asymmetric}, Conv2D{Filters: 4, Kernel: [2]int{3, 3}, Same: true})
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, 1)
	x := normals(m.Input().Len(), 1)
	before := outputOf(t, m, Options{}, mode{}, x)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !equalBits(outputOf(t, loaded, Options{}, mode{}, x), before) {
		t.Error("loaded from a file: the bits differ")
	}
	for i := range m.Params()[0].Data {
		m.Params()[0].Data[i] *= 2
	}
	m.Changed()
	for i, v := range outputOf(t, m, Options{}, mode{}, x) {
		if v != 2*before[i] {
			t.Fatalf("value %d is %v, was %v", i, v, before[i])
		}
	}
}

// BenchmarkResizedConv: 14x14x64 to 28x28x32 with 3x3 weights, with and without the rewrite.
func BenchmarkResizedConv(b *testing.B) {
	m, err := New("t", Shape{14, 14, 64}, Resize{H: 28, W: 28, Mode: ResizeNearest, Coordinates: Asymmetric}, Conv2D{Filters: 32, Kernel: [2]int{3, 3}, Same: true})
	if err != nil {
		b.Fatal(err)
	}
	randomize(m, 1)
	for _, strict := range []bool{true, false} {
		for _, n := range []int{1, 16, 64} {
			for _, plain := range []bool{true, false} {
				b.Run(fmt.Sprintf("strict=%v/batch=%d/plain=%v", strict, n, plain), func(b *testing.B) {
					s, err := m.newSession(Options{Batch: n, Threads: 1, Strict: strict}, mode{plain: plain})
					if err != nil {
						b.Fatal(err)
					}
					defer s.Close()
					x, y := normals(n*m.Input().Len(), 1), make([]float32, n*m.Output().Len())
					for b.Loop() {
						if err := s.Run(y, x); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/image")
				})
			}
		}
	}
}

// TestFuseReshaped: what reads a convolution's features as an image of other rows, columns or
// channels becomes part of the convolution only where that can write them.
func TestFuseReshaped(t *testing.T) {
	for _, c := range []struct {
		shape Reshape
		op    Op
		want  []string
	}{
		{Reshape{1, 1, 24}, BatchNorm{}, []string{"conv2d", "batchnorm"}},
		{Reshape{3, 2, 4}, BatchNorm{}, []string{"conv2d", "batchnorm"}},
		{Reshape{2, 3, 4}, BatchNorm{}, []string{"conv2d"}},
		{Reshape{1, 1, 24}, ReLU{}, []string{"conv2d"}},
		{Reshape{3, 2, 4}, ReLU{}, []string{"conv2d", "relu"}},
	} {
		m, err := New("t", Shape{2, 3, 2}, Conv2D{Filters: 4, Kernel: [2]int{1, 1}}, c.shape, c.op)
		if err != nil {
			t.Fatal(err)
		}
		randomize(m, 1)
		if kinds := kindsOf(m, mode{}); !slices.Equal(kinds, c.want) {
			t.Errorf("%+v: %v, want %v", c.shape, kinds, c.want)
		}
		x := normals(3*m.Input().Len(), 1)
		got, want := outputOf(t, m, Options{}, mode{}, x), outputOf(t, m, Options{}, mode{plain: true}, x)
		for i, v := range got {
			if d := v - want[i]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("%+v: value %d is %v, want %v", c.shape, i, v, want[i])
			}
		}
	}
}

// TestPlaceVectors: a Dense writes the image that follows position by position, unless that is
// large and has few channels: then a copy follows. Either way the values are those of the
// references.
func TestPlaceVectors(t *testing.T) {
	for _, c := range []struct {
		image    Shape
		training bool
		kinds    []string
	}{
		{Shape{8, 6, 12}, false, []string{"dense", "tanh"}},
		{Shape{4, 3, 1}, false, []string{"dense", "tanh"}},
		{Shape{24, 23, 1}, false, []string{"dense", "tanh", "reshape"}},
		{Shape{24, 23, 1}, true, []string{"dense", "tanh"}},
	} {
		m, err := New("t", Flat(5), Dense{Units: c.image.Len(), Bias: true}, Tanh{}, Reshape(c.image))
		if err != nil {
			t.Fatal(err)
		}
		if kinds := kindsOf(m, mode{plain: true, training: c.training}); !slices.Equal(kinds, c.kinds) {
			t.Errorf("%v: %v, want %v", c.image, kinds, c.kinds)
		}
		m.Init(1, Normal(0.5))
		x := make([]float32, 2*5)
		for i := range x {
			x[i] = float32(i%7) - 3
		}
		got := outputOf(t, m, Options{Threads: 1}, mode{}, x)
		want := make([]float64, c.image.Len())
		for k := range 2 {
			p := m.Params()
			Dense{Units: len(want), Bias: true}.Reference(want, [][]float64{widened(x[5*k : 5*k+5])}, [][]float64{widened(p[0].Data), widened(p[1].Data)}, nil)
			for i, w := range want {
				if d := math.Abs(float64(got[k*len(want)+i]) - math.Tanh(w)); !(d < 1e-5) {
					t.Fatalf("%v: value %d differs by %v", c.image, i, d)
				}
			}
		}
	}
}

func widened(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
