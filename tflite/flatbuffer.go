package tflite

import (
	"encoding/binary"
	"math"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// buffer is a file in the format FlatBuffers. Every access is checked: after the first one that
// leaves the file all give zeros, and err says so.
type buffer struct {
	b   []byte
	m   *ir.Meter
	err error
}

// fail keeps the first mistake.
func (f *buffer) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// at returns n bytes, nil if they are not all in the file.
func (f *buffer) at(pos int64, n int) []byte {
	if f.err != nil {
		return nil
	}
	if pos < 0 || pos > int64(len(f.b)-n) {
		f.fail(ir.Damaged("offset %d is outside of the file", pos))
		return nil
	}
	return f.b[pos : pos+int64(n)]
}

func (f *buffer) u16(pos int64) int64 {
	if b := f.at(pos, 2); b != nil {
		return int64(binary.LittleEndian.Uint16(b))
	}
	return 0
}

func (f *buffer) u32(pos int64) int64 {
	if b := f.at(pos, 4); b != nil {
		return int64(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// table is a table of a file; one at position 0 has no fields.
type table struct {
	f   *buffer
	pos int64
}

// root returns the file's outermost table.
func (f *buffer) root() table { return table{f, f.u32(0)} }

// field returns the position of field i, 0 if the table has none.
func (t table) field(i int) int64 {
	if t.pos == 0 {
		return 0
	}
	list := t.pos - int64(int32(t.f.u32(t.pos)))
	if size := t.f.u16(list); int64(4+2*i+2) > size {
		return 0
	}
	off := t.f.u16(list + int64(4+2*i))
	if off == 0 {
		return 0
	}
	return t.pos + off
}

func (t table) uint8(i int) int {
	if p := t.field(i); p != 0 {
		if b := t.f.at(p, 1); b != nil {
			return int(b[0])
		}
	}
	return 0
}

func (t table) int32(i, unset int) int {
	if p := t.field(i); p != 0 {
		return int(int32(t.f.u32(p)))
	}
	return unset
}

// index returns a uint32 that counts something in the file, -1 for one that cannot.
func (t table) index(i int) int {
	p := t.field(i)
	if p == 0 {
		return 0
	}
	if v := t.f.u32(p); v <= int64(len(t.f.b)) {
		return int(v)
	}
	return -1
}

func (t table) uint64(i int) uint64 {
	if p := t.field(i); p != 0 {
		if b := t.f.at(p, 8); b != nil {
			return binary.LittleEndian.Uint64(b)
		}
	}
	return 0
}

func (t table) float32(i int, unset float64) float64 {
	if p := t.field(i); p != 0 {
		return float64(math.Float32frombits(uint32(t.f.u32(p))))
	}
	return unset
}

// table returns a table that a field points to.
func (t table) table(i int) table {
	if p := t.field(i); p != 0 {
		return table{t.f, p + t.f.u32(p)}
	}
	return table{t.f, 0}
}

// vector is a list in a file: n elements from pos on.
type vector struct {
	f   *buffer
	pos int64
	n   int
}

// vector returns a list of elements of so many bytes.
func (t table) vector(i, size int) vector {
	p := t.field(i)
	if p == 0 {
		return vector{f: t.f}
	}
	p += t.f.u32(p)
	n := t.f.u32(p)
	if n*int64(size) > int64(len(t.f.b)) || t.f.at(p+4, int(n)*size) == nil {
		t.f.fail(ir.Damaged("a list of %d elements at %d is outside of the file", n, p))
		return vector{f: t.f}
	}
	return vector{t.f, p + 4, int(n)}
}

// table returns element i of a list of tables.
func (v vector) table(i int) table {
	p := v.pos + 4*int64(i)
	return table{v.f, p + v.f.u32(p)}
}

// bytes returns a list of bytes where they are.
func (t table) bytes(i int) []byte {
	v := t.vector(i, 1)
	return t.f.at(v.pos, v.n)
}

// text returns a copy of a text.
func (t table) text(i int) string {
	b := t.bytes(i)
	t.f.take(len(b))
	if t.f.err != nil {
		return ""
	}
	return string(b)
}

// ints returns a list of int32.
func (t table) ints(i int) []int {
	v := t.vector(i, 4)
	if t.f.take(8 * v.n); t.f.err != nil || v.n == 0 {
		return nil
	}
	list := make([]int, v.n)
	for k := range list {
		list[k] = int(int32(t.f.u32(v.pos + 4*int64(k))))
	}
	return list
}

// take counts n bytes that are about to be allocated.
func (f *buffer) take(n int) {
	if err := f.m.Take(int64(n)); err != nil {
		f.fail(err)
	}
}
