package main

import "github.com/gantiny/gantiny/asm/internal/module"

// Of kernelArgs, for gemm.
const (
	gemmC, gemmA, gemmB, gemmBias, gemmScale, gemmTaps = 0, 1, 2, 3, 4, 5 // p; no scale: 0

	gemmCount, gemmK, gemmHeight, gemmCols, gemmLDA, gemmARun, gemmLDB, gemmLDC, gemmCRun, gemmStart = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 // n

	gemmSlope = 0 // f
)

// gemm writes gemm, which works like gemmScalar with any number of rows: panel by panel of eight
// columns, in blocks of up to blockRows rows, whose sums stay in registers over all taps.
func gemm(m *module.Module) {
	blocks := []*module.Func{nil}
	for rows := 1; rows <= blockRows; rows++ {
		blocks = append(blocks, gemmRows(m, rows))
	}
	c := code{m.Func("gemm")}
	rows, cols, first, n := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	c.number(gemmHeight)
	c.Set(rows)
	c.number(gemmCols)
	c.Set(cols)
	moving := []int{gemmC, gemmB, gemmBias, gemmScale}
	panel := map[int]module.Local{} // where they are for a panel
	for _, i := range moving {
		c.pointer(i)
		panel[i] = c.keep()
	}
	c.Repeat(func() {
		c.blocks(blocks, rows, first, n, func() {
			c.Get(first, cols, panel[gemmC], panel[gemmB], panel[gemmBias], panel[gemmScale])
		})
		for _, i := range []int{gemmC, gemmBias, gemmScale} {
			c.Increase(panel[i], 32)
		}
		c.Get(panel[gemmB])
		c.number(gemmLDB)
		c.scaled(2)
		c.Op(module.Add)
		c.Set(panel[gemmB])
		c.Get(cols)
		c.AddConst(-8)
		c.Tee(cols)
		c.Const(0)
		c.Op(module.GtS)
	})
}

// block writes a block of a tile's rows.
type block struct {
	sums
	first, cols, at, b, bias, scale module.Local
}

// gemmRows writes the function for so many rows of a panel: the first row, the columns from the
// panel's first on, and where the panel is in C, B, Bias and Scale.
func gemmRows(m *module.Module, rows int) *module.Func {
	f := m.Func("", module.I32, module.I32, module.I32, module.I32, module.I32, module.I32)
	b := &block{sums: newSums(code{f}, rows), first: f.Param(0), cols: f.Param(1), at: f.Param(2), b: f.Param(3), bias: f.Param(4), scale: f.Param(5)}
	b.place()
	b.start()
	b.contract(product{
		load: module.LoadV128, size: 16, multiply: module.MulF32x4, add: module.AddF32x4, count: gemmK, aUnit: 2, bUnit: 2,
	}, b.taps)
	b.finish()
	return f
}

// place computes where the rows are.
func (b *block) place() {
	h := func() { b.half(func() { b.number(gemmHeight) }) }
	for i := range b.a {
		b.rowOffset(b.first, i, h, func() { b.number(gemmLDA) }, func() { b.number(gemmARun) })
		b.scaled(2)
		b.pointer(gemmA)
		b.Op(module.Add)
		b.Set(b.a[i])
		b.rowOffset(b.first, i, h, func() { b.number(gemmLDC) }, func() { b.number(gemmCRun) })
		b.scaled(2)
		b.Get(b.at)
		b.Op(module.Add)
		b.Set(b.c[i])
	}
}

// narrow is whether the panel lacks columns.
func (b *block) narrow() {
	b.Get(b.cols)
	b.Const(8)
	b.Op(module.LtS)
}

// start sets the sums to what they start from; they are zero already.
func (b *block) start() {
	starts := func(kind int32) {
		b.number(gemmStart)
		b.Const(kind)
		b.Op(module.Eq)
	}
	starts(1) // StartBias
	b.If(func() {
		for _, s := range b.rows {
			b.load(s, b.bias)
		}
	}, nil)
	starts(2) // StartC
	b.If(func() {
		from := b.Local(module.I32)
		for i, s := range b.rows {
			b.Get(b.c[i])
			b.Set(from)
			b.narrow()
			b.If(func() { // there may be nothing behind the last column
				b.scratchAt()
				b.Get(from, b.cols)
				b.scaled(2)
				b.Copy()
				b.scratchAt()
				b.Set(from)
			}, nil)
			b.load(s, from)
		}
	}, nil)
}

// taps finds them; the list is that of the call.
func (b *block) taps() (t taps) {
	b.pointer(gemmTaps)
	t.at = b.keep()
	b.number(gemmCount)
	t.count, t.weights = b.keep(), b.b
	return t
}

// finish scales and activates the sums, and writes them to C.
func (b *block) finish() {
	b.pointer(gemmScale)
	b.If(func() {
		for i, v := range []module.Local{b.b0, b.b1} {
			b.Get(b.scale)
			b.VectorMemory(module.LoadV128, 16*i)
			b.Set(v)
			b.Get(b.bias)
			b.VectorMemory(module.LoadV128, 16*i)
			b.Set(b.x)
			for _, s := range b.rows {
				b.Get(s[i], v)
				b.Vector(module.MulF32x4)
				b.Get(b.x)
				b.Vector(module.AddF32x4)
				b.Set(s[i])
			}
		}
	}, nil)
	b.float(gemmSlope)
	slope := b.keepVector()
	for i, s := range b.rows {
		for _, v := range s { // v where it is not negative, else slope*v
			b.Get(slope, v)
			b.Vector(module.MulF32x4)
			b.Get(v, v)
			b.Floats(0)
			b.Vector(module.LtF32x4, module.BitSelect)
			b.Set(v)
		}
		b.narrow()
		b.If(func() {
			b.put(s, b.scratchAt)
			b.Get(b.c[i])
			b.scratchAt()
			b.Get(b.cols)
			b.scaled(2)
			b.Copy()
		}, func() { b.put(s, func() { b.Get(b.c[i]) }) })
	}
}
