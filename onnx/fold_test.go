package onnx

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// real is a vector of float32.
func real(v ...float32) constant { return constant{[]int{len(v)}, v} }

// folding is an operator, its constants, and what it makes of them.
type folding struct {
	op    string
	in    []constant
	attrs []attr
	want  []float32
}

// file adds what is made of the constants to an input. Of the constants, the one of number other is
// an input of the file instead, without values.
func (c folding) file(other int) []byte {
	g := &testGraph{}
	n := len(c.want)
	g.input("x", -1, n)
	var in []string
	for i, v := range c.in {
		in = append(in, fmt.Sprint("c", i))
		if i == other {
			g.input(in[i], append([]int{-1}, v.dims...)...)
			continue
		}
		switch v := v.values.(type) {
		case []int:
			g.ints(in[i], c.in[i].dims, v...)
		case []float32:
			g.floats(in[i], c.in[i].dims, v...)
		}
	}
	g.ints("flat", []int{2}, 1, n)
	g.node(c.op, in, []string{"t"}, c.attrs...)
	g.node("Cast", []string{"t"}, []string{"f"}, attr{"to", ir.TypeFloat})
	g.node("Reshape", []string{"f", "flat"}, []string{"r"})
	g.node("Add", []string{"x", "r"}, []string{"y"})
	g.output("y")
	return g.file(13)
}

// foldings are operators on constants, as ONNX defines them: what is computed while a file is read.
var foldings = []folding{
	{"Less", []constant{ints(1, 2, 3), ints(2)}, nil, []float32{1, 0, 0}},
	{"Less", []constant{real(1, 2, 3), real(2)}, nil, []float32{1, 0, 0}},
	{"Greater", []constant{ints(1, 2, 3), ints(2)}, nil, []float32{0, 0, 1}},
	{"Greater", []constant{real(1, 2, 3), real(2)}, nil, []float32{0, 0, 1}},
	{"LessOrEqual", []constant{ints(1, 2, 3), ints(2)}, nil, []float32{1, 1, 0}},
	{"LessOrEqual", []constant{real(1, 2, 3), real(2)}, nil, []float32{1, 1, 0}},
	{"GreaterOrEqual", []constant{ints(1, 2, 3), ints(2)}, nil, []float32{0, 1, 1}},
	{"GreaterOrEqual", []constant{real(1, 2, 3), real(2)}, nil, []float32{0, 1, 1}},
	{"Equal", []constant{real(1, 2, 3), real(2)}, nil, []float32{0, 1, 0}},
	{"And", []constant{ints(0, 1, 0, 1), ints(0, 0, 1, 1)}, nil, []float32{0, 0, 0, 1}},
	{"Or", []constant{ints(0, 1, 0, 1), ints(0, 0, 1, 1)}, nil, []float32{0, 1, 1, 1}},
	{"Div", []constant{ints(7, -7, 5), ints(2, 2, 0)}, nil, []float32{3, -3, 0}},
	{"Mod", []constant{ints(7, -7, 5), ints(4, 4, 0)}, nil, []float32{3, 1, 0}},
	{"Mod", []constant{ints(7, -7, 5), ints(4, 4, 0)}, with("fmod", 1), []float32{3, -3, 0}},
	{"Constant", nil, with("value_ints", []int{4, 5}), []float32{4, 5}},
	{"Constant", nil, with("value_int", 4), []float32{4}},
	{"Constant", nil, with("value_floats", []float32{4.5, 5}), []float32{4.5, 5}},
	{"Constant", nil, with("value_float", float32(4.5)), []float32{4.5}},
	{"Range", []constant{{nil, []int{1}}, {nil, []int{8}}, {nil, []int{3}}}, nil, []float32{1, 4, 7}},
	{"ReduceSum", []constant{ints(1, 2, 3)}, nil, []float32{6}},
	{"ReduceMean", []constant{ints(1, 2, 4)}, nil, []float32{2}},
	{"MatMul", []constant{{[]int{1, 2}, []int{2, 3}}, {[]int{2, 2}, []int{1, 10, 100, 1000}}}, nil, []float32{302, 3020}},
	{"MatMul", []constant{{[]int{1, 2}, []float32{2, 3}}, {[]int{2, 2}, []float32{1, 10, 100, 1000}}}, nil, []float32{302, 3020}},
	{"Gemm", []constant{{[]int{1, 2}, []int{2, 3}}, {[]int{2, 1}, []int{1, 10}}, {[]int{1}, []int{5}}}, with("alpha", float32(2)), []float32{69}},
	{"Where", []constant{ints(1, 0), real(2, 2), real(3, 3)}, nil, []float32{2, 3}},
	{"Tile", []constant{real(2, 3), ints(2)}, nil, []float32{2, 3, 2, 3}},
	{"Flatten", []constant{{[]int{1, 2}, []int{2, 3}}}, nil, []float32{2, 3}},
	{"OneHot", []constant{ints(2, -1), {nil, []int{3}}, real(5, 6)}, with("axis", 0), []float32{5, 5, 5, 5, 6, 6}},
	{"CastLike", []constant{real(2.9, -2.9), ints(1)}, nil, []float32{2, -2}},
	{"QuantizeLinear", []constant{real(1, -3, 600), {nil, []float32{0.5}}}, nil, []float32{2, 0, 255}},
	{"DequantizeLinear", []constant{ints(1, -3), {nil, []float32{0.5}}}, nil, []float32{0.5, -1.5}},
	{"DequantizeLinear", []constant{ints(1, -3), real(0.5, 2), ints(0, 1)}, with("axis", 0), []float32{0.5, -8}},
	{"Gemm", []constant{{[]int{2, 1}, []int{2, 3}}, {[]int{1, 2}, []int{1, 10}}}, with("transA", 1, "transB", 1), []float32{32}},
	{"Or", []constant{real(0, 2, 0), real(0, 0, 1)}, nil, []float32{0, 1, 1}},
	{"And", []constant{real(0, 2, 3), real(0, 0, 1)}, nil, []float32{0, 0, 1}},
	{"Cast", []constant{real(2.9, -2.9)}, with("to", ir.TypeInt64), []float32{2, -2}},
	{"Cast", []constant{real(0.5, 0)}, with("to", ir.TypeBool), []float32{1, 0}},
	{"Cast", []constant{real(1e30, -1e30)}, with("to", ir.TypeInt64), []float32{1 << 63, -1 << 63}},
}

func TestFolding(t *testing.T) {
	for _, c := range foldings {
		m, err := Read(c.file(-1))
		if err != nil {
			t.Errorf("%s of %v: %v", c.op, c.in, err)
			continue
		}
		if got := drawn(t, m, model.Data{Floats: make([]float32, len(c.want))}); !slices.Equal(got, c.want) {
			t.Errorf("%s of %v is %v, want %v", c.op, c.in, got, c.want)
		}
	}
}
