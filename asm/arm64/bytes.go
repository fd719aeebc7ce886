package main

import "fmt"

// bytes writes the kernels of simd.Bytes: eight bytes at a time are widened to two vectors of 32
// bits.
func bytes(f *file) {
	tableBytes(f)
	addBytes(f)
	mulBytes(f)
	affineBytes(f)
	momentsBytes(f)
	meanBytes(f)
}

// bytesKernel opens a kernel.
func bytesKernel(f *file, what string, params []param, docs ...string) *code {
	name := what + "Bytes_neon"
	return f.function(name, "", params, append([]string{fmt.Sprintf("%s works like %sBytesScalar, see byteKernels:", name, what)}, docs...)...)
}

func bytePointers(names string) param { return param{names, "*int8"} }
func words(names string) param        { return param{names, "int32"} }

// everyWord puts a 32-bit parameter into all lanes of v.
func (c *code) everyWord(name string, v int) {
	c.op("MOVW %s, R16", c.at(name))
	c.op("VDUP R16, V%d.S4", v)
}

// everyLong puts a 64-bit parameter into both lanes of v.
func (c *code) everyLong(name string, v int) {
	c.op("MOVD %s, R16", c.at(name))
	c.op("VDUP R16, V%d.D2", v)
}

// widen: eight bytes at base become the lanes of v and v+1.
func (c *code) widen(base string, v int) {
	c.op("FMOVD (%s), F%d", base, v)
	c.word("sxtlB", v, v)
	c.word("sxtl2H", v+1, v)
	c.word("sxtlH", v, v)
}

// both writes an instruction for a pair of vectors, by m in both.
func (c *code) both(name string, d, n, m int) {
	c.word(name, d, n, m)
	c.word(name, d+1, n+1, m)
}

// pairs writes it for pairs of vectors.
func (c *code) pairs(name string, d, n, m int) {
	c.word(name, d, n, m)
	c.word(name, d+1, n+1, m+1)
}

// narrow stores the lanes of v and v+1 as bytes, zero (of 16 bits) added between two narrowings that
// saturate.
func (c *code) narrow(v, zero int, base string) {
	c.word("sqxtn", v, v)
	c.word("sqxtn2", v, v+1)
	if zero >= 0 {
		c.word("sqadd", v, v, zero)
	}
	c.word("sqxtnB", v, v)
	c.op("FMOVD F%d, (%s)", v, base)
}

// everyShort puts a zero point into all 16-bit lanes of v.
func (c *code) everyShort(name string, v int) {
	c.op("MOVW %s, R16", c.at(name))
	c.op("VDUP R16, V%d.H8", v)
}

// eights goes through R8 elements, eight at a time, and moves pointers on.
func (c *code) eights(label string, pointers []string, body func()) {
	c.label(label)
	body()
	for _, p := range pointers {
		c.op("ADD $8, %s", p)
	}
	c.op("SUBS $8, R8")
	c.op("BNE %s", label)
}

// tableBytes has the table in V16-V31: each fourth looks up those bytes that are within it.
func tableBytes(f *file) {
	c := bytesKernel(f, "table", []param{bytePointers("dst, x"), ints("n"), bytePointers("table")}, "dst[i] = table[x[i]+128].")
	c.comment("R0: dst; R1: x; R8: elements left; R2: table", "V16-V31: the table; V0: indices; V1: result; V2: 64; V3: 128")
	c.load("dst", "R0", "x", "R1", "n", "R8", "table", "R2")
	for v := 16; v < 32; v += 4 {
		c.op("VLD1.P 64(R2), [V%d.B16, V%d.B16, V%d.B16, V%d.B16]", v, v+1, v+2, v+3)
	}
	c.op("VMOVI $64, V2.B16")
	c.op("VMOVI $128, V3.B16")
	c.label("loop")
	c.op("VLD1.P 16(R1), [V0.B16]")
	c.op("VEOR V3.B16, V0.B16, V0.B16")
	for v := 16; v < 32; v += 4 {
		name := "VTBX"
		if v == 16 {
			name = "VTBL"
		} else {
			c.op("VSUB V2.B16, V0.B16, V0.B16")
		}
		c.op("%s V0.B16, [V%d.B16, V%d.B16, V%d.B16, V%d.B16], V1.B16", name, v, v+1, v+2, v+3)
	}
	c.op("VST1.P [V1.B16], 16(R0)")
	c.op("SUBS $16, R8")
	c.op("BNE loop")
	c.op("RET")
}

