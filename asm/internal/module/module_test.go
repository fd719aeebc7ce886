package module

import (
	"bytes"
	"testing"
)

// TestBytes compares with a module that the specification's tables give.
func TestBytes(t *testing.T) {
	m := &Module{}
	helper := m.Func("", I32)
	helper.Get(helper.Param(0))
	helper.Const(-200)
	helper.Op(Add)
	v := helper.Local(V128)
	helper.VectorMemory(LoadV128, 300)
	helper.Set(v)
	f := m.Func("run")
	f.Args()
	f.Call(helper)
	want := []byte{0, 'a', 's', 'm', 1, 0, 0, 0,
		1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0, // types: (i32) -> (), () -> ()
		2, 22, 2, 2, 'g', 'o', 3, 'm', 'e', 'm', 2, 0, 0, 2, 'g', 'o', 4, 'a', 'r', 'g', 's', 3, 0x7f, 0, // imports: a memory, a constant
		3, 3, 2, 0, 1, // functions by type
		7, 7, 1, 3, 'r', 'u', 'n', 0, 1, // exports
		10, 26, 2, // code
		17, 1, 1, 0x7b, 0x20, 0, 0x41, 0xb8, 0x7e, 0x6a, 0xfd, 0, 0, 0xac, 2, 0x21, 1, 0x0b,
		6, 0, 0x23, 0, 0x10, 0, 0x0b}
	if got := m.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("module\n% x, want\n% x", got, want)
	}
}

func TestSigned(t *testing.T) {
	for n, want := range map[int32][]byte{
		0: {0}, 63: {63}, 64: {0xc0, 0}, -1: {0x7f}, -64: {0x40}, -65: {0xbf, 0x7f},
		1<<31 - 1: {0xff, 0xff, 0xff, 0xff, 7}, -1 << 31: {0x80, 0x80, 0x80, 0x80, 0x78},
	} {
		if got := signed(n); !bytes.Equal(got, want) {
			t.Errorf("signed(%d) = % x, want % x", n, got, want)
		}
	}
}

// TestOpenBlock: code that could not be a function is refused.
func TestOpenBlock(t *testing.T) {
	m := &Module{}
	f := m.Func("run")
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f.Const(1)
	f.If(func() { m.Bytes() }, nil)
}
