package onnx

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestActivationsOfNodes: activations that files put together of several nodes become one layer.
func TestActivationsOfNodes(t *testing.T) {
	for want, build := range map[string]func(g *testGraph){
		"gelu": func(g *testGraph) {
			g.floats("cubic", nil, 0.044715)
			g.floats("factor", nil, float32(math.Sqrt(2/math.Pi)))
			g.floats("one", nil, 1)
			g.floats("half", nil, 0.5)
			g.node("Mul", []string{"x", "x"}, []string{"x2"})
			g.node("Mul", []string{"x2", "x"}, []string{"x3"})
			g.node("Mul", []string{"x3", "cubic"}, []string{"a"})
			g.node("Add", []string{"x", "a"}, []string{"b"})
			g.node("Mul", []string{"b", "factor"}, []string{"c"})
			g.node("Tanh", []string{"c"}, []string{"d"})
			g.node("Add", []string{"d", "one"}, []string{"e"})
			g.node("Mul", []string{"x", "e"}, []string{"f"})
			g.node("Mul", []string{"f", "half"}, []string{"y"})
		},
		"mish": func(g *testGraph) {
			g.node("Softplus", []string{"x"}, []string{"a"})
			g.node("Tanh", []string{"a"}, []string{"b"})
			g.node("Mul", []string{"x", "b"}, []string{"y"})
		},
		"silu": func(g *testGraph) {
			g.node("Sigmoid", []string{"x"}, []string{"a"})
			g.node("Mul", []string{"a", "x"}, []string{"y"})
		},
	} {
		g := &testGraph{}
		g.input("x", -1, 4)
		build(g)
		g.output("y")
		m, err := Read(g.file(13))
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if l := m.Layers(); len(l) != 1 || l[0].Op.Kind() != want {
			t.Errorf("%s became %v", want, l)
		}
		if o, ok := m.Layers()[0].Op.(model.GELU); ok && !o.Tanh {
			t.Error("the approximation of GELU became GELU")
		}
	}
}

// TestBranchDamage: branches and calls that do not fit what stands around them.
func TestBranchDamage(t *testing.T) {
	relu := func(out string) *testGraph {
		g := &testGraph{}
		g.node("Relu", []string{"x"}, []string{"r"})
		g.output(out)
		return g
	}
	withInput := relu("r")
	withInput.input("z", 1)
	for want, build := range map[string]func(g *testGraph){
		"a condition of [2]": func(g *testGraph) {
			g.ints("c", []int{2}, 1, 0)
			g.node("If", []string{"c"}, []string{"y"}, attr{"then_branch", relu("r")}, attr{"else_branch", relu("r")})
		},
		"lacks a branch": func(g *testGraph) {
			g.ints("c", nil, 0)
			g.node("If", []string{"c"}, []string{"y"}, attr{"then_branch", relu("r")})
		},
		`If -> "y" lacks a branch`: func(g *testGraph) {
			g.ints("c", nil, 1)
			g.node("If", []string{"c"}, []string{"y"}, attr{"then_branch", withInput}, attr{"else_branch", relu("r")})
		},
		`nothing makes "q"`: func(g *testGraph) {
			g.ints("c", nil, 1)
			g.node("If", []string{"c"}, []string{"y"}, attr{"then_branch", relu("q")}, attr{"else_branch", relu("r")})
		},
		"has 2 inputs and 1 outputs, its function 1 and 1": func(g *testGraph) {
			g.function("f", []string{"x"}, []string{"r"}, relu("r"), 13)
			g.call("f", []string{"x", "x"}, []string{"y"})
		},
		"it has no name": func(g *testGraph) {
			g.input("", -1, 4)
			g.node("Relu", []string{"x"}, []string{"y"})
		},
		"dense0.weight: value 0 is NaN": func(g *testGraph) {
			g.floats("w", []int{4, 1}, float32(math.NaN()), 0, 0, 0)
			g.node("MatMul", []string{"x", "w"}, []string{"y"})
		},
	} {
		g := &testGraph{}
		g.input("x", -1, 4)
		build(g)
		g.output("y")
		if _, err := Read(g.file(13)); err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrFormat) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestBranchOfFunction: a branch in a function reads what the call gives.
func TestBranchOfFunction(t *testing.T) {
	m, err := Read(branchOfFunction())
	if err != nil {
		t.Fatal(err)
	}
	if y := drawn(t, m, model.Data{Floats: []float32{1, -2}}); y[0] != -3 || y[1] != 6 {
		t.Errorf("%v", y)
	}
}

func branchOfFunction() []byte {
	yes := &testGraph{}
	yes.floats("k", nil, 3)
	yes.node("Mul", []string{"x", "k"}, []string{"r"})
	yes.output("r")
	body := &testGraph{}
	body.node("If", []string{"c"}, []string{"y"}, attr{"then_branch", yes}, attr{"else_branch", yes})
	g := &testGraph{}
	g.function("f", []string{"x", "c"}, []string{"y"}, body, 13)
	g.input("a", -1, 2)
	g.ints("on", nil, 1)
	g.call("f", []string{"a", "on"}, []string{"b"})
	g.node("Neg", []string{"b"}, []string{"y"})
	g.output("y")
	return g.file(13)
}