func addBytes(f *file) {
	c := bytesKernel(f, "add", []param{bytePointers("dst, x, y"), ints("n"), words("a, b, c, half, zero")},
		"dst[i] = byte(((a*x[i] + b*y[i] + c) >> half + 1) >> 1, zero).")
	c.comment("R0: dst; R1: x; R2: y; R8: elements left", "V16: a; V17: b; V18: c; V19: -half-1; V20: zero")
	c.load("dst", "R0", "x", "R1", "y", "R2", "n", "R8")
	c.everyWord("a", 16)
	c.everyWord("b", 17)
	c.everyWord("c", 18)
	c.everyWord("half", 19)
	c.word("not", 19, 19)
	c.everyShort("zero", 20)
	c.eights("loop", []string{"R0", "R1", "R2"}, func() {
		c.widen("R1", 0)
		c.widen("R2", 2)
		c.mov(4, 18)
		c.mov(5, 18)
		c.both("mla", 4, 0, 16)
		c.both("mla", 4, 2, 17)
		c.both("srshl", 4, 4, 19)
		c.narrow(4, 20, "R0")
	})
	c.op("RET")
}

// Vectors of scaled.
const (
	scaleM = 24 + iota
	scaleShift
	scaleBase
	scaleEnd
)

var scaleParams = []param{ints("m, shift"), {"base", "uint64"}, words("end")}

func (c *code) scaleArgs() {
	c.comment("V24: m; V25: -shift; V26: base; V27: end")
	c.everyWord("m", scaleM)
	c.everyLong("shift", scaleShift)
	c.word("negD", scaleShift, scaleShift)
	c.everyLong("base", scaleBase)
	c.everyWord("end", scaleEnd)
}

// scaled: v = (v*m + base) >> shift + end for v and v+1, by way of t and t+1.
func (c *code) scaled(v, t int) {
	for i := range 2 {
		c.word("smullD", t, v+i, scaleM)
		c.word("smull2D", t+1, v+i, scaleM)
		for j := range 2 {
			c.word("addD", t+j, t+j, scaleBase)
			c.word("ushlD", t+j, t+j, scaleShift)
		}
		c.word("xtnD", v+i, t)
		c.word("xtn2D", v+i, t+1)
		c.word("addS", v+i, v+i, scaleEnd)
	}
}

func mulBytes(f *file) {
	params := append([]param{bytePointers("dst, x, y"), ints("n")}, scaleParams...)
	params[len(params)-1] = words("end, zero0, zero1")
	c := bytesKernel(f, "mul", params, "dst[i] = byte(((x[i]-zero0)*(y[i]-zero1)*m + base) >> shift, end).")
	c.comment("R0: dst; R1: x; R2: y; R8: elements left", "V16, V17: zero points")
	c.load("dst", "R0", "x", "R1", "y", "R2", "n", "R8")
	c.scaleArgs()
	c.everyWord("zero0", 16)
	c.everyWord("zero1", 17)
	c.eights("loop", []string{"R0", "R1", "R2"}, func() {
		c.widen("R1", 0)
		c.widen("R2", 2)
		c.both("subS", 0, 0, 16)
		c.both("subS", 2, 2, 17)
		c.pairs("mul", 0, 0, 2)
		c.scaled(0, 4)
		c.narrow(0, -1, "R0")
	})
	c.op("RET")
}
