package weights

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/internal/npy"
)

// npyTypes are NumPy's types of elements, in little-endian order.
var npyTypes = map[string]int{
	"<f4": ir.TypeFloat, "<f2": ir.TypeFloat16, "<f8": ir.TypeDouble, "|i1": ir.TypeInt8, "|u1": ir.TypeUint8, "|b1": ir.TypeBool,
	"<i2": ir.TypeInt16, "<u2": ir.TypeUint16, "<i4": ir.TypeInt32, "<u4": ir.TypeUint32, "<i8": ir.TypeInt64, "<u8": ir.TypeUint64,
}

// readNPZ reads NumPy's archive.
func readNPZ(a *archive) ([]*tensor, error) {
	var list []*tensor
	for _, name := range a.names {
		short, ok := strings.CutSuffix(name, ".npy")
		if !ok {
			return nil, ir.Damaged("the archive has a file %q, which is no array", name)
		}
		b, err := a.read(name)
		if err != nil {
			return nil, err
		}
		t, err := readNPY(short, b, a.m)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// readNPY reads an array.
func readNPY(name string, b []byte, m *ir.Meter) (*tensor, error) {
	const fixed = 10 // bytes before the dictionary in version 1
	if len(b) < fixed || string(b[:6]) != "\x93NUMPY" || b[6] > 3 || b[6] == 0 {
		return nil, ir.Damaged("%q is no array of NumPy", name)
	}
	from, n := uint64(fixed), uint64(binary.LittleEndian.Uint16(b[8:]))
	if b[6] > 1 {
		if len(b) < fixed+2 {
			return nil, ir.Damaged("array %q ends early", name)
		}
		from, n = fixed+2, uint64(binary.LittleEndian.Uint32(b[8:]))
	}
	const longest = 1 << 12
	if n > longest || from+n > uint64(len(b)) {
		return nil, ir.Damaged("array %q has a header of %d bytes", name, n)
	}
	if err := m.Take(int64(2*n) + 1024); err != nil {
		return nil, err
	}
	head, err := npy.ParseHeader(string(b[from : from+n]))
	if err != nil {
		return nil, ir.Damaged("array %q: %v", name, err)
	}
	typ, shape := npyTypes[head.Descr], head.Shape
	if typ == 0 {
		return nil, ir.Damaged("array %q has elements of %q", name, head.Descr)
	}
	if len(shape) > ir.MaxRank || slices.ContainsFunc(shape, func(d int) bool { return d > ir.MaxElements }) {
		return nil, ir.Damaged("array %q of %v", name, shape)
	}
	if !head.Fortran {
		return newTensor(name, shape, typ, b[from+n:])
	}
	stride, step := make([]int, len(shape)), 1
	if count, ok := ir.Elements(shape); !ok || uint64(count*ir.TypeSize[typ]) != uint64(len(b))-from-n {
		return nil, ir.Damaged("array %q of %v has %d bytes", name, shape, uint64(len(b))-from-n)
	}
	for i, d := range shape {
		stride[i] = step
		step *= d
	}
	return strided(name, shape, stride, 0, typ, b[from+n:])
}
