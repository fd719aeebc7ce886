package onnx

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// constant is a constant input of a node in refusals.
type constant struct {
	dims   []int
	values any // []int or []float32, as many as dims say
}

func ints(v ...int) constant { return constant{[]int{len(v)}, v} }

// zeros are float32 of a shape.
func zeros(dims ...int) constant {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return constant{dims, make([]float32, n)}
}

// refusal is a graph of one node: input x, if it has dimensions, then constants.
type refusal struct {
	op     string
	dims   []int
	in     []any // constant, nil for an input that is left out, or the dimensions of another input of the file
	attrs  []attr
	want   string // part of the error; "" if the file is to be read
	opset  int    // 13 if 0
	others int    // outputs beside the first
}

func (r refusal) file() []byte {
	g := &testGraph{}
	var in []string
	if r.dims != nil {
		g.input("x", r.dims...)
		in = append(in, "x")
	}
	for i, c := range r.in {
		name := ""
		switch c := c.(type) {
		case []int: // of an input of the file without values
			name = string(rune('a' + i))
			g.input(name, c...)
		case constant:
			name = string(rune('a' + i))
			switch v := c.values.(type) {
			case []int:
				g.ints(name, c.dims, v...)
			case []float32:
				g.floats(name, c.dims, v...)
			}
		}
		in = append(in, name)
	}
	out := []string{"y"}
	for i := range r.others {
		out = append(out, "y"+string(rune('0'+i)))
	}
	g.node(r.op, in, out, r.attrs...)
	g.output("y")
	if r.opset == 0 {
		r.opset = 13
	}
	return g.file(r.opset)
}

// image and row are inputs' dimensions.
var (
	image = []int{1, 2, 4, 4}
	row   = []int{1, 4}
)

// with are attributes: names and values in turn.
func with(pairs ...any) (list []attr) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, attr{pairs[i].(string), pairs[i+1]})
	}
	return list
}

