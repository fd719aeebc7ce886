package bench

import (
	"context"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
)

// Network is what draws: a model in one of its forms.
type Network struct {
	Name       string
	Form       string // float32 or int8
	In, Out    model.Shape
	NewSession func(model.Options) (Session, error)
}

// Session is a model.Session or a quantized.Session.
type Session interface {
	RunContext(ctx context.Context, dst, z []float32) error
	Ops() []model.OpInfo
	Close()
}

const (
	formFloat = "float32"
	formInt8  = "int8"
)

// Float is a network that computes in floats.
func Float(name string, m *model.Model) Network {
	return Network{name, formFloat, m.Input(), m.Output(), func(o model.Options) (Session, error) { return m.NewSession(o) }}
}

// Int8 is a network that computes in bytes.
func Int8(name string, m *quantized.Model) Network {
	return Network{name, formInt8, m.Input(), m.Output(), func(o model.Options) (Session, error) { return m.NewSession(o) }}
}

// inputs are the first latents of seed 1, and room for what becomes of them.
func (n Network) inputs(batch int) (z, x []float32) {
	z, x = make([]float32, batch*n.In.Len()), make([]float32, batch*n.Out.Len())
	if n.In.IsFlat() {
		model.Latents(z, n.In.Len(), 1, 0)
	}
	return z, x
}
