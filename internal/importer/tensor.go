package importer

import (
	"github.com/gantiny/gantiny/internal/importer/ir"
)

// array returns the tensor's values. outside finds those of another file.
func tensorArray(t *ir.Tensor, m *ir.Meter, outside func(*ir.Tensor) ([]byte, error)) (*array, error) {
	n, ok := ir.Elements(t.Dims)
	size := ir.TypeSize[t.Type]
	switch {
	case !ok:
		return nil, ir.Damaged("tensor %q of %v", t.Name, t.Dims)
	case t.Strings || t.Type == ir.TypeString:
		return nil, ir.Refuse("tensor %q holds texts", t.Name)
	case size == 0:
		return nil, ir.Refuse("tensor %q has elements of type %d", t.Name, t.Type)
	}
	raw := t.Raw
	if t.Outside {
		var err error
		if raw, err = outside(t); err != nil {
			return nil, err
		}
	}
	if t.Outside && size == 1 {
		m.Widen(len(raw), 1)
	}
	if len(raw) != n*size {
		return nil, ir.Damaged("tensor %q of %v has %d bytes, want %d", t.Name, t.Dims, len(raw), n*size)
	}
	return rawArray(t.Dims, t.Type, raw), nil
}

// rawArray returns values in little-endian order, which stay where they are.
func rawArray(dims []int, typ int, raw []byte) *array {
	n, _ := ir.Elements(dims)
	a := &array{dims: dims, typ: typ, n: n}
	if ir.IsFloat(typ) {
		a.f = ir.Floats(typ, raw)
	} else {
		a.i = ir.Ints(typ, raw)
	}
	return a
}