var refusals = []refusal{
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("strides", []int{1}), want: "[1] of 2 dimensions"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("dilations", []int{1, 1, 1}), want: "[1 1 1] of 2 dimensions"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("strides", []int{0, 1}), want: "strides [0 1]"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("pads", []int{1}), want: "pads [1]"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("pads", []int{0, 0, 0, -1}), want: "pads [0"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("auto_pad", "ODD"), want: `auto_pad "ODD"`},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("auto_pad", "")},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("kernel_shape", []int{2, 2}), want: "kernel_shape [2 2], weights of [1 2 3 3]"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3)}, attrs: with("kernel_shape", []int{2}), want: "[2] of 2 dimensions"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3)}, want: "weights of [1 2 3]"},
	{op: "Conv", dims: image, in: []any{zeros(1, 2, 3, 3), zeros(2)}, want: "a bias of [2] for 1 channels"},
	{op: "Conv", dims: image, in: []any{nil}, want: "input 1 is missing"},
	{op: "Conv", dims: row, in: []any{zeros(1, 2, 3, 3)}, want: "an input of [1 4]"},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 1, 3, 3)}, attrs: with("group", 3), want: "group 3, 2 channels, weights of (2,1)"},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 1, 3, 3)}, attrs: with("output_padding", []int{1, 1, 1}), want: "[1 1 1] of 2 dimensions"},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 1, 3, 3)}, attrs: with("output_shape", []int{1, 1, 6, 6})},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 1, 3, 3)}, attrs: with("auto_pad", "VALID")},
	{op: "Gemm", dims: row, in: []any{zeros(4)}, want: "inputs of [1 4] and [4]"},
	{op: "MatMul", dims: row, in: []any{zeros(0)}, want: "a matrix of [0]"},
	{op: "MatMul", dims: row, in: []any{zeros(4)}},
	{op: "Gelu", dims: row, attrs: with("approximate", "fast"), want: `approximate "fast"`, opset: 20},
	{op: "Gelu", dims: row, attrs: with("approximate", "tanh"), opset: 20},
	{op: "Gelu", dims: row, opset: 20},
	{op: "Softmax", dims: row, attrs: with("axis", 5), want: "axis 5 of 2 dimensions"},
	{op: "Softmax", dims: image, opset: 11},
	{op: "LogSoftmax", dims: row},
	{op: "Clip", dims: row, in: []any{zeros(2)}, want: "of [2]"},
	{op: "Pow", dims: row, in: []any{zeros(2)}, want: "[1 4] and [2]"},
	{op: "Pow", dims: row, in: []any{constant{[]int{1}, []float32{0.5}}}},
	{op: "Pow", dims: row, in: []any{constant{[]int{1}, []float32{-0.5}}}},
	{op: "Pow", dims: row, in: []any{constant{[]int{1}, []float32{-2}}}},
	{op: "Pow", dims: row, in: []any{constant{[]int{1}, []float32{300}}}, want: "an exponent of 300"},
	{op: "Add", dims: row, in: []any{zeros(3)}, want: "inputs of [1 4] and [1 3]"},
	{op: "Add", dims: row, in: []any{zeros(4), zeros(4)}, want: "3 inputs"},
	{op: "Add", dims: row, want: "1 inputs"},
	{op: "Add", dims: row, in: []any{nil}, want: "input 1 is missing"},
	{op: "Mul", dims: row, in: []any{zeros(3)}, want: "inputs of [1 4] and [1 3]"},
	{op: "DepthToSpace", dims: image, attrs: with("blocksize", 3), want: `blocksize 3, mode "DCR" of 2 channels`},
	{op: "SpaceToDepth", dims: image, attrs: with("blocksize", 3), want: "blocksize 3 of 4 x 4"},
	{op: "Reshape", dims: row, in: []any{ints(1, 3)}, want: "shape [1 3]"},
	{op: "Reshape", dims: row, in: []any{ints(1, -1, -1)}, want: "shape [1 -1 -1]"},
	{op: "Reshape", dims: row, in: []any{ints(1, -7)}, want: "shape [1 -7]"},
	{op: "Squeeze", dims: row, in: []any{ints(1)}, want: "axis 1 of an input of [1 4]"},
	{op: "Squeeze", dims: row, in: []any{ints(7)}, want: "axis 7 of 2 dimensions"},
	{op: "Unsqueeze", dims: row, in: []any{ints(1, 1)}, want: "axis 1 twice"},
	{op: "Transpose", dims: row, attrs: with("perm", []int{0, 0}), want: "axis 0 twice"},
	{op: "Flatten", dims: row, attrs: with("axis", 9), want: "axis 9 of 2 dimensions"},
	{op: "Concat", dims: row, in: []any{zeros(1, 4)}, attrs: with("axis", 9), want: "axis 9 of 2 dimensions"},
	{op: "Concat", dims: row, in: []any{zeros(4)}, attrs: with("axis", 1), want: "a constant of [4] among inputs of 2 dimensions"},
	{op: "Concat", dims: row, in: []any{nil}, attrs: with("axis", 1), want: "an input is missing"},
	{op: "Concat", dims: []int{1, 4, 3}, in: []any{zeros(1, 4, 2)}, attrs: with("axis", 1), want: "inputs of [1 4 3] and [1 4 2]"},
	{op: "Split", dims: row, in: []any{ints(1, 2)}, attrs: with("axis", 1), want: "parts of [1 2] for 2 outputs", others: 1},
	{op: "Split", dims: row, in: []any{ints(-1, 5)}, attrs: with("axis", 1), want: "parts of [-1 5]", others: 1},
	{op: "Split", dims: row, attrs: with("axis", 1, "num_outputs", 3), want: "num_outputs 3 of 2 outputs", others: 1, opset: 18},
	{op: "Slice", dims: row, in: []any{ints(0, 0), ints(1)}, want: "2 starts, 1 ends"},
	{op: "Slice", dims: row, in: []any{ints(0), ints(1), ints(1), ints(0)}, want: "a step of 0"},
	{op: "Slice", dims: row, in: []any{ints(0), ints(1), ints(4), ints(1)}, want: "axis 4 of 2 dimensions"},
	{op: "Gather", dims: row, in: []any{ints(9)}, attrs: with("axis", 1), want: "of 4 elements"},
	{op: "Pad", dims: image, in: []any{ints(1)}, want: "pads [1] of 4 axes"},
	{op: "Pad", dims: image, in: []any{ints(1, 0, 0, 0, 0, 0, 0, 0)}, want: "axis 0, which is the images'"},
	{op: "Pad", dims: image, in: []any{ints(0, 0, -3, 0, 0, 0, -3, 0)}, want: "pads [0 0 -3"},
	{op: "Pad", dims: image, in: []any{ints(0, 0, -1, 0, 0, 0, -1, 0)}},
	{op: "Pad", dims: image, in: []any{ints(0, 0, math.MaxInt32, 0, 0, 0, 0, 0)}, want: "pads [0 0 2147483647"},
	{op: "Pad", dims: image, in: []any{ints(0, 0, 1, 0, 0, 0, 1, 0), zeros(2)}, want: "a value of [2]"},
	{op: "Pad", dims: image, in: []any{ints(0, 0, 1, 0, 0, 0, 1, 0)}, attrs: with("mode", "wrap"), want: `mode "wrap"`},
	{op: "Pad", dims: image, in: []any{ints(1, 1), nil, ints(2)}, opset: 18},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("antialias", 1), want: "antialias 1", opset: 18},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("keep_aspect_ratio_policy", "not_larger"), want: `keep_aspect_ratio_policy "not_larger"`, opset: 18},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("nearest_mode", "odd"), want: `nearest_mode "odd"`},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("mode", "odd"), want: `mode "odd"`},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("coordinate_transformation_mode", "odd"), want: `"odd"`},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("coordinate_transformation_mode", "half_pixel_symmetric", "mode", "linear"), opset: 19},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{2}, []float32{2, 2}}}, want: "2 sizes of 4 dimensions"},
	{op: "Resize", dims: image, in: []any{nil, zeros(4)}, want: "a size or scale of 0"},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{2, 1, 2, 2}}}, want: "axis 0, which is the images'"},
	{op: "Resize", dims: image, in: []any{nil, constant{[]int{4}, []float32{1, 1, 1 << 25, 1}}}, want: "beforehand takes too long"},
	{op: "Resize", dims: image, want: "input 3 is missing"},
	{op: "Upsample", dims: image, in: []any{constant{[]int{4}, []float32{1, 1, 2, 2}}}, attrs: with("mode", "bilinear"), opset: 9},
	{op: "Tile", dims: row, in: []any{ints(1)}, want: "1 repeats of 2 dimensions"},
	{op: "Expand", dims: row, in: []any{ints(3)}, want: "inputs of [1 4] and [1 3]"},
	{op: "GroupNormalization", dims: image, in: []any{zeros(2), zeros(2)}, attrs: with("num_groups", 3), want: "num_groups 3 of 2 channels", opset: 21},
	{op: "GroupNormalization", dims: image, in: []any{zeros(3), zeros(3)}, attrs: with("num_groups", 2), want: "input 1 of [3] for 2 channels", opset: 21},
	{op: "GroupNormalization", dims: image, in: []any{zeros(2), zeros(2)}, attrs: with("num_groups", 2), opset: 21},
	{op: "GroupNormalization", dims: image, in: []any{zeros(1), zeros(1)}, attrs: with("num_groups", 1), opset: 18},
	{op: "InstanceNormalization", dims: image, in: []any{zeros(3), zeros(2)}, want: "input 1 of [3] for 2 channels"},
	{op: "LayerNormalization", dims: []int{1, 2, 4}, in: []any{zeros(4)}, opset: 17},
	{op: "LayerNormalization", dims: []int{1, 2, 4}, in: []any{zeros(4), zeros(4)}, opset: 17},
	{op: "LayerNormalization", dims: []int{1, 2, 4}, in: []any{zeros(3)}, want: "inputs of [1 2 4] and [1 1 3]", opset: 17},
	{op: "BatchNormalization", dims: image, in: []any{zeros(2), zeros(2), zeros(2), zeros(3)}, want: "input 4 of [3] for 2 channels"},
	{op: "BatchNormalization", dims: image, in: []any{zeros(2), zeros(2), zeros(2), zeros(2)}, attrs: with("spatial", 0), want: "spatial 0", opset: 8},
	{op: "PRelu", dims: image, in: []any{zeros(3)}, want: "inputs of [1 2 4 4] and [1 1 1 3]"},
	{op: "AveragePool", dims: image, attrs: with("kernel_shape", []int{0, 0}), want: "kernel_shape [0 0]"},
	{op: "AveragePool", dims: row, attrs: with("kernel_shape", []int{2, 2}), want: "an input of [1 4], want (N, C, H, W)"},
	{op: "AveragePool", dims: image, attrs: with("kernel_shape", []int{3, 3}, "strides", []int{2, 2}, "ceil_mode", 1, "count_include_pad", 1), want: "ceil_mode 1 and count_include_pad"},
	{op: "ReduceMean", dims: row, attrs: with("axes", []int{1, 1}), want: "axis 1 twice"},
	{op: "QuantizeLinear", dims: row, in: []any{zeros(1)}, want: "a scale of 0"},
	{op: "QuantizeLinear", dims: row, in: []any{zeros(2)}, want: "of [2]"},
	{op: "DequantizeLinear", dims: row, in: []any{zeros(1)}, want: "of what no QuantizeLinear made"},
	{op: "Cast", dims: row, attrs: with("to", 8), want: "type 8"},
	{op: "Identity", want: "it depends on no input of numbers", in: []any{zeros(4)}},
	{op: "Constant", want: "no value of numbers"},
	{op: "RandomNormal", attrs: with("shape", []int{0, 4}), want: "a shape of [0 4]"},
	{op: "ConstantOfShape", in: []any{ints(-1)}, want: "[-1]"},
	{op: "Range", in: []any{ints(0, 1), ints(1), ints(1)}, want: "input 0 of [2]"},
	{op: "OneHot", in: []any{ints(0), ints(1, 2), ints(0, 1)}, want: "depth of [2], values of [2]"},
	{op: "Gather", in: []any{zeros(3), ints(7)}, want: "index 7 of 3 elements"},
	{op: "Tile", in: []any{zeros(3), ints(1, 2)}, want: "2 repeats of 1 dimensions"},
	{op: "Tile", in: []any{zeros(3), ints(-1)}, want: "repeats [-1]"},
	{op: "Expand", in: []any{zeros(3), ints(2)}, want: "a constant of [3] does not stretch to it"},
	{op: "MatMul", in: []any{zeros(2, 3), zeros(2, 3)}, want: "matrices of [2 3] and [2 3]"},
	{op: "Gemm", in: []any{zeros(3), zeros(3, 2)}, want: "a matrix of [3]"},
	{op: "Add", in: []any{zeros(2), zeros(3)}, want: "inputs of [2] and [3]"},
	{op: "Where", in: []any{zeros(2), zeros(3), zeros(2)}, want: "inputs of [2] and [3]"},
	{op: "Concat", in: []any{zeros(2), zeros(2, 2)}, attrs: with("axis", 0), want: "inputs of [2] and [2 2]"},
	{op: "Reshape", in: []any{zeros(2), ints(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}, want: "17 dimensions"},
	{op: "Reshape", in: []any{zeros(2), ints(-5)}, want: "shape [-5]"},
	{op: "Flatten", in: []any{zeros(2)}, attrs: with("axis", 3), want: "axis 3 of 1 dimensions"},
	{op: "Squeeze", in: []any{zeros(2), ints(0)}, want: "axis 0 of an input of [2]"},
	{op: "DequantizeLinear", in: []any{zeros(2), zeros(1)}, want: "of what are no integers"},
	{op: "Cast", in: []any{zeros(2)}, attrs: with("to", 99), want: "a constant of type 99"},
	{op: "BitShift", dims: row, want: "BitShift"},
	{op: "Conv", dims: []int{1, 2, 5}, in: []any{zeros(1, 2, 3)}, attrs: with("pads", []int{1, 1})},
	{op: "ConvTranspose", dims: []int{1, 2, 5}, in: []any{zeros(2, 1, 3)}, attrs: with("strides", []int{2}, "auto_pad", "SAME_UPPER")},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 1, 3, 3)}, attrs: with("pads", []int{-1, 0, -1, 0})},
	{op: "LayerNormalization", dims: []int{1, 2, 4}, in: []any{zeros(2, 4), zeros(2, 4)}, attrs: with("axis", 1), opset: 17},
	{op: "LayerNormalization", dims: []int{1, 2, 4}, in: []any{zeros(2, 4)}, attrs: with("axis", 1), opset: 17},
	{op: "BatchNormalization", dims: image, in: []any{zeros(2), zeros(2), zeros(2), zeros(2)}, attrs: with("epsilon", float32(0))},
	{op: "Upsample", dims: image, attrs: with("scales", []float32{1, 1, 2, 2}), opset: 7},
	{op: "Expand", dims: row, in: []any{ints(make([]int, 17)...)}, want: "17 dimensions"},
	{op: "Tile", dims: row, in: []any{ints(2, 1)}, want: "repeats [2 1]"},
	{op: "Gather", dims: row, in: []any{ints(1)}, attrs: with("axis", 0), want: "axis 0, which is the images'"},
	{op: "Range", in: []any{constant{nil, []int{0}}, constant{nil, []int{math.MaxInt32}}, constant{nil, []int{1}}}, want: "a range of"},
	{op: "Reshape", in: []any{zeros(2), ints(1<<20, 1<<20)}, want: "shape [1048576 1048576]"},
	{op: "LeakyRelu", dims: row, attrs: with("alpha", float32(2))},
	{op: "Gemm", dims: row, in: []any{zeros(4, 2), []int{1, 2}}, want: "C is no constant"},
	{op: "Gemm", dims: row, in: []any{zeros(4, 2), zeros(1, 1)}},
	{op: "Gemm", in: []any{zeros(2), zeros(2, 1)}, want: "a matrix of [2]"},
	{op: "MatMul", in: []any{zeros(2, 2, 2), zeros(3, 2, 2)}, want: "matrices of [2 2 2] and [3 2 2]"},
	{op: "Add", dims: row, in: []any{constant{[]int{1, 1, 4}, []float32{1, 2, 3, 4}}}},
	{op: "Add", dims: []int{2, 4}, in: []any{constant{[]int{2, 4}, []float32{1, 2, 3, 4, 1, 2, 3, 4}}}},
	{op: "Add", dims: []int{2, 4}, in: []any{zeros(3, 4)}, want: "a constant of [3 4] with a batch of 2"},
	{op: "Add", dims: []int{2, 4}, in: []any{constant{[]int{2, 1}, []float32{1, 2}}}, want: "differs from image to image"},
	{op: "BatchNormalization", dims: image, in: []any{zeros(2), zeros(2), zeros(2), zeros(2)}, attrs: with("epsilon", float32(0.5))},
	{op: "Conv", dims: image, in: []any{zeros(2, 2, 1, 1)}, attrs: with("dilations", []int{0, 0}), want: "dilations [0 0]"},
	{op: "ConvTranspose", dims: image, in: []any{zeros(2, 2, 1, 1)}, attrs: with("output_padding", []int{-1, -1})},
	{op: "Gather", in: []any{zeros(2), ints(0)}, attrs: with("axis", 5), want: "axis 5"},
	{op: "Split", in: []any{zeros(2)}, attrs: with("axis", 5), want: "axis 5"},
	{op: "Split", dims: row, attrs: with("axis", 0), want: "axis 0, which is the images'"},
	{op: "OneHot", in: []any{ints(0), ints(2), ints(0, 1)}, attrs: with("axis", 5), want: "axis 5"},
	{op: "Softmax", dims: row, attrs: with("axis", 5), want: "axis 5"},
	{op: "LayerNormalization", dims: row, in: []any{zeros(4)}, attrs: with("axis", 5), opset: 17, want: "axis 5"},
	{op: "DequantizeLinear", in: []any{ints(1, 2), real(1, 2)}, attrs: with("axis", 5), want: "axis 5"},
	{op: "DequantizeLinear", in: []any{ints(1, 2), real(1, 2, 3)}, attrs: with("axis", 0), want: "scales of [3]"},
	{op: "DequantizeLinear", in: []any{ints(1, 2), real(1, 2)}, attrs: with("axis", 0, "block_size", 2), want: "scales of blocks", opset: 21},
	{op: "QuantizeLinear", in: []any{real(1, 2), real(1), ints(0)}, want: "to type 7"},
	{op: "QuantizeLinear", in: []any{real(1, 2), real(1, 2)}, attrs: with("axis", 5), want: "axis 5"},
	{op: "QuantizeLinear", dims: row, in: []any{real(1), ints(0)}, want: "to type 7"},
	{op: "Resize", dims: image, in: []any{nil, nil, ints(1, 2, 8, 8)}, attrs: with("mode", "linear", "coordinate_transformation_mode", "half_pixel_symmetric"), opset: 19},
	{op: "Resize", dims: image, in: []any{nil, nil, ints(1, 2, 1, 1)}, attrs: with("mode", "linear", "coordinate_transformation_mode", "align_corners")},
	{op: "GlobalAveragePool", dims: row, want: "want (N, C, H, W)"},
	{op: "Expand", dims: []int{2, 4}, in: []any{ints(3, 4)}, want: "3 images of a batch of 2"},
	{op: "Unsqueeze", in: []any{zeros(2), ints(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}, want: "17 dimensions"},
	{op: "Dropout", dims: row, in: []any{nil, []int{1}}, want: "no constant"},
}

// TestRefusals: nodes that cannot be imported, by what their error says, and neighbors that can.
func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		_, err := Read(r.file())
		what := r.op
		switch {
		case r.want == "" && err != nil:
			t.Errorf("%s %v: %v", what, r.attrs, err)
		case r.want != "" && (err == nil || !strings.Contains(err.Error(), r.want)):
			t.Errorf("%s %v: %v, want %q", what, r.attrs, err, r.want)
		case r.want != "" && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrFormat):
			t.Errorf("%s %v: %v, which is neither of this package's errors", what, r.attrs, err)
		}
	}
}
