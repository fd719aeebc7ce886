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

// scratchAt pushes the scratch's address.
func (c code) scratchAt() {
	c.Args()
	c.AddConst(scratch)
}

// rowOffset pushes where row r = first+i of a tile is, in elements: r*ld where r < h, else
// run+(r-h)*ld. h, ld and run push their values.
func (c code) rowOffset(first module.Local, i int, h, ld, run func()) {
	r := func() {
		c.Get(first)
		c.AddConst(int32(i))
	}
	r()
	ld()
	c.Op(module.Mul)
	r()
	h()
	c.Op(module.Sub)
	ld()
	c.Op(module.Mul)
	run()
	c.Op(module.Add)
	r()
	h()
	c.Op(module.LtS, module.Select)
}

// blockOf pushes how many rows the next block of a tile has, of those from first on: blocks of at
// most that many are equal but for one row, ceil(left/ceil(left/most)) of left = rows-first.
func (c code) blockOf(rows, first module.Local, most int32) {
	left := func() {
		c.Get(rows, first)
		c.Op(module.Sub)
	}
	blocks := func() {
		left()
		c.AddConst(most - 1)
		c.Const(most)
		c.Op(module.DivU)
	}
	left()
	blocks()
	c.Op(module.Add)
	c.AddConst(-1)
	blocks()
	c.Op(module.DivU)
}

// half pushes (rows+1)/2.
func (c code) half(rows func()) {
	rows()
	c.AddConst(1)
	c.Const(1)
	c.Op(module.ShrU)
}
