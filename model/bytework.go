package model

import "github.com/gantiny/gantiny/simd"

// runBytes is how many bytes go through one function after the other: they stay in the cache of the
// first level.
const runBytes = 4096

// byteWork is what the kernels of int8 operators keep for a thread during a call.
type byteWork struct {
	repeated [runBytes]int8 // one byte
	norm     normWork
}

// lookup is the table of a QTable that is fused into an operator, or none.
type lookup struct{ table *simd.ByteTable }

// lookup returns the table behind the operator.
func (l *Lowering) lookup() lookup {
	p := l.node.epilogue.table
	if p == nil {
		return lookup{}
	}
	return lookup{simd.NewByteTable((*[256]int8)(p.Int8))}
}

// look takes the table's entries in place of x.
func (k lookup) look(w *Worker, x []int8) {
	if k.table != nil {
		w.Kernels.Bytes.Table(x, x, k.table)
	}
}

// byteRows returns how many rows of how many bytes a share has at each position: those of all images
// are one row where they lie side by side in all of t.
func byteRows(s Share, t ...*Tensor) (rows, n int) {
	rows, n = s.N1-s.N0, t[0].C
	for _, t := range t {
		if t.Row != n {
			return rows, n
		}
	}
	return min(rows, 1), rows * n
}

// byteRuns calls f for runs of the share's bytes in y and x, of up to runBytes: rows of several
// images where these lie side by side.
func byteRuns(y, x *Tensor, s Share, f func(dst, x []int8)) {
	rows, n := byteRows(s, y, x)
	p0, p1 := s.Of(y.Positions())
	for p := p0; p < p1; p++ {
		for i := range rows {
			to, from := y.Q[p*y.Stride+(s.N0+i)*y.Row:][:n], x.Q[p*x.Stride+(s.N0+i)*x.Row:][:n]
			for lo := 0; lo < n; lo += runBytes {
				hi := min(lo+runBytes, n)
				f(to[lo:hi], from[lo:hi])
			}
		}
	}
}
