package onnx

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// parseTensor reads a TensorProto.
func parseTensor(b []byte, m *meter) (*tensorProto, error) {
	t := &tensorProto{}
	var list []byte // of elements as varints
	if err := m.take(tensorBytes); err != nil {
		return nil, err
	}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			err = at.varints(func(v uint64) error {
				if v > maxElements || len(t.dims) == maxRank {
					return damaged("tensor %q has a dimension of %d", t.name, v)
				}
				t.dims = append(t.dims, int(v))
				return m.take(2 * 8)
			})
		case 2:
			t.typ = int(min(at.number, 1<<20))
		case 4, 10: // floats, doubles
			err = addRaw(t, at, m)
		case 5, 7, 11:
			err = addVarints(&list, at, m)
		case 6:
			t.strings = true
		case 8:
			t.name, err = at.text(m)
		case 9:
			if err = at.want(protowire.BytesType); err == nil {
				t.raw = at.bytes
			}
		case 13:
			if err = at.want(protowire.BytesType); err == nil {
				err = addExternal(t, at.bytes, m)
			}
		case 14:
			t.outside = at.number == 1
		}
		return err
	})
	if err == nil && t.raw == nil && list != nil && !t.outside {
		t.raw, err = unpack(t, list, m)
	}
	return t, err
}

// addRaw adds a packed list, in place if it is the only one, or one element.
func addRaw(t *tensorProto, at field, m *meter) error {
	if at.typ == protowire.BytesType && t.raw == nil {
		t.raw = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.take(3 * int64(len(at.bytes)+8)); err != nil {
		return err
	}
	switch at.typ {
	case protowire.BytesType:
		t.raw = append(t.raw, at.bytes...)
	case protowire.Fixed32Type:
		t.raw = binary.LittleEndian.AppendUint32(t.raw, uint32(at.number))
	case protowire.Fixed64Type:
		t.raw = binary.LittleEndian.AppendUint64(t.raw, at.number)
	default:
		return at.want(protowire.BytesType)
	}
	return nil
}

// addVarints adds a packed list of varints, in place if it is the only one, or one of them.
func addVarints(list *[]byte, at field, m *meter) error {
	if at.typ == protowire.BytesType && *list == nil {
		*list = at.bytes[:len(at.bytes):len(at.bytes)]
		return nil
	}
	if err := m.take(3 * int64(len(at.bytes)+8)); err != nil {
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

func addExternal(t *tensorProto, b []byte, m *meter) error {
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
		err = m.take(128)
	}
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = text
	return err
}

// unpack returns varints as raw_data would have them, nil if the tensor's type or dimensions are not
// read anyway.
func unpack(t *tensorProto, list []byte, m *meter) ([]byte, error) {
	size := typeSize[t.typ]
	n, ok := elements(t.dims)
	if !ok || size == 0 {
		return nil, nil
	}
	if n > len(list) {
		return nil, damaged("tensor %q of %v has too few values", t.name, t.dims)
	}
	if err := m.take(int64(n * size)); err != nil {
		return nil, err
	}
	raw := make([]byte, 0, n*size)
	var word [8]byte
	for b := list; len(b) > 0; {
		v, k := protowire.ConsumeVarint(b)
		if k < 0 || len(raw) == n*size {
			return nil, damaged("tensor %q of %v has other values", t.name, t.dims)
		}
		b = b[k:]
		binary.LittleEndian.PutUint64(word[:], v)
		raw = append(raw, word[:size]...)
	}
	return raw, nil
}
