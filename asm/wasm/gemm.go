package main

import "github.com/gantiny/gantiny/asm/internal/module"

const (
	sRows  = 5 // of a block, as in qgemm
	sRound = 4 // terms of one round of the loop
)

// Of kernelArgs, for gemm.
const (
	gemmC, gemmA, gemmB, gemmBias, gemmScale, gemmTaps = 0, 1, 2, 3, 4, 5 // p; no scale: 0

	gemmCount, gemmK, gemmHeight, gemmCols, gemmLDA, gemmARun, gemmLDB, gemmLDC, gemmCRun, gemmStart = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 // n

	gemmSlope = 0 // f
)

// gemm writes gemm, which works like gemmScalar with any number of rows: panel by panel of eight
// columns, in blocks of up to sRows rows, whose sums stay in registers over all taps.
func gemm(m *module.Module) {
	blocks := []*module.Func{nil}
	for rows := 1; rows <= sRows; rows++ {
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
		c.Const(0)
		c.Set(first)
		c.Repeat(func() {
			c.blockOf(rows, first, sRows)
			c.Set(n)
			for i := 1; i <= sRows; i++ {
				c.Get(n)
				c.Const(int32(i))
				c.Op(module.Eq)
				c.If(func() {
					c.Get(first, cols, panel[gemmC], panel[gemmB], panel[gemmBias], panel[gemmScale])
					c.Call(blocks[i])
				}, nil)
			}
			c.Get(first, n)
			c.Op(module.Add)
			c.Tee(first)
			c.Get(rows)
			c.Op(module.LtU)
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
	code
	first, cols, at, b, bias, scale module.Local
	a, c                            []module.Local // addresses of the rows
	sums                            [][2]module.Local
	x, b0, b1                       module.Local
}

// gemmRows writes the function for so many rows of a panel: the first row, the columns from the
// panel's first on, and where the panel is in C, B, Bias and Scale.
func gemmRows(m *module.Module, rows int) *module.Func {
	f := m.Func("", module.I32, module.I32, module.I32, module.I32, module.I32, module.I32)
	c := code{f}
	b := &block{code: c, first: f.Param(0), cols: f.Param(1), at: f.Param(2), b: f.Param(3), bias: f.Param(4), scale: f.Param(5)}
	for range rows {
		s := c.Locals(module.V128, 2)
		b.sums = append(b.sums, [2]module.Local{s[0], s[1]})
	}
	b.x, b.b0, b.b1 = c.Local(module.V128), c.Local(module.V128), c.Local(module.V128)
	b.a, b.c = c.Locals(module.I32, rows), c.Locals(module.I32, rows)
	b.place()
	b.start()
	b.contract()
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
	load := func(s [2]module.Local, from module.Local) {
		for i, v := range s {
			b.Get(from)
			b.VectorMemory(module.LoadV128, 16*i)
			b.Set(v)
		}
	}
	starts := func(kind int32) {
		b.number(gemmStart)
		b.Const(kind)
		b.Op(module.Eq)
	}
	starts(1) // StartBias
	b.If(func() {
		for _, s := range b.sums {
			load(s, b.bias)
		}
	}, nil)
	starts(2) // StartC
	b.If(func() {
		from := b.Local(module.I32)
		for i, s := range b.sums {
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
			load(s, from)
		}
	}, nil)
}

// contract adds up all taps.
func (b *block) contract() {
	ap := b.Locals(module.I32, len(b.a))
	b.pointer(gemmTaps)
	tap := b.keep()
	b.number(gemmCount)
	taps := b.keep()
	bp, n := b.Local(module.I32), b.Local(module.I32)
	b.CountDown(taps, func() {
		offset := func(base module.Local, field int, to module.Local) {
			b.Get(base, tap)
			b.Memory(module.Load, field)
			b.scaled(2)
			b.Op(module.Add)
			b.Set(to)
		}
		offset(b.b, 8, bp)
		for i, a := range b.a {
			offset(a, 0, ap[i])
		}
		b.number(gemmK)
		b.Const(2)
		b.Op(module.ShrU)
		b.Set(n)
		b.CountDown(n, func() { b.round(ap, bp, sRound) })
		b.number(gemmK)
		b.Const(sRound - 1)
		b.Op(module.And)
		b.Set(n)
		b.CountDown(n, func() { b.round(ap, bp, 1) })
		b.Increase(tap, 16)
	})
}

// round adds so many terms.
func (b *block) round(ap []module.Local, bp module.Local, terms int) {
	for k := range terms {
		for i, v := range []module.Local{b.b0, b.b1} {
			b.Get(bp)
			b.VectorMemory(module.LoadV128, 32*k+16*i)
			b.Set(v)
		}
		for i, s := range b.sums {
			b.Get(ap[i])
			b.VectorMemory(module.LoadSplat32, 4*k)
			b.Set(b.x)
			for j, w := range []module.Local{b.b0, b.b1} {
				b.Get(s[j], b.x, w)
				b.Vector(module.MulF32x4, module.AddF32x4)
				b.Set(s[j])
			}
		}
	}
	b.Increase(bp, int32(32*terms))
	for _, a := range ap {
		b.Increase(a, int32(4*terms))
	}
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
			for _, s := range b.sums {
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
	for i, s := range b.sums {
		for _, v := range s { // v where it is not negative, else slope*v
			b.Get(slope, v)
			b.Vector(module.MulF32x4)
			b.Get(v, v)
			b.Floats(0)
			b.Vector(module.LtF32x4, module.BitSelect)
			b.Set(v)
		}
		put := func(at func()) {
			for i, v := range s {
				at()
				b.Get(v)
				b.VectorMemory(module.StoreV128, 16*i)
			}
		}
		b.narrow()
		b.If(func() {
			put(b.scratchAt)
			b.Get(b.c[i])
			b.scratchAt()
			b.Get(b.cols)
			b.scaled(2)
			b.Copy()
		}, func() { put(func() { b.Get(b.c[i]) }) })
	}
}
