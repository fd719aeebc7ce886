package main

import "fmt"

// The instruction sets' inner loops. R9 and on point to rows of A, R8 to B; all of them move on.

var qneon = qset{
	name: "neon", rows: 7, group: 2, round: 8,
	doc: []string{
		"V0-V13: the C tile; V14-V17, V30, V31: products of two pairs of channels, 16 bits each; V18-V21, V22-V25: four pairs of a row of A,",
		"each in all lanes; V26-V29: four pairs of B",
	},
	contract: contractNeon, wide: wideNeon, wideInHalves: wideInHalves,
}

var qdotprod = qset{
	name: "dotprod", rows: 7, group: 4, round: 8,
	doc:      []string{"V0-V13: the C tile; V14-V27: A, 32 channels of a row in a pair; V28-V31: B, two groups"},
	contract: contractDotprod, wide: wideDotprod,
}

var qi8mm = qset{
	name: "i8mm", rows: 8, group: 8, round: 2, pairs: true,
	doc: []string{
		"V0-V15: the C tile, two columns of two rows in each; V16-V23: A, 16 channels of two rows, as they are and in pairs; V24-V31: B,",
		"two groups",
	},
	contract: contractI8MM,
}

// fourVectors is the operand of an instruction that moves vectors v to v+3.
func fourVectors(v int, lanes string) string {
	return fmt.Sprintf("[V%d.%s, V%d.%s, V%d.%s, V%d.%s]", v, lanes, v+1, lanes, v+2, lanes, v+3, lanes)
}

// contractNeon: the products of two pairs of channels, at most 2*128*127 each, are added in 16
// bits, and both neighbors to 32 bits from there. What belongs to one sum lies apart, so that a
// processor that works in order need not wait.
func contractNeon(c *code, rows, groups int) {
	type unit struct{ row, pair, half int }
	mul := func(name string, u unit, t, pair, a int) {
		if u.half == 1 {
			name += "2"
		}
		c.word(name, t, 26+pair, a+pair)
	}
	if groups == 1 {
		c.op("FMOVQ.P 16(%s), F26", qB)
		for r := range rows {
			t := 14 + 2*(r%2)
			c.op("VLD1R.P 2(R%d), [V%d.H8]", 9+r, 18+r)
			for half := range 2 {
				mul("smull", unit{half: half}, t+half, 0, 18+r)
			}
			for half := range 2 {
				c.word("sadalp", acc(r, half), t+half)
			}
		}
		return
	}
	for range groups / 4 {
		a := func(r int) int { return 18 + 4*(r%2) }
		load := func(r int) {
			if r < rows {
				c.op("VLD4R.P 8(R%d), %s", 9+r, fourVectors(a(r), "H8"))
			}
		}
		load(0)
		c.op("VLD1.P 64(%s), %s", qB, fourVectors(26, "B16"))
		var units []unit
		for r := range rows {
			for _, pair := range []int{0, 2} {
				units = append(units, unit{r, pair, 0}, unit{r, pair, 1})
			}
		}
		const apart = 2 // units from one step of a unit to the next
		for i := range len(units) + 2*apart {
			t := func(i int) int { return []int{14, 15, 16, 17, 30, 31}[i%6] }
			if i%4 == 2 {
				load(i/4 + 1)
			}
			if i < len(units) {
				u := units[i]
				mul("smull", u, t(i), u.pair, a(u.row))
			}
			if j := i - apart; j >= 0 && j < len(units) {
				u := units[j]
				mul("smlal", u, t(j), u.pair+1, a(u.row))
			}
			if j := i - 2*apart; j >= 0 {
				u := units[j]
				c.word("sadalp", acc(u.row, u.half), t(j))
			}
		}
	}
}

