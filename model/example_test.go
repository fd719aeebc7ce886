package model_test

import (
	"bytes"
	"fmt"

	"github.com/gantiny/gantiny/model"
)

// A network built in code, written, read and run.
func Example() {
	m, err := model.New("tiny", model.Flat(8),
		model.Dense{Units: 4 * 4 * 6},
		model.BatchNorm{},
		model.LeakyReLU{Slope: 0.3},
		model.Reshape{H: 4, W: 4, C: 6},
		model.ConvTranspose2D{Filters: 3, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true},
		model.Tanh{},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Init(1, model.GlorotUniform)

	var file bytes.Buffer
	if err := m.Encode(&file, model.SaveOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	m, err = model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}

	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	const n = 2
	z := make([]float32, n*m.Input().Len())
	model.Latents(z, m.Input().Len(), 42, 0)
	images := make([]float32, n*m.Output().Len())
	if err := s.Run(images, z); err != nil {
		fmt.Println(err)
		return
	}
	exact, _ := m.MACs()
	fmt.Println(n, "images of", m.Output(), "in", len(s.Ops()), "operators,", exact, "multiply-adds each")
	// Output: 2 images of 8x8x3 in 3 operators, 5970 multiply-adds each
}
