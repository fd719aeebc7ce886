package onnxwrite

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers are those of onnx.proto3 of ONNX 1.12.

// The types of tensors.
const (
	typeFloat = 1
	typeUint8 = 2
	typeInt8  = 3
	typeInt32 = 6
	typeInt64 = 7
)

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendText(b []byte, num protowire.Number, v string) []byte {
	return appendBytes(b, num, []byte(v))
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

// tensor encodes a TensorProto.
func tensor(name string, typ int, dims []int, raw []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = appendInt(b, 1, int64(d))
	}
	return appendBytes(appendText(appendInt(b, 2, int64(typ)), 8, name), 9, raw)
}

func rawFloats(x []float32) []byte {
	raw := make([]byte, 0, 4*len(x))
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

func rawInt8s(x []int8) []byte {
	raw := make([]byte, len(x))
	for i, v := range x {
		raw[i] = byte(v)
	}
	return raw
}

func rawInt32s(x []int32) []byte {
	raw := make([]byte, 0, 4*len(x))
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
	}
	return raw
}

func rawInts(x []int) []byte {
	raw := make([]byte, 0, 8*len(x))
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return raw
}

// batchName is the name of the dimension that counts images.
const batchName = "N"

// valueInfo encodes a ValueInfoProto of a tensor whose first dimension is the batch.
func valueInfo(name string, typ int, dims []int) []byte {
	shape := appendBytes(nil, 1, appendText(nil, 2, batchName))
	for _, d := range dims {
		shape = appendBytes(shape, 1, appendInt(nil, 1, int64(d)))
	}
	t := appendBytes(appendInt(nil, 1, int64(typ)), 2, shape)
	return appendBytes(appendText(nil, 1, name), 2, appendBytes(nil, 1, t))
}

// The types of attributes.
const (
	attrFloat = 1
	attrInt   = 2
	attrText  = 3
	attrInts  = 7
)

// attr is an attribute: its value is an int, float64, string or []int.
type attr struct {
	name  string
	value any
}

func (a attr) encode() []byte {
	b := appendText(nil, 1, a.name)
	kind := int64(0)
	switch v := a.value.(type) {
	case float64:
		kind = attrFloat
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(float32(v)))
	case int:
		kind, b = attrInt, appendInt(b, 3, int64(v))
	case string:
		kind, b = attrText, appendText(b, 4, v)
	case []int:
		kind = attrInts
		for _, n := range v {
			b = appendInt(b, 8, int64(n))
		}
	}
	return appendInt(b, 20, kind)
}

// node encodes a NodeProto.
func node(name, op string, in, out []string, attrs []attr) []byte {
	var b []byte
	for _, n := range in {
		b = appendText(b, 1, n)
	}
	for _, n := range out {
		b = appendText(b, 2, n)
	}
	b = appendText(appendText(b, 3, name), 4, op)
	for _, a := range attrs {
		b = appendBytes(b, 5, a.encode())
	}
	return b
}

// pair encodes a StringStringEntryProto.
func pair(key, value string) []byte { return appendText(appendText(nil, 1, key), 2, value) }
