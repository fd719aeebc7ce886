package model

import "slices"

// rounding is how kernels make bytes of sums: quant.Shift, a zero point and quant.Saturate, with
// what does not depend on the sum found beforehand, and the QTable that is fused behind them.
type rounding struct {
	half  int64
	shift uint
	zero  int64
	table *[256]int8
}

func newRounding(shift int, zero int32, table *[256]int8) rounding {
	return rounding{half: 1 << (shift - 1), shift: uint(shift), zero: int64(zero), table: table}
}

// byte returns the table's entry for clamp(round(v / 2^shift) + zero), halves rounded up.
func (r rounding) byte(v int64) int8 {
	b := int8(max(-128, min(127, (v+r.half)>>(r.shift&63)+r.zero)))
	return r.table[int(b)+128]
}

// roundingOp is an int8 operator whose kernel makes bytes by a rounding: it takes a QTable with it.
type roundingOp interface {
	int8Op
	rounds()
}

// fuseTables makes a QTable part of the operator whose output it alone reads, if that rounds sums.
func fuseTables(g *Graph, _ mode) {
	for _, n := range slices.Clone(g.Nodes) {
		r := g.consumer(n.Out)
		if _, ok := n.Op.(roundingOp); !ok || r == nil {
			continue
		}
		if t, ok := r.Op.(QTable); ok && !t.Pixels && n.writes(r) && len(r.Params[0].Int8) == 256 {
			n.epilogue.table = r.Params[0]
			g.fuse(n, r)
		}
	}
}

// table returns that of the QTable that is fused into the operator, else one that changes nothing.
func (l *Lowering) table() *[256]int8 {
	var t [256]int8
	for i := range t {
		t[i] = int8(i - 128)
	}
	if p := l.node.epilogue.table; p != nil {
		copy(t[:], p.Int8)
	}
	return &t
}
