package conv

import (
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/simd"
)

// QWorkspace is the temporary memory of one worker. It serves any of the plans that it was made
// for, one call at a time.
type QWorkspace struct {
	gemm    simd.QGEMM
	back    bool    // the next dense layer goes backwards
	staged  []int8  // the source as the kernels read it
	sums    []int32 // of one image
	columns []int32 // of one image of a thin output
	to      qsums   // where the sums of the call at hand go

	// Of Winograd plans:
	shorts         []int16
	ints           []int32
	gemm16         simd.GEMM16
	evaluation     simd.Evaluation
	interpolation  simd.Interpolation
	requantization simd.Requantization
}

// NewQWorkspace returns a workspace that serves all the plans.
func NewQWorkspace(plans ...*QPlan) *QWorkspace {
	n := scratchOf(plans)
	return &QWorkspace{
		staged: make([]int8, n.staged), sums: make([]int32, n.sums), columns: make([]int32, n.columns),
		shorts: arena.Shorts(n.shorts), ints: arena.Ints(n.ints),
	}
}

// QWorkspaceBytes is the size of NewQWorkspace's result.
func QWorkspaceBytes(plans ...*QPlan) int64 {
	n := scratchOf(plans)
	return int64(n.staged) + 2*int64(n.shorts) + 4*int64(n.sums+n.columns+n.ints)
}

// qscratch is how long a QWorkspace's slices are.
type qscratch struct{ staged, sums, columns, shorts, ints int }

func scratchOf(plans []*QPlan) (n qscratch) {
	for _, p := range plans {
		n.staged = max(n.staged, p.lowering.common().stagedLen())
		s, c := p.lowering.scratch()
		n.sums, n.columns = max(n.sums, s), max(n.columns, c)
		if p.winograd != nil {
			s, i := p.winograd.scratch()
			n.shorts, n.ints = max(n.shorts, s), max(n.ints, i)
		}
	}
	return n
}

// NewQWorkspace returns a workspace for this plan.
func (p *QPlan) NewQWorkspace() *QWorkspace { return NewQWorkspace(p) }

// Bytes returns the memory that ws takes.
func (ws *QWorkspace) Bytes() int64 {
	return int64(len(ws.staged)) + 2*int64(len(ws.shorts)) + 4*int64(len(ws.sums)+len(ws.columns)+len(ws.ints))
}
