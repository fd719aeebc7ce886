package model

import (
	"fmt"
	"runtime"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
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
	if o.Batch < 0 {
		return Memory{}, fmt.Errorf("model: %w: batch of %d", ErrShape, o.Batch)
	}
	s := newPlanned(m, o)
	if err := s.plan(mode{}); err != nil {
		return Memory{}, err
	}
	return s.memory(), nil
}

// memory is what a planned Session takes.
func (s *Session) memory() Memory {
	m, need := s.m, s.need
	threads := int64(s.threads)
	all := Memory{
		Activations: threads * 4 * int64(need.floats), Scratch: threads * int64(conv.ForwardBytes(need.plans...)),
		Loading: 4 * int64(s.foldLen()),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.total {
		if m.file == nil || p.place == nil {
			all.Parameters += 4 * int64(p.Len())
		}
	}
	for i := range s.ops {
		if c, ok := s.ops[i].operator.(*contraction); ok {
			if s.halves(c, s.ops[i].unit) {
				all.Packed += 2 * int64(c.plan.PackedLen())
			} else {
				all.Packed += 4 * int64(c.plan.PackedLen())
			}
			all.Plans += c.plan.Bytes()
			all.Loading += c.plan.GarbageBytes()
		}
	}
	return all
}

// PeakBytes is the memory that the Session and its Model take at most: parameters, packed weights, activations and scratch.
func (s *Session) PeakBytes() int64 { return s.memory().Peak() }

// threads is the number of threads that a Session of these options has.
func (o Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// newPlanned returns a Session that nothing is planned for yet.
func newPlanned(m *Model, o Options) *Session {
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	s := &Session{m: m, o: o, chunk: maxChunk, threads: o.threads()}
	if o.Batch > 0 {
		s.chunk = min(maxChunk, (o.Batch+s.threads-1)/s.threads)
	}
	return s
}

// Bytes is the memory that the pass takes, besides the parameters themselves and what it borrows: activations, gradients, packed
// weights and its workers' scratch. Memory that no Forward or Backward has used yet is planned, but not resident.
func (p *Pass) Bytes() int64 {
	p.allocate()
	n := 4 * int64(len(p.arena)+len(p.params)+len(p.packed)+len(p.input.buf)+len(p.inputGrad.buf))
	for _, a := range p.ops {
		switch {
		case a.linear != nil:
			n += a.linear.plan.Bytes() + a.linear.plan.GarbageBytes()
			if g := a.linear.grad; g.dbias != nil && g.scattered() {
				n += 4 * int64(len(g.places))
			}
		case a.norm != nil:
			n += 4 * int64(3*a.norm.in.Positions()*a.norm.in.C+7*a.norm.features) // see newBatchNorm
		case a.drop != nil:
			n += 4 * int64(len(a.drop.mask)+len(a.drop.above))
		}
	}
	for i := range p.workers {
		n += p.workers[i].conv.Bytes() + 4*int64(len(p.workers[i].brief))
	}
	return n
}
