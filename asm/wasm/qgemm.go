package main

import (
	"github.com/gantiny/gantiny/asm/internal/module"
	"github.com/gantiny/gantiny/asm/internal/qtile"
)

// Of kernelArgs, for qgemm.
const (
	argA, argB, argS, argC, argQ, argScale, argTaps, argTiles = 0, 1, 2, 3, 4, 5, 6, 7 // p

	argCount, argGroups, argRows, argZero = 0, 1, 2, 3 // n

	argSlope, argHi, argLo = 0, 1, 2 // f: the slope, 127-zero, -128-zero
)

// tile is a QTile at an address.
type tile struct {
	code
	at module.Local
}

// get pushes a field of four bytes.
func (t tile) get(field string) {
	t.Get(t.at)
	t.Memory(module.Load, qtile.Offset(field))
}

// get8 pushes a field of a byte.
func (t tile) get8(field string) {
	t.Get(t.at)
	t.Memory(module.LoadU8, qtile.Offset(field))
}

// qgemm writes qgemm, which works like qgemmScalar on n[0] tiles at p[7] of eight columns and any
// number of rows: for taps at p[6], k < 2*n[1]: s[r,j] += A[t.A + rowA(r) + k] * w(t.B; k, j).
// Activations are int16. A tile is computed in blocks of up to blockRows rows, whose sums stay in
// registers over all taps.
func qgemm(m *module.Module) {
	blocks := []*module.Func{nil}
	for rows := 1; rows <= blockRows; rows++ {
		blocks = append(blocks, qgemmBlock(m, rows))
	}
	c := code{m.Func("qgemm")}
	c.pointer(argTiles)
	t := tile{c, c.keep()}
	c.number(argCount)
	count := c.keep()
	rows, first, h := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	runA, runC, n := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	half := func() {
		c.half(func() { c.Get(rows) })
		c.Set(h)
	}
	c.CountDown(count, func() {
		t.get("Rows")
		c.Tee(rows)
		c.If(func() {
			half()
			t.get("ARun")
			c.Set(runA)
			t.get("CRun")
			c.Set(runC)
		}, func() {
			c.number(argRows)
			c.Set(rows)
			half()
			c.Get(h)
			t.get("LDA")
			c.Op(module.Mul)
			c.Set(runA)
			c.Get(h)
			t.get("LDC")
			c.Op(module.Mul)
			c.Set(runC)
		})
		c.blocks(blocks, rows, first, n, func() { c.Get(t.at, first, h, runA, runC) })
		c.Increase(t.at, qtile.Size)
	})
}

// qblock writes a block of a tile's rows.
type qblock struct {
	sums                 // rows of C are in bytes from the tile's first
	tile                 tile
	first, h, runA, runC module.Local
}

func (b *qblock) get(field string)  { b.tile.get(field) }
func (b *qblock) get8(field string) { b.tile.get8(field) }

// qgemmBlock writes the function for so many rows: tile, the first row, how many rows the first run
// has, where the second run is in A and C.
func qgemmBlock(m *module.Module, rows int) *module.Func {
	f := m.Func("", module.I32, module.I32, module.I32, module.I32, module.I32)
	c := code{f}
	b := &qblock{sums: newSums(c, rows), tile: tile{c, f.Param(0)}, first: f.Param(1), h: f.Param(2), runA: f.Param(3), runC: f.Param(4)}
	b.place()
	b.start()
	b.contract(product{
		load: module.LoadWiden8, size: 8, multiply: module.DotI16x8, add: module.AddI32x4, count: argGroups, aUnit: 1,
	}, b.taps)
	b.get8("Requantize")
	c.If(b.requantize, b.store)
	return f
}

// place computes where the rows are.
func (b *qblock) place() {
	row := func(i int, ld string, run module.Local) {
		b.rowOffset(b.first, i, func() { b.Get(b.h) }, func() { b.get(ld) }, func() { b.Get(run) })
	}
	for i := range b.a {
		row(i, "LDA", b.runA)
		b.get("A")
		b.Op(module.Add)
		b.scaled(1)
		b.pointer(argA)
		b.Op(module.Add)
		b.Set(b.a[i])
		row(i, "LDC", b.runC)
		b.scaled(2)
		b.Set(b.c[i])
	}
}

// element pushes the address of a tile's first element in an operand of int32.
func (b *qblock) element(operand int, field string) {
	b.pointer(operand)
	b.get(field)
	b.scaled(2)
	b.Op(module.Add)
}

// starts is whether Start is so.
func (b *qblock) starts(kind int32) {
	b.get8("Start")
	b.Const(kind)
	b.Op(module.Eq)
}

// whole is whether the tile has all columns.
func (b *qblock) whole() {
	b.get("Cols")
	b.Const(8)
	b.Op(module.Eq)
}