// wideNeon: V8-V11: four pairs of A; V12-V15, V16-V19: B of two tiles; V20-V27: products.
func wideNeon(c *code, groups int) {
	half := func(name string, h int) string { return name + []string{"", "2"}[h] }
	if groups == 1 {
		c.op("VLD1R.P 2(R9), [V8.H8]")
		for tile := range 4 {
			b := 12 + tile
			c.op("FMOVQ.P 16(R%d), F%d", 10+tile, b)
			for h := range 2 {
				c.word(half("smull", h), 20+2*tile+h, b, 8)
			}
		}
		for v := range 8 {
			c.word("sadalp", v, 20+v)
		}
		return
	}
	for range groups / 4 {
		c.op("VLD4R.P 8(R9), %s", fourVectors(8, "H8"))
		var late []func()
		for tile := range 4 {
			b, t := 12+4*(tile%2), 20+4*(tile%2)
			c.op("VLD1.P 64(R%d), %s", 10+tile, fourVectors(b, "B16"))
			for i := range 4 { // pairs 0 and 1, then 2 and 3
				c.word(half("smull", i%2), t+i, b+i/2*2, 8+i/2*2)
				if late != nil {
					late[i]()
				}
			}
			late = nil
			for i := range 4 {
				c.word(half("smlal", i%2), t+i, b+i/2*2+1, 9+i/2*2)
				late = append(late, func() { c.word("sadalp", 2*tile+i%2, t+i) })
			}
		}
		for _, f := range late {
			f()
		}
	}
}

// wideInHalves is the loop of wideNeon for the Cortex-A53, over sixteen channels, as
// sixteenInHalves is that of float32: a round loads what the next one begins with, and the last
// round its own again. V8-V15: four pairs of A, twice; V16-V23: B, one vector after the other;
// V24-V31: products.
func wideInHalves(c *code, label string) {
	const (
		back  = "R5" // bytes of A
		whole = "R6" // what back is in the last round
		early = 5    // vectors of B that the round before loads
		apart = 2    // units from one step of a unit to the next
	)
	var products []func()
	var first, last [32]int // products that read each vector of B, and the same for A
	var firstA, lastA [2]int
	read := func(b, a int) {
		p := len(products)
		if last[b] = p; first[b] == 0 {
			first[b] = p
		}
		if lastA[a] = p; firstA[a] == 0 {
			firstA[a] = p
		}
	}
	// A unit is half the products of two pairs of channels of a tile: SMULL, SMLAL and SADALP.
	step := func(unit, stage int) {
		if unit < 0 || unit >= 32 {
			return
		}
		half, pairs, tile, a := unit%2, unit/2%2, unit/4%4, unit/16
		t := 24 + unit%8
		if stage == 2 {
			products = append(products, func() { c.word("sadalp", 2*tile+half, t) })
			return
		}
		b, v := unit/4*4+2*pairs+stage, 8+4*a+2*pairs+stage
		name := []string{"smull", "smlal"}[stage] + []string{"", "2"}[half]
		read(b, a)
		products = append(products, func() { c.word(name, t, 16+b%8, v) })
	}
	for i := range 32 + 2*apart {
		for stage := range 3 {
			step(i-stage*apart, stage)
		}
	}
	n := len(products)
	pointer := func(b int) string { return fmt.Sprintf("R%d", 10+b/4%4) }
	four := func(set int) halves {
		return halves{low: func() { c.op("VLD4R.P 8(R9), %s", fourVectors(8+4*set, "H8")) }, alone: true}
	}
	var begin, loads []halves
	for b := early; b < 32+early; b++ {
		l := c.inHalves(pointer(b), 16+b%8)
		if b >= 8 {
			l.from = last[b-8] + 1
		}
		if l.until = first[b%32]; b >= 32 {
			l.until += n
			begin = append(begin, l)
		}
		if b >= 32 && b%4 == 0 {
			l.before = func() { c.op("SUB %s<<3, %s", back, pointer(b)) }
		}
		loads = append(loads, l)
	}
	for i := len(loads) - 2; i >= 0; i-- { // in the order of memory
		loads[i].until = min(loads[i].until, loads[i+1].until)
	}
	second, next := four(1), four(0)
	second.until = firstA[1]
	next.from, next.until = lastA[0]+1, n
	begin = append(begin, next)
	next.before = func() { c.op("SUB %s, R9", back) }
	c.loadNow(begin)
	c.op("MOVD $16, %s", whole)
	c.label(label)
	c.interleave(n, 0, func(i int) { products[i]() }, append(loads, second, next),
		func() { c.op("SUBS $1, %s, %s", qLeft, qLeft) },
		func() { c.op("CSEL EQ, %s, ZR, %s", whole, back) })
	c.op("BNE %s", label)
	c.op("ADD $8, R9")
	for b := 0; b < early; b += 4 {
		c.op("ADD $%d, %s", 128-16*min(4, early-b), pointer(b))
	}
}

