package tiny

import (
	_ "embed"
	"fmt"

	"github.com/gantiny/gantiny/internal/view"
	"github.com/gantiny/gantiny/model"
)

//go:embed generator.safetensors
var file string

// Model returns the model: latents of 64 numbers and a class of 10 to images of 28x28x1.
func Model() (*model.Model, error) {
	m, err := model.ViewInt8(Bytes())
	if err != nil {
		return nil, fmt.Errorf("tiny: %w", err)
	}
	return m, nil
}

// Bytes returns the model's file, to which nothing may write: for gantiny.Read.
func Bytes() []byte { return view.Bytes(file) }
