package tflite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// drawn runs a model on one input of 1, 2, 3 ...
func drawn(t *testing.T, m *model.Model) []float32 {
	t.Helper()
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := make([]float32, m.Inputs()[0].Shape.Len())
	for i := range x {
		x[i] = float32(i + 1)
	}
	y := make([]float32, m.Output().Len())
	if err := s.RunFeed(context.Background(), model.Feed{In: []model.Data{{Floats: x}}, Out: []model.Data{{Floats: y}}}); err != nil {
		t.Fatal(err)
	}
	return y
}

var (
	row   = []int{1, 3}
	image = []int{1, 2, 2, 1}
)

// singles are files of one operator and what they make of 1, 2, 3 ...
var singles = []struct {
	what string
	s    single
	want []float32
}{
	{"ADD", single{operator: 0, dims: row, in: []any{reals(10)}}, []float32{11, 12, 13}},
	{"ADD with RELU6", single{operator: 0, dims: row, in: []any{reals(4)}, options: fields{0: 3}}, []float32{5, 6, 6}},
	{"ADD with RELU_N1_TO_1", single{operator: 0, dims: row, in: []any{reals(-2)}, options: fields{0: 2}}, []float32{-1, 0, 1}},
	{"MUL with TANH", single{operator: 18, dims: row, in: []any{reals(100)}, options: fields{0: 4}}, []float32{1, 1, 1}},
	{"RELU_N1_TO_1", single{operator: 20, dims: row}, []float32{1, 1, 1}},
	{"RELU_0_TO_1", single{operator: 152, dims: row}, []float32{1, 1, 1}},
	{"RELU", single{operator: 19, dims: row}, []float32{1, 2, 3}},
	{"RELU6", single{operator: 21, dims: row}, []float32{1, 2, 3}},
	{"GELU", single{operator: 150, dims: row}, []float32{0.8413447, 1.9544997, 2.9959502}},
	{"GELU by tanh", single{operator: 150, dims: row, options: fields{0: 1}}, []float32{0.8411920, 1.9545977, 2.9963627}},
	{"SOFTMAX", single{operator: 25, dims: row, options: fields{0: float32(1)}}, []float32{0.09003057, 0.24472848, 0.66524094}},
	{"SOFTMAX of nothing", single{operator: 25, dims: row, options: fields{0: float32(0)}}, []float32{1. / 3, 1. / 3, 1. / 3}},
	{"TRANSPOSE by int64", single{operator: 39, dims: []int{1, 2, 2}, in: []any{longs(0, 2, 1)}}, []float32{1, 3, 2, 4}},
	{"NEG", single{operator: 59, dims: row}, []float32{-1, -2, -3}},
	{"ABS", single{operator: 101, dims: row}, []float32{1, 2, 3}},
	{"SQUARE", single{operator: 92, dims: row}, []float32{1, 4, 9}},
	{"SQUARED_DIFFERENCE", single{operator: 99, dims: row, in: []any{reals(2)}}, []float32{1, 0, 1}},
	{"ADD_N", single{operator: 106, dims: row, in: []any{reals(1, 1, 1).shaped(1, 3), reals(2, 2, 2).shaped(1, 3)}}, []float32{4, 5, 6}},
	{"MAXIMUM", single{operator: 55, dims: row, in: []any{reals(2)}}, []float32{2, 2, 3}},
	{"MINIMUM", single{operator: 57, dims: row, in: []any{reals(2)}}, []float32{1, 2, 2}},
	{"POW", single{operator: 78, dims: row, in: []any{reals(2)}}, []float32{1, 4, 9}},
	{"LEAKY_RELU", single{operator: 98, dims: row, options: fields{0: float32(0.5)}}, []float32{1, 2, 3}},
	{"PRELU", single{operator: 54, dims: row, in: []any{reals(2)}}, []float32{1, 2, 3}},
	{"QUANTIZE", single{negated: true, operator: 114, dims: row}, []float32{-1, -2, -3}},
	{"DEQUANTIZE", single{negated: true, operator: 6, dims: row}, []float32{-1, -2, -3}},
	{"CAST", single{negated: true, operator: 53, dims: row}, []float32{-1, -2, -3}},
	{"RESHAPE by its options", single{operator: 22, dims: image, options: fields{0: []int{1, 4}}}, []float32{1, 2, 3, 4}},
	{"RESHAPE by its output", single{operator: 22, dims: image, last: []int{1, 4}}, []float32{1, 2, 3, 4}},
	{"SQUEEZE", single{negated: true, operator: 43, dims: []int{1, 3, 1, 1}, options: fields{0: []int{2, 3}}}, []float32{-1, -2, -3}},
	{"SQUEEZE of all", single{negated: true, operator: 43, dims: []int{1, 3, 1, 1}, options: fields{0: []int{-1, -2}}}, []float32{-1, -2, -3}},
	{"EXPAND_DIMS", single{negated: true, operator: 70, dims: row, in: []any{ints(1)}}, []float32{-1, -2, -3}},
	{"TRANSPOSE", single{operator: 39, dims: []int{1, 2, 2}, in: []any{ints(0, 2, 1)}}, []float32{1, 3, 2, 4}},
	{"CONCATENATION", single{operator: 2, dims: row, in: []any{reals(7).shaped(1, 1)}, options: fields{0: 1}}, []float32{1, 2, 3, 7}},
	{"PACK", single{operator: 83, dims: row, in: []any{reals(7, 8, 9).shaped(1, 3)}, options: fields{1: 1}}, []float32{1, 2, 3, 7, 8, 9}},
	{"UNPACK", single{operator: 88, dims: []int{1, 2, 2}, options: fields{0: 2, 1: 1}, outputs: 2}, []float32{3, 4}},
	{"SPLIT", single{operator: 49, dims: []int{1, 4}, in: []any{ints(1)}, constant: true, options: fields{0: 2}, outputs: 2}, []float32{3, 4}},
	{"SPLIT_V", single{operator: 102, dims: []int{1, 4}, in: []any{ints(1, 3), ints(1)}, options: fields{0: 2}, outputs: 2}, []float32{2, 3, 4}},
	{"GATHER", single{operator: 36, dims: row, in: []any{ints(2, 0)}, options: fields{0: 1}}, []float32{3, 1}},
	{"PAD", single{operator: 34, dims: row, in: []any{ints(0, 0, 1, 2).shaped(2, 2)}}, []float32{0, 1, 2, 3, 0, 0}},
	{"PADV2", single{operator: 60, dims: row, in: []any{ints(0, 0, 1, 0).shaped(2, 2), reals(5)}}, []float32{5, 1, 2, 3}},
	{"MIRROR_PAD", single{operator: 100, dims: []int{1, 3, 1, 1}, in: []any{ints(0, 0, 1, 1, 0, 0, 0, 0).shaped(4, 2)}}, []float32{2, 1, 2, 3, 2}},
	{"SLICE", single{operator: 65, dims: row, in: []any{ints(0, 1), ints(1, -1)}}, []float32{2, 3}},
	{"STRIDED_SLICE", single{operator: 45, dims: row, in: []any{ints(0, 1), ints(1, 3), ints(1, 1)}}, []float32{2, 3}},
	{"STRIDED_SLICE by its masks", single{operator: 45, dims: row, in: []any{ints(0, 1), ints(1, 2), ints(1, 2)}, options: fields{0: 2, 1: 2}}, []float32{1, 3}},
	{"STRIDED_SLICE of the last", single{operator: 45, dims: []int{1, 2, 3}, in: []any{ints(0, -1), ints(1, 0), ints(1, 1)}, options: fields{4: 2}}, []float32{4, 5, 6}},
	{"TILE", single{operator: 69, dims: row, in: []any{ints(1, 2)}}, []float32{1, 2, 3, 1, 2, 3}},
	{"BROADCAST_TO", single{operator: 130, dims: []int{1, 1, 2}, in: []any{ints(1, 2, 2)}}, []float32{1, 2, 1, 2}},
	{"MEAN", single{operator: 40, dims: []int{1, 2, 2}, in: []any{ints(1)}}, []float32{2, 3}},
	{"SUM", single{operator: 74, dims: []int{1, 2, 2}, in: []any{ints(1)}, options: fields{0: 1}}, []float32{4, 6}},
	{"REDUCE_MAX", single{operator: 82, dims: image, in: []any{ints(1, 2)}}, []float32{4}},
	{"MAX_POOL_2D", single{operator: 17, dims: image, options: fields{0: 1, 1: 2, 2: 2, 3: 2, 4: 2}}, []float32{4}},
	{"AVERAGE_POOL_2D", single{operator: 1, dims: image, options: fields{1: 2, 2: 2, 3: 2, 4: 2}}, []float32{2.5}},
	{"SPACE_TO_DEPTH", single{operator: 26, dims: image, options: fields{0: 2}}, []float32{1, 2, 3, 4}},
	{"DEPTH_TO_SPACE", single{operator: 5, dims: []int{1, 1, 1, 4}, options: fields{0: 2}}, []float32{1, 2, 3, 4}},
	{"CONV_2D", single{operator: 3, dims: image, in: []any{reals(1, 1, 1, 1).shaped(1, 2, 2, 1), reals(5)}, options: fields{0: 1, 1: 1, 2: 1}}, []float32{15}},
	{"DEPTHWISE_CONV_2D", single{operator: 4, dims: []int{1, 1, 1, 2}, in: []any{reals(1, 2, 3, 4).shaped(1, 1, 1, 4)}, options: fields{1: 1, 2: 1, 3: 2}},
		[]float32{1, 2, 6, 8}},
	{"TRANSPOSE_CONV", single{operator: 67, dims: []int{1, 1, 1, 1}, in: []any{ints(1, 2, 2, 1), reals(1, 2, 3, 4).shaped(1, 2, 2, 1)},
		constant: true, options: fields{0: 1, 1: 2, 2: 2}}, []float32{1, 2, 3, 4}},
	{"RESIZE_NEAREST_NEIGHBOR", single{operator: 97, dims: image, in: []any{ints(1, 2)}}, []float32{1, 2}},
	{"RESIZE_NEAREST_NEIGHBOR by centers", single{operator: 97, dims: image, in: []any{ints(4, 2)}, options: fields{1: 1}}, []float32{1, 2, 1, 2, 3, 4, 3, 4}},
	{"RESIZE_BILINEAR by corners", single{operator: 23, dims: image, in: []any{ints(3, 2)}, options: fields{2: 1}}, []float32{1, 2, 2, 3, 3, 4}},
	{"FULLY_CONNECTED", single{operator: 9, dims: row, in: []any{reals(1, 10, 100).shaped(1, 3), reals(0.5)}}, []float32{321.5}},
	{"FULLY_CONNECTED of an image", single{operator: 9, dims: image, in: []any{reals(1, 10, 100, 1000).shaped(1, 4)}}, []float32{4321}},
	{"FULLY_CONNECTED by positions", single{operator: 9, dims: []int{1, 2, 2}, in: []any{reals(1, 10).shaped(1, 2), reals(1)}, options: fields{2: 1}}, []float32{22, 44}},
	{"BATCH_MATMUL", single{operator: 126, dims: row, in: []any{reals(1, 10, 100).shaped(3, 1)}}, []float32{321}},
	{"BATCH_MATMUL, transposed", single{operator: 126, dims: row, in: []any{reals(1, 10, 100).shaped(1, 3)}, options: fields{1: 1}}, []float32{321}},
	{"ADD of 8-bit integers", single{operator: 0, dims: row, in: []any{constant{[]int{3}, int8Type, []byte{1, 2, 3}, fields{2: []float32{0.5}, 3: []int64{1}}}}},
		[]float32{1, 2.5, 4}},
}

