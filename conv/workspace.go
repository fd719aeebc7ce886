package conv

import (
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// Workspace is the temporary memory of one worker. It serves any of the plans that it was made
// for, one call at a time.
type Workspace struct {
	gemm       simd.GEMM
	outer      simd.Outer
	transforms simd.Transforms
	bias       []float32 // one panel's, padded to NR; of a dense layer one position's
	scale      []float32 // alike
	buf        []float32
	one        [1]simd.Tap
	taps       [4]simd.Tap
}

// NewWorkspace returns a workspace that serves all the plans.
func NewWorkspace(plans ...*Plan) *Workspace {
	n := ForwardBytes(plans...) / 4
	for _, p := range plans {
		n = max(n, p.grad.scratch(), p.grad.packScratch(), p.weight.scratch())
		if d, ok := p.forward.(*densePass); ok {
			n = max(n, d.unpackedLen())
		}
	}
	return newWorkspace(n, plans)
}

// NewForwardWorkspace returns a workspace that serves Pack and Forward of all the plans, but no
// other method.
func NewForwardWorkspace(plans ...*Plan) *Workspace {
	return newWorkspace(ForwardBytes(plans...)/4, plans)
}

// ForwardBytes is the size of NewForwardWorkspace's result, without a few hundred bytes of
// bookkeeping.
func ForwardBytes(plans ...*Plan) int {
	n := 0
	for _, p := range plans {
		n = max(n, p.forward.scratch(), p.forward.packScratch())
	}
	return 4 * n
}

// Bytes is the memory that ws takes, a few hundred bytes less.
func (ws *Workspace) Bytes() int64 { return 4 * int64(len(ws.buf)) }

func newWorkspace(n int, plans []*Plan) *Workspace {
	bias := 0
	for _, p := range plans {
		bias = max(bias, p.forward.common().tileColumns(), p.grad.common().tileColumns())
	}
	return &Workspace{bias: make([]float32, bias), scale: make([]float32, bias), buf: arena.Floats(n)}
}

// NewWorkspace returns a workspace for this plan.
func (p *Plan) NewWorkspace() *Workspace { return NewWorkspace(p) }

// cut returns the first n values of s, and the rest.
func cut(s []float32, n int) (first, rest []float32) { return s[:n:n], s[n:] }