// start sets the sums to what they start from; they are zero already.
func (b *qblock) start() {
	from := b.Local(module.I32)
	b.starts(1) // StartBias
	b.If(func() {
		b.element(argS, "S")
		b.Set(from)
		for _, s := range b.rows {
			b.load(s, from)
		}
	}, nil)
	b.get8("Start")
	b.Const(1)
	b.Op(module.GtS)
	b.If(func() { // StartC, StartRows
		first := b.Local(module.I32)
		b.element(argC, "C")
		b.element(argS, "S")
		b.starts(2)
		b.Op(module.Select)
		b.Set(first)
		for i, s := range b.rows {
			b.Get(first, b.c[i])
			b.Op(module.Add)
			b.Set(from)
			b.whole()
			b.Op(module.EqZ)
			b.If(func() { // there may be nothing behind the last column
				b.scratchAt()
				b.Get(from)
				b.columns(2)
				b.Copy()
				b.scratchAt()
				b.Set(from)
			}, nil)
			b.load(s, from)
		}
	}, nil)
}

// columns pushes the size of a row of elements of 2^shift bytes.
func (b *qblock) columns(shift int32) {
	b.get("Cols")
	b.scaled(shift)
}

// taps finds them: the list and B begin where the tile says.
func (b *qblock) taps() (t taps) {
	b.pointer(argTaps)
	b.get("Tap")
	b.scaled(4)
	b.Op(module.Add)
	t.at = b.keep()
	b.pointer(argB)
	b.get("B")
	b.Op(module.Add)
	t.weights = b.keep()
	b.get("Taps")
	t.count = b.keep()
	return t
}

// store writes the sums to C.
func (b *qblock) store() {
	b.element(argC, "C")
	first := b.keep()
	for i, s := range b.rows {
		to := func() {
			b.Get(first, b.c[i])
			b.Op(module.Add)
		}
		b.whole()
		b.If(func() { b.put(s, to) }, func() {
			b.put(s, b.scratchAt)
			to()
			b.scratchAt()
			b.columns(2)
			b.Copy()
		})
	}
}

// requantize writes bytes to Q, by the steps of simd.Requantize.
func (b *qblock) requantize() {
	b.pointer(argQ)
	b.get("Q")
	b.Op(module.Add)
	b.Get(b.first)
	b.get("LDQ")
	b.Op(module.Mul, module.Add)
	to := b.keep()
	var scale [2]module.Local
	for i := range scale {
		b.element(argScale, "Scale")
		b.VectorMemory(module.LoadV128, 16*i)
		scale[i] = b.keepVector()
	}
	r := b.newRequantizer()
	for _, s := range b.rows {
		for i, v := range s {
			b.Get(v)
			r.requantize(scale[i])
			b.Set(v)
		}
		narrow := func() {
			b.Get(s[0], s[1])
			b.Vector(module.NarrowI32x4)
			b.Get(s[0])
			b.Vector(module.NarrowI16x8)
			b.StoreLow64(0)
		}
		b.whole()
		b.If(func() {
			b.Get(to)
			narrow()
		}, func() {
			b.scratchAt()
			narrow()
			b.Get(to)
			b.scratchAt()
			b.columns(0)
			b.Copy()
		})
		b.Get(to)
		b.get("LDQ")
		b.Op(module.Add)
		b.Set(to)
	}
}

// requantizer holds the constants of simd.Requantize, each in all lanes.
type requantizer struct {
	code
	slope, hi, lo, zero, x module.Local
}

func (c code) newRequantizer() *requantizer {
	r := &requantizer{code: c}
	c.float(argSlope)
	r.slope = c.keepVector()
	c.float(argHi)
	r.hi = c.keepVector()
	c.float(argLo)
	r.lo = c.keepVector()
	c.Args()
	c.VectorMemory(module.LoadSplat32, numbers+4*argZero)
	r.zero = c.keepVector()
	r.x = c.Local(module.V128)
	return r
}

// requantize replaces four sums on the stack by their results, as int32. A minimum or maximum by
// comparison returns its first operand where a NaN is one of them.
func (r *requantizer) requantize(scale module.Local) {
	const magic = 3 << 22 // a sum with it has no bits left for a fraction
	r.Vector(module.ConvertI32x4)
	r.Get(scale)
	r.Vector(module.MulF32x4)
	r.Set(r.x)
	r.Get(r.x, r.x, r.slope)
	r.Vector(module.MulF32x4, module.PMaxF32x4)
	r.Set(r.x)
	r.Get(r.hi, r.x)
	r.Vector(module.PMinF32x4)
	r.Set(r.x)
	r.Get(r.lo, r.x)
	r.Vector(module.PMaxF32x4)
	r.Floats(magic)
	r.Vector(module.AddF32x4)
	r.Ints(0x4b400000) // its bits
	r.Vector(module.SubI32x4)
	r.Get(r.zero)
	r.Vector(module.AddI32x4)
}
