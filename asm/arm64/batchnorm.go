package main

import (
	"fmt"
	"strings"
)

// rows is an operation on rows of channels. Values of a channel stay in registers while the rows go
// by.
type rows struct {
	name, doc string
	sums      []string // parameters, read before the rows and written after them
	slices    []string // rows of channels, outputs first
	channels  []string // a value a channel
	scalars   []string
	body      func(l *lanes, sums, channels []int)
}

const firstHeld = 18 // values of channels and sums lie from here on, above the scalars

func (f rows) write(to *file) {
	name := f.name + "_neon"
	var names []string
	names = append(append(append(names, f.sums...), f.slices...), f.channels...)
	params := []param{pointers(names...), ints("rows", "c", "stride")}
	if f.scalars != nil {
		params = append(params, floats(f.scalars...))
	}
	c := to.function(name, "", params, fmt.Sprintf("%s works like %sScalar for r < rows in turn:", name, f.name), f.doc)
	l := &lanes{code: c, streams: streamRegs[:len(f.slices)], scalars: map[string]int{}, limit: firstScalar}
	c.comment(strings.Join(f.slices, ", ")+": "+strings.Join(l.streams, ", ")+", at this row and these channels",
		"R5: offset of these channels; R6: row stride; R8: channels left; R7: rows left")
	c.load("c", "R8", "stride", "R6")
	c.op("LSL $2, R6")
	c.op("MOVD $0, R5")
	for i, s := range f.scalars {
		l.scalars[s] = firstScalar + i
		c.everyLane(s, firstScalar+i)
	}
	c.inSteps("R8", []step{{2, 4}, {1, 4}, {1, 1}}, func(s step) {
		l.width = s.width
		held := firstHeld
		hold := func(names []string) (vectors [2][]int) {
			for _, name := range names {
				c.load(name, "R9")
				c.op("ADD R5, R9")
				for j := range s.vectors {
					c.op("%s %d(R9), F%d", l.kind(), 16*j, held)
					vectors[j] = append(vectors[j], held)
					held++
				}
			}
			return vectors
		}
		sums, channels := hold(f.sums), hold(f.channels)
		if held > 32 {
			panic(f.name + ": out of vectors")
		}
		for i, name := range f.slices {
			c.load(name, l.streams[i])
			c.op("ADD R5, %s", l.streams[i])
		}
		c.load("rows", "R7")
		c.countDown(c.unique("row"), "R7", func() {
			for j := range s.vectors {
				l.used, l.disp = 8*j, 16*j
				f.body(l, sums[j], channels[j])
			}
			for _, r := range l.streams {
				c.op("ADD R6, %s", r)
			}
		})
		for i, name := range f.sums {
			c.load(name, "R9")
			c.op("ADD R5, R9")
			for j := range s.vectors {
				c.op("%s F%d, %d(R9)", l.kind(), sums[j][i], 16*j)
			}
		}
		c.op("ADD $%d, R5", 4*s.elements())
	})
	c.op("RET")
}

