package train

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model"
)

// san makes the last layer of the discriminator, logit = <w, f> + b of features f, a direction
// (Takida et al. 2024, SAN): w has length 1 and does not follow the discriminator's loss, which the
// features follow, but the one that tells best how far reals and fakes lie apart along it:
//
//	D      = loss, for all parameters but w
//	D of w = mean(<w, f> at the fakes) - mean(<w, f> at the reals)
type san struct {
	features window    // (2N) f, of the pass for D
	dw       []float32 // of D of w: the direction's gradient
	grad     []float32 // of w, in the pass
}

// lastLayer returns the name of the weight of d's last layer, and d with the features that it reads
// as one more output.
func lastLayer(d *model.Model) (weight string, with *model.Model, err error) {
	g := d.Graph()
	i := slices.IndexFunc(g.Nodes, func(l model.LayerInfo) bool { return l.Name == g.Outputs[0] })
	if i < 0 {
		return "", nil, fmt.Errorf("train: %w: san normalizes the discriminator's last layer, and it has none", ErrConfig)
	}
	last := g.Nodes[i]
	if _, dense := last.Op.(model.Dense); !dense {
		return "", nil, fmt.Errorf("train: %w: san normalizes a dense layer, and the discriminator's logit comes from %s; with classes, projection makes it so", ErrConfig, last.Name)
	}
	with, err = d.WithOutputs(append(slices.Clone(g.Outputs), last.Inputs[0])...)
	if err != nil {
		return "", nil, fmt.Errorf("train: discriminator: %w", err)
	}
	if len(with.Params()) != len(d.Params()) {
		return "", nil, fmt.Errorf("train: %w: the discriminator has layers that nothing reads", ErrConfig)
	}
	return last.Params[0].Name, with, nil
}

// plan is for D's pass and the weight of its last layer.
func (s *san) plan(d *Network, pass *model.Pass) {
	s.features = windowOf(pass.OutputAt(len(d.model.Outputs())))
	i := slices.IndexFunc(d.model.TrainableParams(), func(p *model.Param) bool { return p.Name == d.direction })
	s.grad = pass.Grads()[i].Data
	s.dw = make([]float32, len(s.grad))
}

// measure computes the direction's gradient from the features of D's Forward, whose memory other
// passes borrow afterwards.
func (s *san) measure(t *Trainer) {
	if s == nil {
		return
	}
	clear(s.dw)
	n := s.features.N / 2
	by := 1 / float32(n)
	for p := range s.features.Positions() {
		to := s.dw[p*s.features.C:][:s.features.C]
		for i := range n {
			t.k.Axpy(to, -by, s.features.pixel(p, i))
			t.k.Axpy(to, by, s.features.pixel(p, n+i))
		}
	}
}

// replace puts it in the place of what the loss and penalties have left.
func (s *san) replace() {
	if s != nil {
		copy(s.grad, s.dw)
	}
}
