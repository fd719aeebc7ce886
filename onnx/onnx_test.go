package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// TestUnsupported: one error lists everything.
func TestUnsupported(t *testing.T) {
	g := &testGraph{}
	g.input("x", -1, 3, 8, 8)
	g.node("LRN", []string{"x"}, []string{"a"})
	g.node("Relu", []string{"a"}, []string{"b"})
	g.node("MaxPool", []string{"x"}, []string{"c"}, attr{"kernel_shape", []int{2, 2}}, attr{"dilations", []int{2, 2}})
	g.node("Tanh", []string{"x"}, []string{"d"}, attr{"sharpness", 3})
	g.node("If", []string{"x"}, []string{"e"})
	g.output("b")
	_, err := Read(g.file(13))
	var u *UnsupportedError
	if !errors.As(err, &u) || !errors.Is(err, ErrUnsupported) {
		t.Fatal(err)
	}
	want := []string{"LRN", "dilations", "sharpness", "If"}
	if len(u.Items) != len(want) {
		t.Fatalf("%q", u.Items)
	}
	for i, text := range want {
		if !strings.Contains(u.Items[i], text) || !strings.Contains(err.Error(), u.Items[i]) {
			t.Errorf("item %d is %q, want %s in it", i, u.Items[i], text)
		}
	}
}

