package model

import (
	"math"
	"runtime"

	"github.com/gantiny/gantiny/conv"
)

// Memory is the memory of a Session and its Model, in bytes. It does not include the program's
// own.
type Memory struct {
	Parameters  int64 `json:"parameters"`  // the Model's; 0 for weights that stay in a mapped file
	Packed      int64 `json:"packed"`      // weights as the kernels read them, which Sessions share
	Plans       int64 `json:"plans"`       // lists of what the kernels do, about
	Activations int64 `json:"activations"` // of all threads
	Scratch     int64 `json:"scratch"`     // alike
	Loading     int64 `json:"loading"`     // garbage by the first Run: one layer's weights once more, and what planning leaves
}

// Peak is the most that is taken at a time where the collector comes late.
func (m Memory) Peak() int64 {
	return m.Parameters + m.Packed + m.Plans + m.Activations + m.Scratch + m.Loading
}

// needed is what of it is still to be allocated.
func (m Memory) needed() int64 { return m.Peak() - m.Parameters }

// Memory predicts the memory of a Session with these options, without making one and whatever
// MaxBytes is. If making the plan would itself take more than 64 MiB, no plan is made: the
// prediction is then computed from shapes alone, is never above the true figure, and leaves out
// scratch. Where the machine has kernels for weights of 7 bits, making the plan reads the weights.
func (m *Model) Memory(o Options) (Memory, error) {
	s, g, price, err := m.prepare(o, mode{})
	if err != nil {
		return Memory{}, err
	}
	if price.Plans+price.Loading > affordable || price.needed() > math.MaxInt {
		return price, nil
	}
	if err := s.plan(g); err != nil {
		return Memory{}, err
	}
	return s.footprint(), nil
}

// footprint is what a planned Session takes.
func (s *Session) footprint() Memory {
	m, p := s.m, s.program
	threads := int64(s.threads)
	all := Memory{
		Activations: threads * int64(4*p.floats+p.bytes+p.pixelBytes()),
		Scratch: threads * (int64(conv.ForwardBytes(p.plans...)) + conv.QWorkspaceBytes(p.qplans...) +
			int64(4*p.scratchFloats+8*p.scratchDoubles)),
		Loading: 4 * int64(p.workspaceLen(m)), Plans: resident(p.plans, p.qplans),
	}
	all.Parameters = m.parameterBytes()
	for _, st := range p.steps {
		if k, ok := st.Kernel.(loader); ok {
			packed, garbage := k.footprint(m)
			all.Packed, all.Loading = all.Packed+packed, all.Loading+garbage
		}
	}
	return all
}

// parameterBytes is what the Model's parameters take that do not stay in a file.
func (m *Model) parameterBytes() (n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.total {
		if m.file == nil || q.source == nil {
			n += q.bytes()
		}
	}
	return n
}

// pixelBytes is what a worker's pixels of a chunk take.
func (p *program) pixelBytes() (n int) {
	for _, v := range p.outputs {
		if at := p.values[v]; at.kind == Pixel {
			n += at.layout.N * at.layout.Positions() * at.layout.C
		}
	}
	return n
}

// bytes is what a parameter's values take.
func (p *Param) bytes() int64 {
	return 4*int64(len(p.Data)+len(p.Int32)) + int64(len(p.Int8))
}

// PeakBytes is the largest memory that the Session and its Model take: parameters, packed weights,
// activations and scratch.
func (s *Session) PeakBytes() int64 { return s.footprint().Peak() }

// threads is the number of threads that a Session of these options has.
func (o Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return min(runtime.GOMAXPROCS(0), maxThreads)
}
