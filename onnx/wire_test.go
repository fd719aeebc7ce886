package onnx

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// Fields of a TensorProto.
const (
	floatData = 4
	int32Data = 5
	int64Data = 7
)

// sumFile adds a tensor w, given whole, to a vector of two.
func sumFile(tensor []byte) []byte {
	g := &testGraph{}
	g.input("x", -1, 2)
	g.b = field1(g.b, 5, tensor)
	g.node("Cast", []string{"w"}, []string{"c"}, attr{"to", ir.TypeFloat})
	g.node("Add", []string{"x", "c"}, []string{"y"})
	g.output("y")
	return g.file(13)
}

func tag(b []byte, num protowire.Number, typ protowire.Type) []byte {
	return protowire.AppendTag(b, num, typ)
}

// TestTensorForms: elements one by one, in one list, in several.
func TestTensorForms(t *testing.T) {
	fixed := func(b []byte, bits uint32) []byte {
		return protowire.AppendFixed32(tag(b, floatData, protowire.Fixed32Type), bits)
	}
	head := func(typ int) []byte { return tensorHead("w", typ, []int{2}) }
	for what, tensor := range map[string][]byte{
		"floats one by one": fixed(fixed(head(ir.TypeFloat), 0x3f800000), 0x40000000),
		"floats in two lists": field1(field1(head(ir.TypeFloat), floatData, []byte{0, 0, 0x80, 0x3f}),
			floatData, []byte{0, 0, 0, 0x40}),
		"integers one by one":   number(number(head(ir.TypeInt64), int64Data, 1), int64Data, 2),
		"integers in two lists": field1(field1(head(ir.TypeInt32), int32Data, []byte{1}), int32Data, []byte{2}),
	} {
		m, err := Read(sumFile(tensor))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := drawn(t, m, model.Data{Floats: make([]float32, 2)}); !slices.Equal(got, []float32{1, 2}) {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// TestWireDamage: messages that are none of ONNX's.
func TestWireDamage(t *testing.T) {
	graph := slices.Clip((&testGraph{}).file(13)) // to be appended to more than once
	meta := func(key, value string) []byte {
		return field1(sumFile(number(tensorHead("w", ir.TypeInt64, []int{1}), int64Data, 1)), 14, field1(field1(nil, 1, []byte(key)), 2, []byte(value)))
	}
	sparse := &testGraph{}
	sparse.input("x", -1, 2)
	sparse.b = field1(sparse.b, 15, nil)
	sparse.node("Tanh", []string{"x"}, []string{"y"})
	sparse.output("y")
	for what, c := range map[string]struct {
		b    []byte
		want string
	}{
		"no graph":        {number(nil, 1, 8), "it holds no graph"},
		"a number":        {number(nil, 7, 1), "field 7 has wire type 0, want 2"},
		"opset":           {number(graph, 8, 1), "field 8 has wire type 0, want 2"},
		"functions":       {number(graph, 25, 1), "field 25 has wire type 0, want 2"},
		"metadata":        {number(graph, 14, 1), "field 14 has wire type 0, want 2"},
		"a group":         {tag(nil, 7, protowire.StartGroupType), "wire type 3"},
		"cut off":         {append(tag(nil, 7, protowire.BytesType), 9), "unexpected EOF"},
		"half a tag":      {[]byte{0xff}, "unexpected EOF"},
		"other metadata":  {meta(ir.KeyImages, "["), "its metadata " + ir.KeyImages},
		"sparse":          {sparse.file(13), "sparse initializers"},
		"dimensions":      {sumFile(tensorHead("w", ir.TypeFloat, make([]int, 20))), `tensor "" has a dimension of 0`},
		"large dimension": {sumFile(tensorHead("w", ir.TypeFloat, []int{math.MaxInt32})), "has a dimension of 2147483647"},
		"texts":           {sumFile(tensorHead("w", ir.TypeString, []int{2})), `tensor "w" holds texts`},
		"elements":        {sumFile(tensorHead("w", 99, []int{2})), `tensor "w" has elements of type 99`},
		"too few":         {sumFile(field1(tensorHead("w", ir.TypeInt64, []int{2}), int64Data, []byte{1})), `tensor "w" of [2] has too few values`},
		"others":          {sumFile(field1(tensorHead("w", ir.TypeInt64, []int{2}), int64Data, []byte{1, 2, 3})), `tensor "w" of [2] has other values`},
		"half a value":    {sumFile(field1(tensorHead("w", ir.TypeInt64, []int{2}), int64Data, []byte{1, 0xff})), `tensor "w" of [2] has other values`},
		"no float":        {sumFile(number(tensorHead("w", ir.TypeFloat, []int{2}), floatData, 1)), "field 4 has wire type 0, want 2"},
		"no varint": {sumFile(protowire.AppendFixed32(tag(tensorHead("w", ir.TypeInt64, []int{2}), int64Data, protowire.Fixed32Type), 1)),
			"field 7 has wire type 5, want 2"},
	} {
		_, err := Read(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}

// TestOptionDamage: options that no file can follow.
func TestOptionDamage(t *testing.T) {
	g := &testGraph{}
	g.input("x", -1, 2)
	g.node("Tanh", []string{"x"}, []string{"y"})
	g.output("y")
	for what, c := range map[string]struct {
		o    Options
		want string
	}{
		"layout": {Options{Layout: "CHWN"}, `no layout "CHWN"`},
		"output": {Options{Output: "z"}, `no output "z"`},
		"class":  {Options{OneHot: []string{"z"}}, `no input "z"`},
		"shape":  {Options{Shapes: map[string][]int{"z": {1, 2}}}, `no input "z"`},
	} {
		if _, err := c.o.Read(g.file(13)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}
