package main

import "github.com/gantiny/gantiny/asm/internal/module"

// Kernels have no parameters: a call from Go passes JavaScript, where each would cost memory. They
// read simd's kernelArgs, which is at the module's global. These are where its fields begin.
const (
	pointers = 0   // p, eight bytes each, of which the low four are the address
	numbers  = 64  // n, four bytes each
	floats   = 128 // f
	scratch  = 144 // eight numbers of four bytes
)

// code is one function.
type code struct{ *module.Func }

// pointer pushes p[i].
func (c code) pointer(i int) {
	c.Args()
	c.Memory(module.Load, pointers+8*i)
}

// number pushes n[i].
func (c code) number(i int) {
	c.Args()
	c.Memory(module.Load, numbers+4*i)
}

// float pushes a vector of f[i] in all lanes.
func (c code) float(i int) {
	c.Args()
	c.VectorMemory(module.LoadSplat32, floats+4*i)
}

// keep declares a local with what is on the stack, an I32.
func (c code) keep() module.Local {
	l := c.Local(module.I32)
	c.Set(l)
	return l
}

// keepVector is keep for a vector.
func (c code) keepVector() module.Local {
	l := c.Local(module.V128)
	c.Set(l)
	return l
}

// scaled multiplies what is on the stack by 2^shift.
func (c code) scaled(shift int32) {
	c.Const(shift)
	c.Op(module.Shl)
}
