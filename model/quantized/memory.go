package quantized

import (
	"fmt"
	"runtime"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// needs is what each of a Session's workers needs.
type needs struct {
	arena  [2]int // bytes
	pixels int
	plans  []*conv.QPlan
}

// Memory predicts what a Session with these options takes, without making it.
func (m *Model) Memory(o model.Options) (model.Memory, error) {
	if o.Batch < 0 {
		return model.Memory{}, fmt.Errorf("quantized: %w: batch of %d", model.ErrShape, o.Batch)
	}
	s := newPlanned(m, o)
	if err := s.plan(); err != nil {
		return model.Memory{}, err
	}
	return s.memory(), nil
}

// PeakBytes is the memory that the Session and its Model take at most: weights, packed weights, activations and scratch.
func (s *Session) PeakBytes() int64 { return s.memory().Peak() }

// memory is what a planned Session takes.
func (s *Session) memory() model.Memory {
	threads, need := int64(s.threads), &s.need
	all := model.Memory{
		Activations: threads * int64(need.arena[0]+need.arena[1]+need.pixels), Scratch: threads * conv.QWorkspaceBytes(need.plans...),
	}
	largest := 0 // of the weights that are in a file but while they are packed
	s.m.packs.mu.Lock()
	defer s.m.packs.mu.Unlock()
	for i := range s.m.ops {
		o := &s.m.ops[i]
		all.Parameters += 4 * int64(len(o.Bias)+len(o.Scale))
		if s.m.file != nil && s.m.places[i] != nil {
			largest = max(largest, len(o.Weight))
		} else {
			all.Parameters += int64(len(o.Weight))
		}
		all.Packed += need.plans[i].WeightBytes()
		all.Plans += need.plans[i].Bytes()
		all.Loading += need.plans[i].GarbageBytes()
	}
	all.Loading += int64(largest)
	return all
}

// newPlanned returns a Session that nothing is planned for yet.
func newPlanned(m *Model, o model.Options) *Session {
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	s := &Session{m: m, o: o, threads: o.Threads, chunk: maxChunk}
	if s.threads <= 0 {
		s.threads = runtime.GOMAXPROCS(0)
	}
	if o.Batch > 0 {
		s.chunk = min(maxChunk, (o.Batch+s.threads-1)/s.threads)
	}
	return s
}
