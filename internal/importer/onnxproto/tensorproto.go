package onnxproto

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// parseTensor reads a TensorProto.
func ReadTensor(b []byte, m *ir.Meter) (*ir.Tensor, error) {
	t := &ir.Tensor{}
	var list []byte // of elements as varints
	if err := m.Take(ir.TensorBytes); err != nil {
		return nil, err
	}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			err = at.varints(func(v uint64) error {
				if v > ir.MaxElements || len(t.Dims) == ir.MaxRank {
					return ir.Damaged("tensor %q has a dimension of %d", t.Name, v)
				}
				t.Dims = append(t.Dims, int(v))
				return m.Take(2 * 8)
			})
		case 2:
			t.Type = int(min(at.number, 1<<20))
		case 4, 10: // floats, doubles
			err = addRaw(t, at, m)
		case 5, 7, 11:
			err = addVarints(&list, at, m)
		case 6:
			t.Strings = true
		case 8:
			t.Name, err = at.text(m)
		case 9:
			if err = at.want(protowire.BytesType); err == nil {
				t.Raw = at.bytes
			}
		case 13:
			if err = at.want(protowire.BytesType); err == nil {
				err = addExternal(t, at.bytes, m)
			}
		case 14:
			t.Outside = at.number == 1
		}
		return err
	})
	if err == nil && t.Raw == nil && list != nil && !t.Outside {
		t.Raw, err = unpack(t, list, m)
	}
	if err == nil && ir.TypeSize[t.Type] == 1 {
		m.Widen(len(t.Raw), 1)
	}
	return t, err
}

// addRaw adds a packed list, in place if it is the only one, or one element.
func addRaw(t *ir.Tensor, at field, m *ir.Meter) error {
	if at.typ == protowire.BytesType && t.Raw == nil {
		t.Raw = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.Take(3 * int64(len(at.bytes)+8)); err != nil {
		return err
	}
	switch at.typ {
	case protowire.BytesType:
		t.Raw = append(t.Raw, at.bytes...)
	case protowire.Fixed32Type:
		t.Raw = binary.LittleEndian.AppendUint32(t.Raw, uint32(at.number))
	case protowire.Fixed64Type:
		t.Raw = binary.LittleEndian.AppendUint64(t.Raw, at.number)
	default:
		return at.want(protowire.BytesType)
	}
	return nil
}

// addVarints adds a packed list of varints, in place if it is the only one, or one of them.
func addVarints(list *[]byte, at field, m *ir.Meter) error {
	if at.typ == protowire.BytesType && *list == nil {
		*list = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.Take(3 * int64(len(at.bytes)+8)); err != nil {
		return err
	}
	switch at.typ {
	case protowire.BytesType:
		*list = append(*list, at.bytes...)
	case protowire.VarintType:
		*list = protowire.AppendVarint(*list, at.number)
	default:
		return at.want(protowire.BytesType)
	}
	return nil
}

func addExternal(t *ir.Tensor, b []byte, m *ir.Meter) error {
	var key, text string
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			key, err = at.text(m)
		case 2:
			text, err = at.text(m)
		}
		return err
	})
	if err == nil {
		err = m.Take(128)
	}
	if t.External == nil {
		t.External = map[string]string{}
	}
	t.External[key] = text
	return err
}

// unpack returns varints as raw_data would have them, nil if the tensor's type or dimensions are
// not read anyway.
func unpack(t *ir.Tensor, list []byte, m *ir.Meter) ([]byte, error) {
	size := ir.TypeSize[t.Type]
	n, ok := ir.Elements(t.Dims)
	if !ok || size == 0 {
		return nil, nil
	}
	if n > len(list) {
		return nil, ir.Damaged("tensor %q of %v has too few values", t.Name, t.Dims)
	}
	if err := m.Take(int64(n * size)); err != nil {
		return nil, err
	}
	raw := make([]byte, 0, n*size)
	var word [8]byte
	for b := list; len(b) > 0; {
		v, k := protowire.ConsumeVarint(b)
		if k < 0 || len(raw) == n*size {
			return nil, ir.Damaged("tensor %q of %v has other values", t.Name, t.Dims)
		}
		b = b[k:]
		binary.LittleEndian.PutUint64(word[:], v)
		raw = append(raw, word[:size]...)
	}
	return raw, nil
}
