package pretrained

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/model"
)

//go:embed generator.safetensors
var file string

// Generator returns the embedded model: Keras' MNIST DCGAN generator, latents of 100 numbers to images of 28x28x1 in [-1, 1].
func Generator() (*model.Model, error) {
	m, err := model.Read(strings.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	return m, nil
}
