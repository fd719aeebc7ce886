package model

import (
	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// pack finds or makes the weights of all operators.
func (s *Session) pack() error {
	var folded []float32 // one layer's weights at a time
	for i := range s.ops {
		if c, ok := s.ops[i].operator.(*contraction); ok {
			u := s.ops[i].unit
			if folded == nil {
				folded = make([]float32, s.foldLen())
			}
			w, err := s.m.packed(s.workers[0].conv, u, c.plan, s.o, folded)
			if err != nil {
				return s.m.unitError(u, err)
			}
			c.weights = *w
		}
	}
	return nil
}

// packKey names a layer's weights as one row of kernels wants them. What direct
// sums and minimal filtering want differs in length.
type packKey struct {
	k                   *simd.Kernels
	layer, norm, length int
	half                bool // asked for
}

// packed returns the weights and the bias of a linear unit with the BatchNorm
// after it folded in, which all sessions share. folded has room for a layer's
// weights, ws scratch for the plan.
func (m *Model) packed(ws *conv.Workspace, u unit, plan *conv.Plan, o Options, folded []float32) (*weights, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := packKey{o.Kernels, u.first, u.norm, plan.PackedLen(), o.Half}
	if p := m.packs[key]; p != nil {
		return p, nil
	}
	p := &weights{}
	if err := m.file.Guard(func() { m.pack(ws, p, u, plan, o, folded) }); err != nil {
		return nil, err
	}
	if m.packs == nil {
		m.packs = map[packKey]*weights{}
	}
	m.packs[key] = p
	return p, nil
}

// pack makes a unit's weights and bias.
func (m *Model) pack(ws *conv.Workspace, p *weights, u unit, plan *conv.Plan, o Options, folded []float32) {
	n := &m.nodes[u.first]
	weight := n.params[0]
	if len(n.params) > 1 {
		p.bias = append(p.bias, n.params[1].Data...) // the model's own may change later
	}
	w := weight.Data
	short := halves(plan, w, o)
	if u.norm > 0 {
		norm := &m.nodes[u.norm]
		a, b := norm.layer.(BatchNorm).inference(norm.params)
		p.bias = foldBias(p.bias, a, b)
		if short { // a folded factor would cost the weights their short form: it comes after the sum
			for _, f := range a {
				p.scale = append(p.scale, float32(f))
			}
		} else {
			w = folded[:len(w)]
			each := (foldAtOnce + len(a) - 1) / len(a) * len(a)
			for at := 0; at < len(w); at += each {
				end := min(at+each, len(w))
				fold(w[at:end], weight.Data[at:end], a)
				m.dropPart(weight, at, end)
			}
		}
	}
	if short {
		p.halves = arena.Halves(plan.PackedLen())
		plan.PackHalf(p.halves, w)
	} else {
		p.packed = arena.Floats(plan.PackedLen())
		plan.Pack(ws, p.packed, w)
	}
	m.drop(weight)
}

// halves tells whether a layer's weights are packed in half precision.
func halves(plan *conv.Plan, w []float32, o Options) bool {
	return plan.TakesHalf() && (o.Half || half.Exact(w))
}

// foldAtOnce is about how many weights are folded before their part of the file is given back.
const foldAtOnce = 1 << 16

// drop gives back the memory of a weight that stays in its file, dropPart that of some of its values.
func (m *Model) drop(p *Param) { m.dropPart(p, 0, len(p.Data)) }

func (m *Model) dropPart(p *Param, from, to int) {
	if p.place != nil {
		m.file.Drop(p.place[4*from : 4*to])
	}
}

// foldLen is the length of the longest weight that a BatchNorm is folded into.
func (s *Session) foldLen() int {
	n := 0
	for i := range s.ops {
		u := s.ops[i].unit
		if c, ok := s.ops[i].operator.(*contraction); ok && u.norm > 0 {
			if w := s.m.nodes[u.first].params[0]; w.Len() > n && !s.halves(c, u) {
				n = w.Len()
			}
		}
	}
	return n
}

// halves tells whether an operator's weights are packed in half precision.
func (s *Session) halves(c *contraction, u unit) (yes bool) {
	// A file that cannot be read any more: packing will say so.
	_ = s.m.file.Guard(func() { yes = halves(c.plan, s.m.nodes[u.first].params[0].Data, s.o) })
	return yes
}
