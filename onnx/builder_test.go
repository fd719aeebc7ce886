package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file writes small ONNX files for tests.

type testGraph struct{ b []byte }

func field1(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func number(b []byte, num protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func info(name string, elem int, dims ...int) []byte {
	var shape []byte
	for _, d := range dims {
		var dim []byte
		if d >= 0 {
			dim = number(nil, 1, d)
		}
		shape = field1(shape, 1, dim)
	}
	tensor := field1(number(nil, 1, elem), 2, shape)
	return field1(field1(nil, 1, []byte(name)), 2, field1(nil, 1, tensor))
}

func (g *testGraph) input(name string, dims ...int) {
	g.b = field1(g.b, 11, info(name, ir.TypeFloat, dims...))
}

func (g *testGraph) output(name string) { g.b = field1(g.b, 12, field1(nil, 1, []byte(name))) }

// attr is an integer, a list of integers or a text.
type attr struct {
	name  string
	value any
}

func (g *testGraph) node(op string, in, out []string, attrs ...attr) {
	var b []byte
	for _, n := range in {
		b = field1(b, 1, []byte(n))
	}
	for _, n := range out {
		b = field1(b, 2, []byte(n))
	}
	b = field1(b, 4, []byte(op))
	for _, a := range attrs {
		p := field1(nil, 1, []byte(a.name))
		switch v := a.value.(type) {
		case int:
			p = number(p, 3, v)
		case string:
			p = field1(p, 4, []byte(v))
		case []int:
			for _, n := range v {
				p = number(p, 8, n)
			}
		}
		b = field1(b, 5, p)
	}
	g.b = field1(g.b, 1, b)
}

func tensorHead(name string, typ int, dims []int) (b []byte) {
	for _, d := range dims {
		b = number(b, 1, d)
	}
	return field1(number(b, 2, typ), 8, []byte(name))
}

func (g *testGraph) floats(name string, dims []int, values ...float32) {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	g.b = field1(g.b, 5, field1(tensorHead(name, ir.TypeFloat, dims), 9, raw))
}

func (g *testGraph) ints(name string, dims []int, values ...int) {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	g.b = field1(g.b, 5, field1(tensorHead(name, ir.TypeInt64, dims), 9, raw))
}

// external adds a tensor of another file.
func (g *testGraph) external(name, location, offset string, dims []int) {
	entry := func(k, v string) []byte { return field1(field1(nil, 1, []byte(k)), 2, []byte(v)) }
	b := field1(tensorHead(name, ir.TypeFloat, dims), 13, entry("location", location))
	b = number(field1(b, 13, entry("offset", offset)), 14, 1)
	g.b = field1(g.b, 5, b)
}

// file returns the whole file.
func (g *testGraph) file(opset int) []byte {
	b := number(nil, 1, 8)
	b = field1(b, 2, []byte("test"))
	b = field1(b, 8, number(nil, 2, opset))
	return field1(b, 7, g.b)
}

// bytes adds a tensor of int8.
func (g *testGraph) bytes(name string, dims []int, values ...byte) {
	g.b = field1(g.b, 5, field1(tensorHead(name, ir.TypeInt8, dims), 9, values))
}
