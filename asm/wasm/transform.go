package main

import "github.com/gantiny/gantiny/asm/internal/module"

// Of kernelArgs, for transforms.
const (
	transformDst, transformSrc, transformM = 0, 1, 2 // p

	// n; N is a multiple of 4
	transformRows, transformCols, transformN, transformDS, transformSS, transformCount, transformDStep, transformSStep, transformAdd = 0, 1, 2, 3, 4, 5, 6, 7, 8
)

// transforms writes transforms, which works like simd.Transforms on rows of a multiple of four
// elements.
func transforms(m *module.Module) {
	c := code{m.Func("transforms")}
	list := c.Locals(module.I32, 3)
	dst, src, factors := list[0], list[1], list[2]
	c.pointer(transformDst)
	c.Set(dst)
	c.pointer(transformSrc)
	c.Set(src)
	c.number(transformCount)
	count := c.keep()
	to, row, at, left := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	cols, from, n := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	sums := c.Locals(module.V128, 4)
	x := c.Local(module.V128)
	bytes := func(number int) {
		c.number(number)
		c.scaled(2)
	}
	// run makes so many vectors of a row from offset at on.
	run := func(vectors int) {
		c.Get(src, at)
		c.Op(module.Add)
		c.Set(from)
		c.pointer(transformM)
		c.Get(row)
		c.number(transformCols)
		c.Op(module.Mul)
		c.scaled(2)
		c.Op(module.Add)
		c.Tee(factors)
		c.VectorMemory(module.LoadSplat32, 0)
		c.Set(x)
		for i := range vectors {
			c.Get(from)
			c.VectorMemory(module.LoadV128, 16*i)
			c.Get(x)
			c.Vector(module.MulF32x4)
			c.Set(sums[i])
		}
		c.number(transformCols)
		c.AddConst(-1)
		c.Set(cols)
		c.CountDown(cols, func() {
			c.Increase(factors, 4)
			c.Get(from)
			bytes(transformSS)
			c.Op(module.Add)
			c.Set(from)
			c.Get(factors)
			c.VectorMemory(module.LoadSplat32, 0)
			c.Set(x)
			for i := range vectors {
				c.Get(sums[i], from)
				c.VectorMemory(module.LoadV128, 16*i)
				c.Get(x)
				c.Vector(module.MulF32x4, module.AddF32x4)
				c.Set(sums[i])
			}
		})
		c.number(transformAdd)
		c.If(func() {
			for i := range vectors {
				c.Get(sums[i], to, at)
				c.Op(module.Add)
				c.VectorMemory(module.LoadV128, 16*i)
				c.Vector(module.AddF32x4)
				c.Set(sums[i])
			}
		}, nil)
		for i := range vectors {
			c.Get(to, at)
			c.Op(module.Add)
			c.Get(sums[i])
			c.VectorMemory(module.StoreV128, 16*i)
		}
		c.Increase(at, int32(16*vectors))
	}
	c.CountDown(count, func() {
		c.Get(dst)
		c.Set(to)
		c.Const(0)
		c.Set(row)
		c.number(transformRows)
		c.Set(left)
		c.CountDown(left, func() {
			c.Const(0)
			c.Set(at)
			c.number(transformN)
			c.Const(4)
			c.Op(module.ShrU)
			c.Set(n)
			c.CountDown(n, func() { run(4) })
			c.number(transformN)
			c.Const(2)
			c.Op(module.ShrU)
			c.Const(3)
			c.Op(module.And)
			c.Set(n)
			c.CountDown(n, func() { run(1) })
			c.Increase(row, 1)
			c.Get(to)
			bytes(transformDS)
			c.Op(module.Add)
			c.Set(to)
		})
		c.Get(dst)
		bytes(transformDStep)
		c.Op(module.Add)
		c.Set(dst)
		c.Get(src)
		bytes(transformSStep)
		c.Op(module.Add)
		c.Set(src)
	})
}