func TestSingles(t *testing.T) {
	for _, c := range singles {
		m, err := Read(written(c.s.tables()))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if got := drawn(t, m); !slices.EqualFunc(got, c.want, func(a, b float32) bool { return max(a-b, b-a) < 1e-5 }) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// TestRefused: operators that cannot be translated, by what their error says.
func TestRefused(t *testing.T) {
	for want, s := range map[string]single{
		"padding 5":                     {operator: 3, dims: image, in: []any{reals(1).shaped(1, 1, 1, 1)}, options: fields{0: 5}},
		"padding 6":                     {operator: 4, dims: image, in: []any{reals(1).shaped(1, 1, 1, 1)}, options: fields{0: 6}},
		"padding 7":                     {operator: 67, dims: image, in: []any{ints(1, 2, 2, 1), reals(1).shaped(1, 1, 1, 1)}, constant: true, options: fields{0: 7}},
		"padding 8":                     {operator: 17, dims: image, options: fields{0: 8}},
		"depth_multiplier 0":            {operator: 4, dims: []int{1, 2, 2}, in: []any{reals(1).shaped(1, 1, 1)}},
		"align_corners with half_pixel": {operator: 23, dims: image, in: []any{ints(3, 2)}, options: fields{2: 1, 3: 1}},
		"weights_format 1":              {operator: 9, dims: row, in: []any{reals(1, 2, 3).shaped(1, 3)}, options: fields{1: 1}},
		"weights of [3]":                {operator: 9, dims: image, in: []any{reals(1, 2, 3)}},
		"adj_x":                         {operator: 126, dims: row, in: []any{reals(1, 2, 3).shaped(3, 1)}, options: fields{0: 1}},
		"axes [1 1]":                    {operator: 49, dims: row, in: []any{ints(1, 1)}, constant: true},
		"input 1 (c) is no constant of": {operator: 39, dims: row, in: []any{reals(0, 1)}},
		"input 0 (c) is no constant of": {operator: 49, dims: row, in: []any{reals(1)}, constant: true},
		"input 1 is missing":            {operator: 40, dims: row, in: []any{nil}},
		"FULLY_CONNECTED -> \"y\": input 1 is missing": {operator: 9, dims: image, in: []any{nil}},
		"input 2 is missing":                           {operator: 65, dims: row, in: []any{ints(0, 0), nil}},
		"input 3 is missing":                           {operator: 45, dims: row, in: []any{ints(0), ints(1), nil}},
		"batch_dims 1":                                 {operator: 36, dims: row, in: []any{ints(0)}, options: fields{1: 1}},
		"mode SYMMETRIC":                               {operator: 100, dims: row, in: []any{ints(0, 0, 1, 1)}, options: fields{0: 1}},
		"paddings [1]":                                 {operator: 34, dims: row, in: []any{ints(1)}},
		"paddings [2]":                                 {operator: 100, dims: row, in: []any{ints(2)}},
		"begin [0 0], size [1]":                        {operator: 65, dims: row, in: []any{ints(0, 0), ints(1)}},
		"begin [0], end [1], strides [1 1]":            {operator: 45, dims: row, in: []any{ints(0), ints(1), ints(1, 1)}},
		"ellipsis_mask 1":                              {operator: 45, dims: row, in: []any{ints(0), ints(1), ints(1)}, options: fields{2: 1}},
		"strides [0]":                                  {operator: 45, dims: row, in: []any{ints(0), ints(1), ints(0)}},
		"activation 9":                                 {operator: 0, dims: row, in: []any{reals(1)}, options: fields{0: 9}},
		"operator 1234":                                {operator: 1234, dims: row},
		`CUSTOM ""`:                                    {operator: 32, dims: row},
		"elements of":                                  {operator: 0, dims: row, in: []any{constant{[]int{1}, 5, []byte("a"), nil}}},
	} {
		_, err := Read(written(s.tables()))
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestTables: files whose tables do not fit together.
func TestTables(t *testing.T) {
	graph := func(f fields) fields { return f[2].([]fields)[0] }
	node := func(f fields) fields { return graph(f)[3].([]fields)[0] }
	tensor := func(f fields, i int) fields { return graph(f)[0].([]fields)[i] }
	for want, damage := range map[string]func(f fields){
		"version 2, want 3":                         func(f fields) { f[0] = 2 },
		"it holds no graph":                         func(f fields) { f[2] = []fields{} },
		"its graph has no outputs":                  func(f fields) { graph(f)[2] = []int{} },
		"an input or output is tensor 9 of 3":       func(f fields) { graph(f)[2] = []int{9} },
		"an operator is number 7 of 1":              func(f fields) { node(f)[0] = 7 },
		"an operator reads or makes tensor 8 of 3":  func(f fields) { node(f)[1] = []int{8, 0} },
		`ADD -> "y" has 1 inputs, want 2`:           func(f fields) { node(f)[1] = []int{0} },
		"ADD makes nothing":                         func(f fields) { node(f)[2] = []int{} },
		`tensor "c" has buffer 6 of 2`:              func(f fields) { tensor(f, 1)[2] = 6 },
		`tensor "c" has 2 scales and 1 zero points`: func(f fields) { tensor(f, 1)[4] = fields{2: []float32{1, 1}, 3: []int64{0}} },
		`tensor "y" has the zero point 128, which is none`: func(f fields) {
			tensor(f, 2)[1], tensor(f, 2)[4] = 9, fields{2: []float32{1}, 3: []int64{128}}
		},
		`tensor "y" has the zero point -1, which is none`: func(f fields) {
			tensor(f, 2)[1], tensor(f, 2)[4] = 3, fields{2: []float32{1}, 3: []int64{-1}}
		},
		`reads "c", which nothing before it makes`:         func(f fields) { tensor(f, 1)[2] = 0 },
		"a buffer of 1000000 bytes at 2 is outside of the": func(f fields) { f[4].([]fields)[1] = fields{1: 2, 2: 1000000} },
	} {
		f := single{operator: 0, dims: row, in: []any{reals(1)}}.tables()
		damage(f)
		if _, err := Read(written(f)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, change := range map[string]func(f fields){
		"sparse values": func(f fields) { tensor(f, 1)[6] = fields{0: 1} },
	} {
		f := single{operator: 0, dims: row, in: []any{reals(1)}}.tables()
		change(f)
		if _, err := Read(written(f)); !errors.Is(err, ErrUnsupported) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
