package main

import "github.com/gantiny/gantiny/asm/internal/module"

// stage writes stage: for n[0] times 16 elements, p[0] as int16 = p[1], which are int8.
func stage(m *module.Module) {
	c := code{m.Func("stage")}
	c.pointer(0)
	dst := c.keep()
	c.pointer(1)
	src := c.keep()
	c.number(0)
	n := c.keep()
	c.CountDown(n, func() {
		for i := range 2 {
			c.Get(dst, src)
			c.VectorMemory(module.LoadWiden8, 8*i)
			c.VectorMemory(module.StoreV128, 16*i)
		}
		c.Increase(dst, 32)
		c.Increase(src, 16)
	})
}

// gather writes gather, see simd.QGather: n[0] groups of 16 outputs at p[0], which start from p[1],
// are sums of elements of p[2], whose numbers are at p[3]; p[4] has each group's number of terms.
func gather(m *module.Module) {
	const lanes = 16
	c := code{m.Func("gather")}
	list := c.Locals(module.I32, 5)
	dst, start, src, index, terms := list[0], list[1], list[2], list[3], list[4]
	for i, l := range list {
		c.pointer(i)
		c.Set(l)
	}
	c.number(0)
	groups := c.keep()
	lane, left, at, sum := c.Local(module.I32), c.Local(module.I32), c.Local(module.I32), c.Local(module.I32)
	c.CountDown(groups, func() {
		c.Const(lanes)
		c.Set(lane)
		c.CountDown(lane, func() {
			c.Get(start)
			c.Memory(module.Load, 0)
			c.Set(sum)
			c.Get(index)
			c.Set(at)
			c.Get(terms)
			c.Memory(module.Load, 0)
			c.Set(left)
			c.CountDown(left, func() {
				c.Get(sum, src, at)
				c.Memory(module.Load, 0)
				c.scaled(2)
				c.Op(module.Add)
				c.Memory(module.Load, 0)
				c.Op(module.Add)
				c.Set(sum)
				c.Increase(at, 4*lanes)
			})
			c.Get(dst, sum)
			c.Memory(module.Store, 0)
			for _, l := range []module.Local{dst, start, index} {
				c.Increase(l, 4)
			}
		})
		// The lanes have moved index on by one row already.
		c.Get(index, terms)
		c.Memory(module.Load, 0)
		c.AddConst(-1)
		c.Const(4 * lanes)
		c.Op(module.Mul, module.Add)
		c.Set(index)
		c.Increase(terms, 4)
	})
}
