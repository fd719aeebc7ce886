package main

import "github.com/gantiny/gantiny/asm/internal/module"

// qpeak writes qpeak, n[0] rounds of 12 multiply-adds of int16 on registers.
func qpeak(m *module.Module) {
	c := code{m.Func("qpeak")}
	c.peak(module.DotI16x8, module.AddI32x4)
}

// peak writes peak, the same in float32.
func peak(m *module.Module) {
	c := code{m.Func("peak")}
	c.peak(module.MulF32x4, module.AddF32x4)
}

// peak adds the loop, whose sums do not wait for each other. They are stored, so that the loop is
// not found to be useless.
func (c code) peak(multiply, add module.Vector) {
	c.number(0)
	n := c.keep()
	x := c.Local(module.V128)
	sums := c.Locals(module.V128, 12)
	c.CountDown(n, func() {
		for _, s := range sums {
			c.Get(s, s, x)
			c.Vector(multiply, add)
			c.Set(s)
		}
	})
	for _, s := range sums {
		c.Args()
		c.Get(s)
		c.VectorMemory(module.StoreV128, scratch)
	}
}
