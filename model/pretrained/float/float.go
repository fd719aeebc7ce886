package float

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/model"
)

//go:embed generator.safetensors
var file string

// Generator returns the model, whose weights are stored as half-precision numbers: Keras' MNIST
// DCGAN generator, latents of 100 numbers to images of 28x28x1 in [-1, 1].
func Generator() (*model.Model, error) {
	m, err := model.Read(strings.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("float: %w", err)
	}
	return m, nil
}