// TestRefused: what is not to be imported says why.
func TestRefused(t *testing.T) {
	relu := func(g *testGraph) {
		g.node("Relu", []string{"x"}, []string{"y"})
		g.output("y")
	}
	for _, c := range []struct {
		says  string
		is    error
		opset int
		make  func(g *testGraph)
	}{
		{"opset 6", ErrUnsupported, 6, func(g *testGraph) { g.input("x", 1, 3); relu(g) }},
		{"opset 24", ErrUnsupported, 24, func(g *testGraph) { g.input("x", 1, 3); relu(g) }},
		{"dimension 2", ErrUnsupported, 13, func(g *testGraph) { g.input("x", 1, 3, -1, -1); relu(g) }},
		{"no outputs", ErrFormat, 13, func(g *testGraph) { g.input("x", 1, 3) }},
		{"nothing before", ErrFormat, 13, func(g *testGraph) { g.input("z", 1, 3); relu(g) }},
		{"nothing makes", ErrFormat, 13, func(g *testGraph) { g.input("x", 1, 3); g.output("y") }},
		{"the images'", ErrUnsupported, 13, func(g *testGraph) {
			g.input("x", -1, 3)
			g.node("ReduceMean", []string{"x"}, []string{"y"}, attr{"axes", []int{0}})
			g.output("y")
		}},
		{"mixes the images", ErrUnsupported, 13, func(g *testGraph) {
			g.input("x", 4, 6)
			g.ints("s", []int{2}, 2, 12)
			g.node("Reshape", []string{"x", "s"}, []string{"y"})
			g.output("y")
		}},
		{"has 4 bytes", ErrFormat, 13, func(g *testGraph) { g.input("x", 1, 3); g.floats("w", []int{2}, 1); relu(g) }},
		{"another file", ErrUnsupported, 13, func(g *testGraph) { g.input("x", 1, 3); g.external("w", "w.bin", "0", []int{2}); relu(g) }},
		{"too large", ErrUnsupported, 13, func(g *testGraph) {
			g.input("x", 1, 3)
			g.ints("s", []int{2}, 1<<14, 1<<14)
			g.node("ConstantOfShape", []string{"s"}, []string{"c"})
			relu(g)
		}},
	} {
		g := &testGraph{}
		c.make(g)
		if _, err := Read(g.file(c.opset)); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}

// TestExternal: weights beside the file are read, others are not.
func TestExternal(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "in")
	if err := os.Mkdir(inside, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "w.bin"), filepath.Join(inside, "w.bin")} {
		if err := os.WriteFile(name, []byte("....\x00\x00\x80\x3f\x00\x00\x00\x40"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../w.bin", filepath.Join(inside, "link.bin")); err != nil {
		t.Log(err)
	}
	load := func(location, offset string) (*model.Model, error) {
		g := &testGraph{}
		g.input("x", -1, 1)
		g.external("w", location, offset, []int{1, 2})
		g.node("MatMul", []string{"x", "w"}, []string{"y"})
		g.output("y")
		path := filepath.Join(inside, "m.onnx")
		if err := os.WriteFile(path, g.file(13), 0o666); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	m, err := load("w.bin", "4")
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Params()[0].Data; !slices.Equal(w, []float32{1, 2}) {
		t.Errorf("weights %v", w)
	}
	for _, c := range [][2]string{{"../w.bin", "4"}, {"link.bin", "4"}, {"w.bin", "8"}, {"w.bin", "-1"}, {"/etc/passwd", "0"}, {"nosuch", "0"}, {".", "0"}} {
		if _, err := load(c[0], c[1]); err == nil {
			t.Errorf("%s at %s was read", c[0], c[1])
		}
	}
}

// TestOpen: the package makes Open know the extension.
func TestOpen(t *testing.T) {
	g, err := gantiny.Open("testdata/embedding.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if g.Latent() != 6 || g.Classes() != 5 || g.Model().Output() != (model.Shape{H: 16, W: 16, C: 1}) {
		t.Errorf("%d latents, %d classes, %v", g.Latent(), g.Classes(), g.Model().Output())
	}
}

// TestAllocation: files of nothing but small nodes stay within the promise of twice their size and
// 1 MB.
func TestAllocation(t *testing.T) {
	for _, op := range []string{"Reshape", "Transpose", "Add", "Concat", "Slice", "Relu", "Mul", "Shape", "Tile", "Softmax", "LayerNormalization", "nosuch"} {
		for _, count := range []int{100, 1000, 10000} {
			g := &testGraph{}
			g.input("x", -1, 2, 6, 4)
			g.ints("s", []int{4}, 1, 4, 2, 6)
			g.ints("e", []int{4}, 1, 2, 6, 4)
			g.ints("z", []int{4}, 0, 0, 0, 0)
			g.floats("f", []int{1}, 2)
			g.floats("one", []int{4}, 1, 1, 1, 1)
			at := "x"
			for i := range count {
				in, out := []string{at}, fmt.Sprint("v", i)
				switch op {
				case "Reshape":
					in = append(in, []string{"s", "e"}[i%2])
				case "Slice":
					in = append(in, "z", "e")
				case "Add", "Mul":
					in = append(in, []string{"f", at}[i%2])
				case "Tile":
					in = append(in, "one")
				case "LayerNormalization":
					in = append(in, "one")
				}
				g.node(op, in, []string{out})
				if op != "Concat" && op != "Shape" {
					at = out
				}
			}
			g.output(at)
			b := g.file(17)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(b)
			runtime.ReadMemStats(&after)
			used := after.TotalAlloc - before.TotalAlloc
			if limit := uint64(2*len(b) + 1<<20); used > limit {
				t.Errorf("%d of %s: %d bytes allocated for a file of %d, %v", count, op, used, len(b), err != nil)
			}
		}
	}
}

// TestQuantized: quantized weights become floats, and quantized values are rounded to what 8
// bits can stand for; a quantized value that something else reads is refused.
func TestQuantized(t *testing.T) {
	g := &testGraph{}
	g.input("x", -1, 2)
	g.floats("s", nil, 0.5)
	g.floats("ws", []int{2}, 0.25, 2)
	g.bytes("z", nil, 0)
	g.bytes("w", []int{2, 2}, 4, 0xFF, 8, 3) // -1 as int8
	g.node("QuantizeLinear", []string{"x", "s", "z"}, []string{"q"})
	g.node("DequantizeLinear", []string{"q", "s", "z"}, []string{"d"})
	g.node("DequantizeLinear", []string{"w", "ws"}, []string{"m"}, attr{"axis", 1})
	g.node("MatMul", []string{"d", "m"}, []string{"y"})
	g.output("y")
	m, err := Read(g.file(13))
	if err != nil {
		t.Fatal(err)
	}
	layers, p := m.Layers(), m.Params()
	if o, want := layers[0].Op, (model.FakeQuantize{Steps: quant.Params{Scale: 0.5}}); o != want {
		t.Errorf("%+v, want %+v", o, want)
	}
	if !slices.Equal(p[0].Data, []float32{1, -2, 2, 6}) {
		t.Errorf("weights %v", p[0].Data)
	}
	g.node("Relu", []string{"q"}, []string{"r"})
	g.output("r")
	if _, err := Read(g.file(13)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "is quantized") {
		t.Error(err)
	}
}
