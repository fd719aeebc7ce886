package tflite

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// This file writes small files of TensorFlow Lite for tests.

// fields are a table of FlatBuffers: by their numbers, numbers (int, float32), texts, lists of
// numbers, bytes, tables and lists of tables.
type fields map[int]any

// encode writes a table at the end of b, and what it points to behind it. Every field takes eight
// bytes. It returns where the table is.
func encode(b []byte, t fields) ([]byte, int) {
	n := 0
	for k := range t {
		n = max(n, k+1)
	}
	kinds := len(b)
	b = binary.LittleEndian.AppendUint16(b, uint16(4+2*n))
	b = binary.LittleEndian.AppendUint16(b, uint16(4+8*n))
	for k := range n {
		at := 0
		if _, ok := t[k]; ok {
			at = 4 + 8*k
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(at))
	}
	table := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(table-kinds))
	b = append(b, make([]byte, 8*n)...)
	for _, k := range slices.Sorted(maps.Keys(t)) {
		field := table + 4 + 8*k
		at := 0
		switch v := t[k].(type) {
		case int:
			binary.LittleEndian.PutUint64(b[field:], uint64(int64(v)))
			continue
		case float32:
			binary.LittleEndian.PutUint32(b[field:], math.Float32bits(v))
			continue
		case fields:
			b, at = encode(b, v)
		case []fields:
			at = len(b)
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), make([]byte, 4*len(v))...)
			for i, e := range v {
				var to int
				entry := at + 4 + 4*i
				b, to = encode(b, e)
				binary.LittleEndian.PutUint32(b[entry:], uint32(to-entry))
			}
		default:
			at = len(b)
			b = list4(b, v)
		}
		binary.LittleEndian.PutUint32(b[field:], uint32(at-field))
	}
	return b, table
}

// list4 writes a list of numbers or a text.
func list4(b []byte, v any) []byte {
	size := func(n int) { b = binary.LittleEndian.AppendUint32(b, uint32(n)) }
	switch v := v.(type) {
	case string:
		size(len(v))
		b = append(b, v...)
	case []byte:
		size(len(v))
		b = append(b, v...)
	case []int:
		size(len(v))
		b = append(b, int32s(v...)...)
	case []int64:
		size(len(v))
		for _, n := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
	case []float32:
		size(len(v))
		b = append(b, float32s(v...)...)
	default:
		panic("no list of FlatBuffers")
	}
	return b
}

func int32s(v ...int) (b []byte) {
	for _, n := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(n)))
	}
	return b
}

func float32s(v ...float32) (b []byte) {
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// written is a file whose outermost table is t.
func written(t fields) []byte {
	b, at := encode([]byte("\x00\x00\x00\x00TFL3"), t)
	binary.LittleEndian.PutUint32(b, uint32(at))
	return b
}

// Elements' types, as the format numbers them.
const (
	floatType = 0
	int32Type = 2
	int64Type = 4
	int8Type  = 9
)

// constant is a tensor in the file.
type constant struct {
	dims  []int
	typ   int
	data  []byte
	scale fields // of what integers stand for; nil for none
}

func ints(v ...int) constant      { return constant{[]int{len(v)}, int32Type, int32s(v...), nil} }
func reals(v ...float32) constant { return constant{[]int{len(v)}, floatType, float32s(v...), nil} }

func longs(v ...int) constant {
	var b []byte
	for _, n := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(n)))
	}
	return constant{[]int{len(v)}, int64Type, b, nil}
}

// shaped gives a constant other dimensions.
func (c constant) shaped(dims ...int) constant {
	c.dims = dims
	return c
}

// single is a file of one operator: input x, if it has dimensions, then constants, nil for one that
// is left out. The output that is wanted is the last one.
type single struct {
	operator int
	dims     []int
	in       []any
	options  fields
	outputs  int   // 1 if 0
	last     []int // the output's dimensions, which some operators need
	constant bool  // whether x stands behind the constants
	negated  bool  // whether NEG follows, so that there is a layer
}

// tables returns the file's outermost table, to be damaged.
func (s single) tables() fields {
	tensors, buffers, in := []fields{}, []fields{{}}, []int{}
	input := func() {
		if s.dims != nil {
			in = append(in, len(tensors))
			tensors = append(tensors, fields{0: s.dims, 1: floatType, 3: "x"})
		}
	}
	if !s.constant {
		input()
	}
	for _, c := range s.in {
		c, ok := c.(constant)
		if !ok {
			in = append(in, -1)
			continue
		}
		in = append(in, len(tensors))
		t := fields{0: c.dims, 1: c.typ, 2: len(buffers), 3: "c"}
		if c.scale != nil {
			t[4] = c.scale
		}
		tensors, buffers = append(tensors, t), append(buffers, fields{0: c.data})
	}
	if s.constant {
		input()
	}
	var out []int
	for range max(1, s.outputs) {
		out = append(out, len(tensors))
		tensors = append(tensors, fields{0: s.last, 1: floatType, 3: "y"})
	}
	node := fields{0: 0, 1: in, 2: out}
	if s.options != nil {
		node[4] = s.options
	}
	var inputs []int
	for i, t := range tensors {
		if t[3] == "x" {
			inputs = []int{i}
		}
	}
	codes, nodes := []fields{codeOf(s.operator)}, []fields{node}
	if s.negated {
		const neg = 59
		codes, nodes = append(codes, codeOf(neg)), append(nodes, fields{0: 1, 1: out[len(out)-1:], 2: []int{len(tensors)}})
		out = []int{len(tensors)}
		tensors = append(tensors, fields{1: floatType, 3: "z"})
	}
	return fields{0: 3, 1: codes, 4: buffers, 2: []fields{{0: tensors, 1: inputs, 2: out[len(out)-1:], 3: nodes, 4: "main"}}}
}

// codeOf is a kind of operator: where the older of its two fields is too small, it holds 127.
func codeOf(operator int) fields { return fields{0: min(operator, 127), 3: operator} }
