package module

import "fmt"

// Type is the type of a value.
type Type byte

// The types of values.
const (
	I32  Type = 0x7f
	V128 Type = 0x7b
)

// Module is a module whose functions work on a memory that it imports as go.mem. One immutable
// global is imported too, go.args, an I32.
type Module struct {
	types []string // in binary form
	funcs []*Func
}

// Func opens a function. One without a name is not exported.
func (m *Module) Func(name string, params ...Type) *Func {
	kind := append([]byte{0x60}, number(len(params))...)
	for _, p := range params {
		kind = append(kind, byte(p))
	}
	kind = append(kind, 0) // no results
	f := &Func{name: name, index: len(m.funcs), kind: -1, params: len(params)}
	for i, t := range m.types {
		if t == string(kind) {
			f.kind = i
		}
	}
	if f.kind < 0 {
		f.kind, m.types = len(m.types), append(m.types, string(kind))
	}
	m.funcs = append(m.funcs, f)
	return f
}

// Bytes is the module in binary form.
func (m *Module) Bytes() []byte {
	var types, kinds, exports, bodies [][]byte
	for _, t := range m.types {
		types = append(types, []byte(t))
	}
	for _, f := range m.funcs {
		if f.depth != 0 {
			panic(fmt.Sprintf("function %q: open block", f.name))
		}
		kinds = append(kinds, number(f.kind))
		if f.name != "" {
			exports = append(exports, append(append(text(f.name), 0), number(f.index)...))
		}
		body := f.body()
		bodies = append(bodies, append(number(len(body)), body...))
	}
	memory := append(append(text("go"), text("mem")...), 2, 0, 0)
	args := append(append(text("go"), text("args")...), 3, byte(I32), 0)
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id    byte
		items [][]byte
	}{{1, types}, {2, [][]byte{memory, args}}, {3, kinds}, {7, exports}, {10, bodies}} {
		content := number(len(s.items))
		for _, item := range s.items {
			content = append(content, item...)
		}
		out = append(append(append(out, s.id), number(len(content))...), content...)
	}
	return out
}

// number is n, which is not negative, in LEB128.
func number(n int) (b []byte) {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// signed is n in signed LEB128.
func signed(n int32) (b []byte) {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low < 0x40 || n == -1 && low >= 0x40 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

// text is s with its length before it.
func text(s string) []byte { return append(number(len(s)), s...) }
