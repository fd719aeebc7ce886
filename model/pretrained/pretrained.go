package pretrained

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
)

//go:embed generator.safetensors
var file string

// Generator returns the embedded model in floats: Keras' MNIST DCGAN generator, latents of 100 numbers to images of 28x28x1 in
// [-1, 1]. Where only its quantised form is embedded, the error wraps model.ErrFormat.
func Generator() (*model.Model, error) {
	m, err := model.Read(strings.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	return m, nil
}

// Quantized returns the embedded model in bytes. Where only floats are embedded, the error wraps quantized.ErrNone.
func Quantized() (*quantized.Model, error) {
	m, err := quantized.Read(strings.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	return m, nil
}

// Session draws images in [-1, 1]: a *model.Session or a *quantized.Session.
type Session interface {
	Run(dst, z []float32) error
	Close()
}

// NewSession returns a Session of the embedded model, in bytes if it has that form, and the shapes of its input and output.
func NewSession(o model.Options) (s Session, in, out model.Shape, err error) {
	q, err := Quantized()
	if err == nil {
		s, err = q.NewSession(o)
		return s, q.Input(), q.Output(), err
	}
	if !errors.Is(err, quantized.ErrNone) {
		return nil, in, out, err
	}
	m, err := Generator()
	if err != nil {
		return nil, in, out, err
	}
	s, err = m.NewSession(o)
	return s, m.Input(), m.Output(), err
}
