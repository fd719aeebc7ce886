package main

import "github.com/gantiny/gantiny/asm/internal/module"

const (
	blockRows = 5 // of a block: its sums, two vectors of weights and what is multiplied fit 16 registers
	roundOf   = 4 // terms of one round of the loop
)

// sums is a block of up to blockRows rows of a tile, of eight columns, whose sums stay in registers
// over all taps.
type sums struct {
	code
	a, c      []module.Local // where each row is in A and C, as place of the kernel says
	rows      [][2]module.Local
	x, b0, b1 module.Local
}

// newSums declares the locals for so many rows. The sums are zero.
func newSums(c code, rows int) sums {
	s := sums{code: c}
	for range rows {
		v := c.Locals(module.V128, 2)
		s.rows = append(s.rows, [2]module.Local{v[0], v[1]})
	}
	s.x, s.b0, s.b1 = c.Local(module.V128), c.Local(module.V128), c.Local(module.V128)
	s.a, s.c = c.Locals(module.I32, rows), c.Locals(module.I32, rows)
	return s
}

// blocks computes rows 0 to rows-1 of a tile, block by block: call pushes what the functions take,
// blocks[i] for i rows. first becomes a block's first row, and n is scratch.
func (c code) blocks(blocks []*module.Func, rows, first, n module.Local, call func()) {
	c.Const(0)
	c.Set(first)
	c.Repeat(func() {
		c.blockOf(rows, first, blockRows)
		c.Set(n)
		for i := 1; i < len(blocks); i++ {
			c.Get(n)
			c.Const(int32(i))
			c.Op(module.Eq)
			c.If(func() {
				call()
				c.Call(blocks[i])
			}, nil)
		}
		c.Get(first, n)
		c.Op(module.Add)
		c.Tee(first)
		c.Get(rows)
		c.Op(module.LtU)
	})
}

// load sets a row to what is at an address.
func (s *sums) load(row [2]module.Local, from module.Local) {
	for i, v := range row {
		s.Get(from)
		s.VectorMemory(module.LoadV128, 16*i)
		s.Set(v)
	}
}

// put stores a row at the address that at pushes.
func (s *sums) put(row [2]module.Local, at func()) {
	for i, v := range row {
		at()
		s.Get(v)
		s.VectorMemory(module.StoreV128, 16*i)
	}
}

// product is how terms are multiplied.
type product struct {
	load          module.VectorMemory // of four columns of weights
	size          int                 // bytes of these
	multiply, add module.Vector

	count        int   // which of kernelArgs' n says how many terms a tap has
	aUnit, bUnit int32 // an offset of a tap, in A and in B, counts 2^unit bytes
}

// taps is where a product begins: its list of taps and how many they are, and B.
type taps struct{ at, weights, count module.Local }

// contract adds up all taps. begin finds them.
func (s *sums) contract(p product, begin func() taps) {
	ap := s.Locals(module.I32, len(s.a))
	t := begin()
	bp, n := s.Local(module.I32), s.Local(module.I32)
	s.CountDown(t.count, func() {
		offset := func(base module.Local, field int, unit int32, to module.Local) {
			s.Get(base, t.at)
			s.Memory(module.Load, field)
			if unit > 0 {
				s.scaled(unit)
			}
			s.Op(module.Add)
			s.Set(to)
		}
		offset(t.weights, 8, p.bUnit, bp)
		for i, a := range s.a {
			offset(a, 0, p.aUnit, ap[i])
		}
		s.number(p.count)
		s.Const(2) // roundOf is 2^2
		s.Op(module.ShrU)
		s.Set(n)
		s.CountDown(n, func() { s.round(p, ap, bp, roundOf) })
		s.number(p.count)
		s.Const(roundOf - 1)
		s.Op(module.And)
		s.Set(n)
		s.CountDown(n, func() { s.round(p, ap, bp, 1) })
		s.Increase(t.at, 16)
	})
}

// round adds so many terms.
func (s *sums) round(p product, ap []module.Local, bp module.Local, terms int) {
	for k := range terms {
		for i, v := range []module.Local{s.b0, s.b1} {
			s.Get(bp)
			s.VectorMemory(p.load, p.size*(2*k+i))
			s.Set(v)
		}
		for i, row := range s.rows {
			s.Get(ap[i])
			s.VectorMemory(module.LoadSplat32, 4*k)
			s.Set(s.x)
			for j, w := range []module.Local{s.b0, s.b1} {
				s.Get(row[j], s.x, w)
				s.Vector(p.multiply, p.add)
				s.Set(row[j])
			}
		}
	}
	s.Increase(bp, int32(2*p.size*terms))
	for _, a := range ap {
		s.Increase(a, int32(4*terms))
	}
}
