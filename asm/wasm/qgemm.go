package main

import (
	"github.com/gantiny/gantiny/asm/internal/module"
	"github.com/gantiny/gantiny/asm/internal/qtile"
)

const (
	qRows  = 5 // of a block: its sums, two vectors of weights and what is multiplied fit 16 registers
	qRound = 4 // groups of one round of the loop, of two channels each
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
// Activations are int16. A tile is computed in blocks of up to qRows rows, whose sums stay in
// registers over all taps.
func qgemm(m *module.Module) {
	blocks := []*module.Func{nil}
	for rows := 1; rows <= qRows; rows++ {
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
		c.Const(0)
		c.Set(first)
		c.Repeat(func() {
			c.blockOf(rows, first, qRows)
			c.Set(n)
			for i := 1; i <= qRows; i++ {
				c.Get(n)
				c.Const(int32(i))
				c.Op(module.Eq)
				c.If(func() {
					c.Get(t.at, first, h, runA, runC)
					c.Call(blocks[i])
				}, nil)
			}
			c.Get(first, n)
			c.Op(module.Add)
			c.Tee(first)
			c.Get(rows)
			c.Op(module.LtU)
		})
		c.Increase(t.at, qtile.Size)
	})
}

// qblock writes a block of a tile's rows.
type qblock struct {
	tile
	first, h, runA, runC module.Local
	a, c                 []module.Local // where each row is, in bytes: in A, and from the first of C
	sums                 [][2]module.Local
	x, b0, b1            module.Local
}

// qgemmBlock writes the function for so many rows: tile, the first row, how many rows the first run
// has, where the second run is in A and C.
func qgemmBlock(m *module.Module, rows int) *module.Func {
	f := m.Func("", module.I32, module.I32, module.I32, module.I32, module.I32)
	c := code{f}
	b := &qblock{tile: tile{c, f.Param(0)}, first: f.Param(1), h: f.Param(2), runA: f.Param(3), runC: f.Param(4)}
	for range rows {
		s := c.Locals(module.V128, 2)
		b.sums = append(b.sums, [2]module.Local{s[0], s[1]})
	}
	b.x, b.b0, b.b1 = c.Local(module.V128), c.Local(module.V128), c.Local(module.V128)
	b.a, b.c = c.Locals(module.I32, rows), c.Locals(module.I32, rows)
	b.place()
	b.start()
	b.contract()
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
	load := func(s [2]module.Local) {
		for i, v := range s {
			b.Get(from)
			b.VectorMemory(module.LoadV128, 16*i)
			b.Set(v)
		}
	}
	b.starts(1) // StartBias
	b.If(func() {
		b.element(argS, "S")
		b.Set(from)
		for _, s := range b.sums {
			load(s)
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
		for i, s := range b.sums {
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
			load(s)
		}
	}, nil)
}

// columns pushes the size of a row of elements of 2^shift bytes.
func (b *qblock) columns(shift int32) {
	b.get("Cols")
	b.scaled(shift)
}

// contract adds up all taps.
func (b *qblock) contract() {
	ap := b.Locals(module.I32, len(b.a))
	b.pointer(argTaps)
	b.get("Tap")
	b.scaled(4)
	b.Op(module.Add)
	tap := b.keep()
	b.pointer(argB)
	b.get("B")
	b.Op(module.Add)
	weights := b.keep()
	b.get("Taps")
	taps := b.keep()
	bp, n := b.Local(module.I32), b.Local(module.I32)
	b.CountDown(taps, func() {
		b.Get(weights, tap)
		b.Memory(module.Load, 8)
		b.Op(module.Add)
		b.Set(bp)
		for i, a := range b.a {
			b.Get(a, tap)
			b.Memory(module.Load, 0)
			b.scaled(1)
			b.Op(module.Add)
			b.Set(ap[i])
		}
		b.number(argGroups)
		b.Const(2)
		b.Op(module.ShrU)
		b.Set(n)
		b.CountDown(n, func() { b.round(ap, bp, qRound) })
		b.number(argGroups)
		b.Const(qRound - 1)
		b.Op(module.And)
		b.Set(n)
		b.CountDown(n, func() { b.round(ap, bp, 1) })
		b.Increase(tap, 16)
	})
}

// round multiplies so many groups.
func (b *qblock) round(ap []module.Local, bp module.Local, groups int) {
	for g := range groups {
		for i, v := range []module.Local{b.b0, b.b1} {
			b.Get(bp)
			b.VectorMemory(module.LoadWiden8, 16*g+8*i)
			b.Set(v)
		}
		for i, s := range b.sums {
			b.Get(ap[i])
			b.VectorMemory(module.LoadSplat32, 4*g)
			b.Set(b.x)
			for j, w := range []module.Local{b.b0, b.b1} {
				b.Get(s[j], b.x, w)
				b.Vector(module.DotI16x8, module.AddI32x4)
				b.Set(s[j])
			}
		}
	}
	b.Increase(bp, int32(16*groups))
	for _, a := range ap {
		b.Increase(a, int32(4*groups))
	}
}

// store writes the sums to C.
func (b *qblock) store() {
	b.element(argC, "C")
	first := b.keep()
	put := func(s [2]module.Local, at func()) {
		for i, v := range s {
			at()
			b.Get(v)
			b.VectorMemory(module.StoreV128, 16*i)
		}
	}
	for i, s := range b.sums {
		to := func() {
			b.Get(first, b.c[i])
			b.Op(module.Add)
		}
		b.whole()
		b.If(func() { put(s, to) }, func() {
			put(s, b.scratchAt)
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
	for _, s := range b.sums {
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
