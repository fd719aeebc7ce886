package model

import "slices"

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
