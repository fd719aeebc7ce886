package model

import (
	"runtime"

	"github.com/gantiny/gantiny/conv"
)

// Memory is what a Session takes, in bytes, and its Model for it. What the program itself takes is not in it.
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

// Memory predicts what a Session with these options takes, without making it.
func (m *Model) Memory(o Options) (Memory, error) {
	s, err := m.plan(o, mode{})
	if err != nil {
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
		Loading: 4 * int64(p.roomLen(m)), Plans: resident(p.plans, p.qplans),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.total {
		if m.file == nil || q.place == nil {
			all.Parameters += q.bytes()
		}
	}
	for _, st := range p.steps {
		if k, ok := st.Kernel.(loader); ok {
			packed, garbage := k.footprint(m)
			all.Packed, all.Loading = all.Packed+packed, all.Loading+garbage
		}
	}
	return all
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

// PeakBytes is the memory that the Session and its Model take at most: parameters, packed weights, activations and scratch.
func (s *Session) PeakBytes() int64 { return s.footprint().Peak() }

// threads is the number of threads that a Session of these options has.
func (o Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}
