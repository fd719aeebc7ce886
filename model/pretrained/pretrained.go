package pretrained

import (
	_ "embed"
	"fmt"
	"unsafe"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
)

//go:embed generator.safetensors
var file string

// Quantized returns the embedded model: Keras' MNIST DCGAN generator, latents of 100 numbers to images of 28x28x1.
func Quantized() (*quantized.Model, error) {
	m, err := quantized.View(unsafe.Slice(unsafe.StringData(file), len(file))) // in place, no copy
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	return m, nil
}

// NewSession returns a Session of the embedded model, and the shapes of its input and output.
func NewSession(o model.Options) (s *quantized.Session, in, out model.Shape, err error) {
	m, err := Quantized()
	if err != nil {
		return nil, in, out, err
	}
	s, err = m.NewSession(o)
	return s, m.Input(), m.Output(), err
}
