package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file writes small ONNX files for tests.

// testGraph is a graph's message and, for the file that has it, the messages of its functions.
type testGraph struct{ b, functions []byte }

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

// attr is an integer, a number, a list of either, a text, a branch or a reference to a function's
// attribute.
type attr struct {
	name  string
	value any
}

// ref names an attribute of the function that a node is in.
type ref string

func (g *testGraph) node(op string, in, out []string, attrs ...attr) {
	g.b = field1(g.b, 1, nodeProto("", op, in, out, attrs...))
}

func nodeProto(domain, op string, in, out []string, attrs ...attr) (b []byte) {
	for _, n := range in {
		b = field1(b, 1, []byte(n))
	}
	for _, n := range out {
		b = field1(b, 2, []byte(n))
	}
	b = field1(field1(b, 4, []byte(op)), 7, []byte(domain))
	for _, a := range attrs {
		p := field1(nil, 1, []byte(a.name))
		switch v := a.value.(type) {
		case int:
			p = number(p, 3, v)
		case float32:
			p = protowire.AppendFixed32(protowire.AppendTag(p, 2, protowire.Fixed32Type), math.Float32bits(v))
		case []float32:
			var packed []byte
			for _, f := range v {
				packed = protowire.AppendFixed32(packed, math.Float32bits(f))
			}
			p = field1(p, 7, packed)
		case string:
			p = field1(p, 4, []byte(v))
		case []int:
			for _, n := range v {
				p = number(p, 8, n)
			}
		case *testGraph:
			p = field1(p, 6, v.b)
		case ref:
			p = field1(p, 21, []byte(v))
		}
		b = field1(b, 5, p)
	}
	return b
}

// call adds a node of a function of the file.
func (g *testGraph) call(name string, in, out []string, attrs ...attr) {
	g.b = field1(g.b, 1, nodeProto("own", name, in, out, attrs...))
}

// function adds one, whose nodes are the graph's.
func (g *testGraph) function(name string, in, out []string, body *testGraph, opset int) {
	b := field1(field1(nil, 1, []byte(name)), 10, []byte("own"))
	for _, n := range in {
		b = field1(b, 4, []byte(n))
	}
	for _, n := range out {
		b = field1(b, 5, []byte(n))
	}
	b = field1(b, 9, number(nil, 2, opset))
	for at := body.b; len(at) > 0; {
		_, _, n := protowire.ConsumeTag(at)
		node, size := protowire.ConsumeBytes(at[n:])
		b, at = field1(b, 7, node), at[n+size:]
	}
	g.functions = field1(g.functions, 25, b)
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
	return append(field1(b, 7, g.b), g.functions...)
}

// bytes adds a tensor of int8.
func (g *testGraph) bytes(name string, dims []int, values ...byte) {
	g.b = field1(g.b, 5, field1(tensorHead(name, ir.TypeInt8, dims), 9, values))
}