// batchnorm writes what works on rows of channels.
func batchnorm(to *file) {
	rows{name: "columnSums", doc: "sum[c] += x[r,c].", sums: []string{"sum"}, slices: []string{"x"}, body: func(l *lanes, sums, _ []int) {
		l.word("fadd", sums[0], sums[0], l.load(0))
	}}.write(to)
	rows{name: "biasLeaky", doc: "v = x[r,c]+bias[c], dst[r,c] = v < 0 ? slope*v : v.", slices: []string{"dst", "x"}, channels: []string{"bias"}, scalars: []string{"slope"}, body: func(l *lanes, _, ch []int) {
		v := l.load(1)
		l.word("fadd", v, v, ch[0])
		l.leaky(v, l.scalars["slope"])
		l.store(v, 0)
	}}.write(to)
	rows{name: "moments", doc: "d = x[r,c]-shift[c]: sum[c] += d, sq[c] = fma(d, d, sq[c]).", sums: []string{"sum", "sq"}, slices: []string{"x"}, channels: []string{"shift"}, body: func(l *lanes, sums, ch []int) {
		d := l.load(0)
		l.word("fsub", d, d, ch[0])
		l.word("fadd", sums[0], sums[0], d)
		l.fmla(sums[1], d, d)
	}}.write(to)
	affine := func(l *lanes, x, a, b int) int { // fma(a, x, b)
		z := l.tmp()
		l.mov(z, b)
		l.fmla(z, a, x)
		return z
	}
	rows{name: "affine", doc: "z = fma(a[c], x[r,c], b[c]), dst[r,c] = z < 0 ? slope*z : z.", slices: []string{"dst", "x"}, channels: []string{"a", "b"}, scalars: []string{"slope"}, body: func(l *lanes, _, ch []int) {
		z := affine(l, l.load(1), ch[0], ch[1])
		l.leaky(z, l.scalars["slope"])
		l.store(z, 0)
	}}.write(to)
	const dz = "z = fma(a[c], x[r,c], b[c]), dz = z > 0 ? dy[r,c] : slope*dy[r,c]: "
	rows{name: "affineGradSums", doc: dz + "sdz[c] += dz, sdzx[c] = fma(dz, x[r,c]-mean[c], sdzx[c]).", sums: []string{"sdz", "sdzx"}, slices: []string{"dy", "x"}, channels: []string{"a", "b", "mean"}, scalars: []string{"slope"}, body: func(l *lanes, sums, ch []int) {
		dy, x := l.load(0), l.load(1)
		g := l.leakyGrad(dy, affine(l, x, ch[0], ch[1]), l.scalars["slope"])
		l.word("fadd", sums[0], sums[0], g)
		l.word("fsub", x, x, ch[2])
		l.fmla(sums[1], g, x)
	}}.write(to)
	rows{name: "affineGrad", doc: dz + "dx[r,c] = fma(a[c], dz, fma(k1[c], x[r,c], k0[c])).", slices: []string{"dx", "dy", "x"}, channels: []string{"a", "b", "k0", "k1"}, scalars: []string{"slope"}, body: func(l *lanes, _, ch []int) {
		dy, x := l.load(1), l.load(2)
		g := l.leakyGrad(dy, affine(l, x, ch[0], ch[1]), l.scalars["slope"])
		d := affine(l, x, ch[3], ch[2])
		l.fmla(d, ch[0], g)
		l.store(d, 0)
	}}.write(to)
	rowScale(to)
}

// rowScale writes the one operation whose factor belongs to a row.
func rowScale(to *file) {
	c := to.function("rowScale_neon", "", []param{pointers("x", "s"), ints("rows", "c", "stride")},
		"rowScale_neon works like rowScaleScalar for r < rows:", "x[r,c] *= s[r].")
	l := &lanes{code: c, streams: streamRegs[:1], limit: firstScalar}
	c.comment("R0: x; R1: s; R7: rows left; R8: channels left; R6: bytes from the end of a row to the next one; V16: s[r]")
	c.load("x", "R0", "s", "R1", "rows", "R7", "c", "R5", "stride", "R6")
	c.op("SUB R5, R6")
	c.op("LSL $2, R6")
	c.countDown("row", "R7", func() {
		c.op("VLD1R.P 4(R1), [V16.S4]")
		c.op("MOVD R5, R8")
		c.inSteps("R8", []step{{4, 4}, {1, 4}, {1, 1}}, func(s step) {
			for j := range s.vectors {
				l.used, l.width, l.disp = j, s.width, 16*j
				x := l.load(0)
				c.word("fmul", x, x, 16)
				l.store(x, 0)
			}
			c.op("ADD $%d, R0", 4*s.elements())
		})
		c.op("ADD R6, R0")
	})
	c.op("RET")
}
