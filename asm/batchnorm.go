package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowwise is an operation on rows of channels: what belongs to a channel stays in registers while
// the rows go by in order.
type rowwise struct {
	name     string
	doc      string
	sums     []string // per channel, read at first and written at last
	slices   []string // rows of channels
	channels []string // per channel
	scalars  []string
	consts   []float32
	blocks   map[int][]int // lanes -> vectors of channels that one pass takes, falling, the last one 1
	body     func(b *lanes, sums, channels []reg.VecPhysical)
}

// batchnorm writes the operations on rows of channels.
func batchnorm(g *gen) {
	leaky := "z = fma(a[c], x[r,c], b[c]), dz = z > 0 ? dy[r,c] : slope*dy[r,c]: "
	// dz makes dz of slices dy and x; it also returns x.
	dz := func(b *lanes, dy, x int, ch []reg.VecPhysical) (d, v reg.VecPhysical) {
		d, v = b.load(dy), b.load(x)
		z := b.tmp()
		b.VMOVAPS(ch[1], z)
		b.VFMADD231PS(ch[0], v, z)
		b.leakyGrad(z, d)
		return d, v
	}
	for _, f := range []rowwise{
		{
			name: "columnSums", doc: "sum[c] += x[r,c].",
			sums: []string{"sum"}, slices: []string{"x"},
			blocks: map[int][]int{8: {8, 4, 1}, 16: {8, 4, 2, 1}},
			body:   func(b *lanes, sums, _ []reg.VecPhysical) { b.VADDPS(b.load(0), sums[0], sums[0]) },
		}, {
			name: "biasLeaky", doc: "v = x[r,c]+bias[c], dst[r,c] = v < 0 ? slope*v : v.",
			slices: []string{"dst", "x"}, channels: []string{"bias"}, scalars: []string{"slope"}, consts: []float32{0},
			blocks: map[int][]int{8: {8, 4, 1}, 16: {8, 4, 2, 1}},
			body: func(b *lanes, _, ch []reg.VecPhysical) {
				v := b.load(1)
				b.VADDPS(ch[0], v, v)
				b.leaky(v)
				b.store(v, 0)
			},
		}, {
			name: "moments", doc: "d = x[r,c]-shift[c]: sum[c] += d, sq[c] = fma(d, d, sq[c]).",
			sums: []string{"sum", "sq"}, slices: []string{"x"}, channels: []string{"shift"},
			blocks: map[int][]int{8: {4, 2, 1}, 16: {8, 4, 2, 1}},
			body: func(b *lanes, sums, ch []reg.VecPhysical) {
				d := b.load(0)
				b.VSUBPS(ch[0], d, d)
				b.VADDPS(d, sums[0], sums[0])
				b.VFMADD231PS(d, d, sums[1])
			},
		}, {
			name: "affine", doc: "z = fma(a[c], x[r,c], b[c]), dst[r,c] = z < 0 ? slope*z : z.",
			slices: []string{"dst", "x"}, channels: []string{"a", "b"}, scalars: []string{"slope"}, consts: []float32{0},
			blocks: map[int][]int{8: {4, 2, 1}, 16: {8, 4, 2, 1}},
			body: func(b *lanes, _, ch []reg.VecPhysical) {
				z := b.load(1)
				b.VFMADD213PS(ch[1], ch[0], z)
				b.leaky(z)
				b.store(z, 0)
			},
		}, {
			name: "affineGradSums", doc: leaky + "sdz[c] += dz, sdzx[c] = fma(dz, x[r,c]-mean[c], sdzx[c]).",
			sums: []string{"sdz", "sdzx"}, slices: []string{"dy", "x"}, channels: []string{"a", "b", "mean"},
			scalars: []string{"slope"}, consts: []float32{0},
			blocks: map[int][]int{8: {2, 1}, 16: {4, 2, 1}},
			body: func(b *lanes, sums, ch []reg.VecPhysical) {
				d, x := dz(b, 0, 1, ch)
				b.VADDPS(d, sums[0], sums[0])
				b.VSUBPS(ch[2], x, x)
				b.VFMADD231PS(d, x, sums[1])
			},
		}, {
			name: "affineGrad", doc: leaky + "dx[r,c] = fma(a[c], dz, fma(k1[c], x[r,c], k0[c])).",
			slices: []string{"dx", "dy", "x"}, channels: []string{"a", "b", "k0", "k1"},
			scalars: []string{"slope"}, consts: []float32{0},
			blocks: map[int][]int{8: {2, 1}, 16: {4, 2, 1}},
			body: func(b *lanes, _, ch []reg.VecPhysical) {
				d, x := dz(b, 1, 2, ch)
				b.VFMADD213PS(ch[2], ch[3], x)
				b.VFMADD231PS(ch[0], d, x)
				b.store(x, 0)
			},
		},
	} {
		f.write(g)
	}
	rowScale(g)
}

// fetchRows is how many rows ahead sums fetch. What they add up comes from far off: of 64 to 256
// channels in memory, Moments takes 12.4 GB/s so, 10.7 without, AffineGradSums 12.7 and 11.5.
const fetchRows = 8

