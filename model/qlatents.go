package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// QLatents takes float32 latents to bytes, in integer arithmetic: y = round(x / scale) with
// scale = Step/2^21, see quant.Latents. The zero point is 0.
type QLatents struct {
	Step int32 `json:"step"`
}

func init() { Register[QLatents]() }

// Kind returns "qlatents".
func (QLatents) Kind() string { return "qlatents" }

// Infer returns bytes of the input's shape.
func (o QLatents) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	if o.Step < 1 || o.Step > 1<<24 {
		return Spec{}, fmt.Errorf("latents in steps of %d", o.Step)
	}
	return Bytes(in[0].Shape, quant.Params{Scale: quant.LatentScale(o.Step)}), nil
}

// Params returns none.
func (QLatents) Params([]Spec) []Param { return nil }

func (o QLatents) exact(y *bytesOf, x []*bytesOf, _ []Spec, _ []*Param) {
	quant.Latents(y.q, x[0].f, o.Step)
}

// Lower returns the operator itself, which is its own kernel.
func (o QLatents) Lower(*Lowering) (Kernel, error) { return o, nil }

// Forward: y = round(x / scale).
func (o QLatents) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		quant.Latents(y.Q[p*y.Stride+n*y.Row:][:y.C], x[0].At(p, n), o.Step)
	}
}
