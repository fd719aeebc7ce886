package onnxproto

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// field is one field of a message in protobuf's wire format.
type field struct {
	num    protowire.Number
	number uint64 // of a varint or fixed-size field
	bytes  []byte // of a length-delimited one
	typ    protowire.Type
}

// fields calls f for each field of a message.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return ir.Damaged("%v", protowire.ParseError(n))
		}
		b = b[n:]
		at := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			at.number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			at.number = uint64(v)
		case protowire.Fixed64Type:
			at.number, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			at.bytes, n = protowire.ConsumeBytes(b)
		default:
			return ir.Damaged("wire type %d", typ)
		}
		if n < 0 {
			return ir.Damaged("%v", protowire.ParseError(n))
		}
		b = b[n:]
		if err := f(at); err != nil {
			return err
		}
	}
	return nil
}

// want returns an error unless the field has a wire type.
func (f field) want(t protowire.Type) error {
	if f.typ != t {
		return ir.Damaged("field %d has wire type %d, want %d", f.num, f.typ, t)
	}
	return nil
}

// text returns a string.
func (f field) text(m *ir.Meter) (string, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return "", err
	}
	return string(f.bytes), m.Take(int64(len(f.bytes)))
}

// varints calls f for each number of a repeated field, packed or not.
func (f field) varints(each func(uint64) error) error {
	if f.typ == protowire.VarintType {
		return each(f.number)
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return ir.Damaged("%v", protowire.ParseError(n))
		}
		b = b[n:]
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}
