package conv

import "github.com/gantiny/gantiny/simd"

// QWorkspace is the scratch of one worker. It serves any of the plans that it was
// made for, one call at a time.
type QWorkspace struct {
	gemm    simd.QGEMM
	back    bool    // the next dense layer goes backwards
	staged  []int8  // the source as the kernels read it
	sums    []int32 // of one image
	columns []int32 // of one image of a thin output
	to      qsums   // where the sums of the call at hand go
}

// NewQWorkspace returns scratch that suits all the plans.
func NewQWorkspace(plans ...*QPlan) *QWorkspace {
	staged, sums, columns := scratch(plans)
	return &QWorkspace{staged: make([]int8, staged), sums: make([]int32, sums), columns: make([]int32, columns)}
}

// QWorkspaceBytes is the memory that NewQWorkspace's scratch takes.
func QWorkspaceBytes(plans ...*QPlan) int64 {
	staged, sums, columns := scratch(plans)
	return int64(staged) + 4*int64(sums+columns)
}

// scratch is how long a QWorkspace's slices are.
func scratch(plans []*QPlan) (staged, sums, columns int) {
	for _, p := range plans {
		staged = max(staged, p.lowering.common().stagedLen())
		s, c := p.lowering.scratch()
		sums, columns = max(sums, s), max(columns, c)
	}
	return staged, sums, columns
}

// NewQWorkspace returns scratch that suits this plan.
func (p *QPlan) NewQWorkspace() *QWorkspace { return NewQWorkspace(p) }

// Bytes returns the memory that ws takes.
func (ws *QWorkspace) Bytes() int64 {
	return int64(len(ws.staged)) + 4*int64(len(ws.sums)+len(ws.columns))
}