// write writes the kernel.
func (f rowwise) write(g *gen) {
	name := f.name + "_" + g.name
	names := append(append(append([]string(nil), f.sums...), f.slices...), f.channels...)
	sig := strings.Join(names, ", ") + " *float32, rows, c, stride int"
	if len(f.scalars) > 0 {
		sig += ", " + strings.Join(f.scalars, ", ") + " float32"
	}
	g.kernel(name, sig, fmt.Sprintf("%s works like %sScalar for r < rows in turn:", name, f.name), f.doc)
	b := &lanes{gen: g, streams: streamRegs[:len(f.slices)]}
	g.Comment(strings.Join(streamNames(f.slices), "; ")+", at this row and these channels",
		"AX: offset of these channels; BX: row stride; R8: channels left; R9: rows left")
	b.broadcast(f.scalars, f.consts)
	g.Load(g.Param("c"), reg.R8)
	g.Load(g.Param("stride"), reg.RBX)
	g.SHLQ(operand.U8(2), reg.RBX)
	g.XORQ(reg.RAX, reg.RAX)

	base := b.used
	pass := func(vectors int, masked bool) {
		b.used, b.disp, b.masked = base, 0, masked
		hold := func(names []string) (held [][]reg.VecPhysical) {
			for range vectors {
				held = append(held, nil)
			}
			for _, n := range names {
				g.Load(g.Param(n), reg.R11)
				for j := range vectors {
					v := b.tmp()
					b.loadFrom(operand.Mem{Base: reg.R11, Index: reg.RAX, Scale: 1, Disp: j * g.size()}, v)
					held[j] = append(held[j], v)
				}
			}
			return held
		}
		sums, channels := hold(f.sums), hold(f.channels)
		for i, s := range f.slices {
			g.Load(g.Param(s), b.streams[i])
			g.ADDQ(reg.RAX, b.streams[i])
		}
		g.Load(g.Param("rows"), reg.R9)
		row := g.label("row")
		g.Label(row)
		held := b.used
		for j := range vectors {
			b.used, b.disp = held, j*g.size()
			f.body(b, sums[j], channels[j])
			b.full()
			if len(f.sums) > 0 && j*g.size()%64 == 0 {
				for _, p := range b.streams {
					g.PREFETCHT0(operand.Mem{Base: p, Index: reg.RBX, Scale: fetchRows, Disp: j * g.size()})
				}
			}
		}
		for _, p := range b.streams {
			g.ADDQ(reg.RBX, p)
		}
		g.DECQ(reg.R9)
		g.JNZ(operand.LabelRef(row))
		for i, n := range f.sums {
			g.Load(g.Param(n), reg.R11)
			for j := range vectors {
				b.storeTo(sums[j][i], operand.Mem{Base: reg.R11, Index: reg.RAX, Scale: 1, Disp: j * g.size()})
			}
		}
	}
	for _, vectors := range f.blocks[g.lanes] {
		next, more := g.label("next"), g.label("channels")
		g.Label(more)
		g.CMPQ(reg.R8, operand.U32(vectors*g.lanes))
		g.JL(operand.LabelRef(next))
		pass(vectors, false)
		g.ADDQ(operand.U32(vectors*g.size()), reg.RAX)
		g.SUBQ(operand.U32(vectors*g.lanes), reg.R8)
		g.JMP(operand.LabelRef(more))
		g.Label(next)
	}
	end := g.label("end")
	g.TESTQ(reg.R8, reg.R8)
	g.JZ(operand.LabelRef(end))
	g.tailMask(reg.R8)
	pass(1, true)
	g.Label(end)
	g.end()
}

// rowScale writes the one operation whose factor belongs to a row.
func rowScale(g *gen) {
	name := "rowScale_" + g.name
	g.kernel(name, "x, s *float32, rows, c, stride int", fmt.Sprintf("%s works like rowScaleScalar for r < rows:", name), "x[r,c] *= s[r].")
	b := &lanes{gen: g, streams: streamRegs[:1]}
	g.Comment("DI: x; SI: s; R9: rows left; BX: whole vectors of a row; R8: vectors left", b.tmp().Asm()+": s[r]")
	s := g.v(0)
	g.Load(g.Param("x"), reg.RDI)
	g.Load(g.Param("s"), reg.RSI)
	g.Load(g.Param("rows"), reg.R9)
	g.Load(g.Param("c"), reg.RBX)
	g.MOVQ(reg.RBX, reg.RAX)
	g.ANDQ(operand.U8(g.lanes-1), reg.RAX)
	g.SUBQ(reg.RAX, reg.RBX)
	g.Comment("R10: elements of the ragged end of a row; DX: bytes from the whole vectors of a row to the next row")
	g.MOVQ(reg.RAX, reg.R10)
	g.Load(g.Param("stride"), reg.RDX)
	g.SUBQ(reg.RBX, reg.RDX)
	g.SHLQ(operand.U8(2), reg.RDX)
	g.tailMask(reg.RAX)
	g.Label("row")
	g.VBROADCASTSS(at(reg.RSI, 0), s)
	g.MOVQ(reg.RBX, reg.R8)
	vectors := func(n int) {
		more, next := g.label("vectors"), g.label("next")
		g.Label(more)
		g.CMPQ(reg.R8, operand.U32(n*g.lanes))
		g.JL(operand.LabelRef(next))
		for j := range n {
			x := b.v(1 + j)
			g.VMULPS(at(reg.RDI, j*g.size()), s, x)
			g.VMOVUPS(x, at(reg.RDI, j*g.size()))
		}
		g.ADDQ(operand.U32(n*g.size()), reg.RDI)
		g.SUBQ(operand.U32(n*g.lanes), reg.R8)
		g.JMP(operand.LabelRef(more))
		g.Label(next)
	}
	vectors(4)
	vectors(1)
	g.TESTQ(reg.R10, reg.R10)
	g.JZ(operand.LabelRef("whole"))
	b.masked = true
	x := b.load(0)
	g.VMULPS(s, x, x)
	b.store(x, 0)
	g.Label("whole")
	g.ADDQ(reg.RDX, reg.RDI)
	g.ADDQ(operand.U8(4), reg.RSI)
	g.DECQ(reg.R9)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}