// contractDotprod: each lane adds four products; 32 channels of a row lie in two registers.
func contractDotprod(c *code, rows, groups int) {
	a := func(r int) int { return 14 + 2*r }
	dots := func(r, b, group int) {
		for j := range 2 {
			c.word("sdotE", acc(r, j), b+j, a(r)+group/4, group%4)
		}
	}
	if groups == 1 {
		c.op("FLDPQ.P 32(%s), (F28, F29)", qB)
		for r := range rows {
			c.op("FMOVS.P 4(R%d), F%d", 9+r, a(r))
		}
		for r := range rows {
			dots(r, 28, 0)
		}
		return
	}
	for r := range rows {
		c.op("FLDPQ.P 32(R%d), (F%d, F%d)", 9+r, a(r), a(r)+1)
	}
	for group := 0; group < groups; group += 2 {
		c.op("VLD1.P 64(%s), %s", qB, fourVectors(28, "B16"))
		for u := range 2 {
			for r := range rows {
				dots(r, 28+2*u, group+u)
			}
		}
	}
}

// wideDotprod: V8, V9: 32 channels of A; V16-V31: B, two groups of each tile.
func wideDotprod(c *code, groups int) {
	if groups == 1 {
		c.op("FMOVS.P 4(R9), F8")
		for tile := range 4 {
			c.op("FLDPQ.P 32(R%d), (F%d, F%d)", 10+tile, 16+4*tile, 17+4*tile)
		}
		for v := range 8 {
			c.word("sdotE", v, 16+v/2*4+v%2, 8, 0)
		}
		return
	}
	c.op("FLDPQ.P 32(R9), (F8, F9)")
	for group := 0; group < groups; group += 2 {
		for tile := range 4 {
			c.op("VLD1.P 64(R%d), %s", 10+tile, fourVectors(16+4*tile, "B16"))
		}
		for u := range 2 {
			for v := range 8 {
				g := group + u
				c.word("sdotE", v, 16+v/2*4+2*u+v%2, 8+g/4, g%4)
			}
		}
	}
}

// contractI8MM: a product of two rows and two columns adds eight channels to each of four sums. The
// last of an odd number of rows is paired with itself.
func contractI8MM(c *code, rows, groups int) {
	square := func(pair, col int) int { return 4*pair + col }
	if groups == 1 {
		c.op("VLD1.P 64(%s), %s", qB, fourVectors(24, "B16"))
		for r := 0; r < rows; r += 2 {
			v := 16 + r/2
			c.op("VLD1R.P 8(R%d), [V%d.D2]", 9+r, v)
			if r+1 < rows {
				c.op("VLD1.P 8(R%d), V%d.D[1]", 10+r, v)
			}
			for col := range 4 {
				c.word("smmla", square(r/2, col), v, 24+col)
			}
		}
		return
	}
	c.op("VLD1.P 64(%s), %s", qB, fourVectors(24, "B16"))
	c.op("VLD1.P 64(%s), %s", qB, fourVectors(28, "B16"))
	for r := 0; r < rows; r += 2 {
		v := 16 + r/2%2*4
		c.op("FMOVQ.P 16(R%d), F%d", 9+r, v)
		other := v
		if r+1 < rows {
			other = v + 1
			c.op("FMOVQ.P 16(R%d), F%d", 10+r, other)
		}
		c.op("VZIP1 V%d.D2, V%d.D2, V%d.D2", other, v, v+2)
		c.op("VZIP2 V%d.D2, V%d.D2, V%d.D2", other, v, v+3)
		for u := range 2 {
			for col := range 4 {
				c.word("smmla", square(r/2, col), v+2+u, 24+4*u+col)
			}
		}
	}
}
