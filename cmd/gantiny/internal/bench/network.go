package bench

import (
	"github.com/gantiny/gantiny/model"
)

// Network is what draws: a model in one of its forms.
type Network struct {
	Name  string
	Form  string // float32 or int8
	Model *model.Model
}

// Of is the network of a model.
func Of(name string, m *model.Model) Network {
	form := "float32"
	if m.Quantized() {
		form = "int8"
	}
	return Network{name, form, m}
}

// inputs are the first latents of seed 1, and room for what becomes of them.
func (n Network) inputs(batch int) (z, x []float32) {
	z, x = make([]float32, batch*n.Model.Input().Len()), make([]float32, batch*n.Model.Output().Len())
	if n.Model.Input().IsFlat() {
		model.Latents(z, n.Model.Input().Len(), 1, 0)
	}
	return z, x
}
