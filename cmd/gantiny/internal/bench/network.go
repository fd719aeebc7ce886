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

// feed is a batch: the first latents of seed 1, each class by turns, images of zeros, and room for
// what becomes of them.
func (n Network) feed(batch int) (f model.Feed) {
	for _, in := range n.Model.Inputs() {
		var d model.Data
		if in.Type.Kind == model.Class {
			d.Classes = make([]int32, batch)
			for i := range d.Classes {
				d.Classes[i] = int32(i % in.Type.Classes)
			}
		} else {
			d.Floats = make([]float32, batch*in.Shape.Len())
			if in.Shape.IsFlat() {
				model.Latents(d.Floats, in.Shape.Len(), 1, 0)
			}
		}
		f.In = append(f.In, d)
	}
	for _, out := range n.Model.Outputs() {
		f.Out = append(f.Out, model.Data{Floats: make([]float32, batch*out.Shape.Len())})
	}
	return f
}
