package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestFunctions: an operator that the file defines is what its nodes are, with the attributes and
// the opset of its own; functions may call one another.
func TestFunctions(t *testing.T) {
	m, err := Read(functions())
	if err != nil {
		t.Fatal(err)
	}
	got := drawn(t, m, model.Data{Floats: []float32{1, -100}})
	if want := []float32{10, -100.09}; !slices.EqualFunc(got, want, func(a, b float32) bool { return a-b < 1e-4 && b-a < 1e-4 }) {
		t.Errorf("%v, want %v", got, want)
	}
}

// functions is a file whose function calls another one twice.
func functions() []byte {
	g := &testGraph{}
	inner := &testGraph{} // leaky(x) = LeakyRelu(x)*x where the slope is the call's
	inner.node("LeakyRelu", []string{"x"}, []string{"t"}, attr{"alpha", ref("slope")})
	inner.node("Mul", []string{"t", "c"}, []string{"y"})
	g.function("leaky", []string{"x", "c"}, []string{"y"}, inner, 13)
	outer := &testGraph{} // twice(x) = t, t2
	outer.call("leaky", []string{"x", "k"}, []string{"t"})
	outer.call("leaky", []string{"t", "k"}, []string{"u"})
	outer.node("Identity", []string{"x"}, []string{"same"})
	g.function("twice", []string{"x", "k"}, []string{"u", "same"}, outer, 13)
	g.input("x", -1, 2)
	g.floats("c", []int{1}, 3)
	g.call("twice", []string{"x", "c"}, []string{"a", "b"})
	g.node("Add", []string{"a", "b"}, []string{"y"})
	g.output("y")
	return g.file(13)
}

// TestFunctionsBounded: functions that call themselves, or one another ever more often, are refused
// within the bounds of memory.
func TestFunctionsBounded(t *testing.T) {
	for _, calls := range []int{1, 2} {
		g := &testGraph{}
		for i := range 40 {
			body := &testGraph{}
			at := "x"
			for k := range calls {
				out := fmt.Sprint("v", k)
				body.call(fmt.Sprint("f", (i+1)%40), []string{at}, []string{out})
				at = out
			}
			g.function(fmt.Sprint("f", i), []string{"x"}, []string{at}, body, 13)
		}
		g.input("x", -1, 2)
		g.call("f0", []string{"x"}, []string{"y"})
		g.output("y")
		if _, err := Read(g.file(13)); !errors.Is(err, ErrFormat) {
			t.Errorf("%d calls: %v", calls, err)
		}
	}
}

// TestIf: of a condition that is a constant, the branch that it chooses is the graph's.
func TestIf(t *testing.T) {
	for _, c := range []struct {
		size int
		want string
	}{{1, "tanh"}, {2, "relu"}} {
		g, squeezed, same := &testGraph{}, &testGraph{}, &testGraph{}
		squeezed.node("Tanh", []string{"x"}, []string{"t"})
		squeezed.output("t")
		same.node("Relu", []string{"x"}, []string{"u"})
		same.output("u")
		g.input("x", -1, c.size)
		g.ints("one", []int{1}, 1)
		g.node("Shape", []string{"x"}, []string{"s"})
		g.node("Gather", []string{"s", "one"}, []string{"n"})
		g.node("Equal", []string{"n", "one"}, []string{"is"})
		g.node("If", []string{"is"}, []string{"y"}, attr{"then_branch", squeezed}, attr{"else_branch", same})
		g.output("y")
		m, err := Read(g.file(13))
		if err != nil {
			t.Fatal(err)
		}
		if k := m.Layers()[0].Op.Kind(); k != c.want {
			t.Errorf("size %d: %s, want %s", c.size, k, c.want)
		}
	}
	g, deep := &testGraph{}, &testGraph{}
	for range 40 {
		next := &testGraph{}
		next.node("If", []string{"is"}, []string{"y"}, attr{"then_branch", deep})
		deep = next
	}
	g.b = deep.b
	if _, err := Read(g.file(13)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "in one another") {
		t.Error(err)
	}
}

// TestUnsupportedBehind: what stands behind something that is refused is in the list too, but for
// what may be wrong of it only because its input is not known.
func TestUnsupportedBehind(t *testing.T) {
	g := &testGraph{}
	g.input("x", -1, 3, 8, 8)
	g.floats("scales", []int{4}, 1, 1, 2, 2)
	g.ints("pads", []int{6}, 0, 0, 0, 0, 0, 0)
	g.node("LRN", []string{"x"}, []string{"a"})
	g.node("Pad", []string{"a", "pads"}, []string{"b"}, attr{"mode", "wrap"})
	g.node("MaxPool", []string{"b"}, []string{"c"}, attr{"kernel_shape", []int{2, 2}}, attr{"dilations", []int{2, 2}})
	g.node("Resize", []string{"c", "", "scales"}, []string{"d"}, attr{"mode", "curly"})
	g.node("Transpose", []string{"d"}, []string{"e"}, attr{"perm", []int{1, 0}}) // of how many dimensions?
	g.node("MatMul", []string{"e", "e"}, []string{"f"})
	g.node("Tanh", []string{"f"}, []string{"g"}, attr{"sharpness", 3})
	g.node("Nothing", []string{"g"}, []string{"h"})
	g.output("h")
	_, err := Read(g.file(13))
	var u *UnsupportedError
	if !errors.As(err, &u) {
		t.Fatal(err)
	}
	want := []string{"LRN", `mode "wrap"`, "dilations", `mode "curly"`, "is no constant", "sharpness", "Nothing"}
	for i, item := range u.Items {
		if i >= len(want) || !strings.Contains(item, want[i]) {
			t.Fatalf("%q, want %q", u.Items, want)
		}
	}
	if len(u.Items) != len(want) {
		t.Errorf("%q, want %q", u.Items, want)
	}
}
