package quantized_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantize"
)

func observer(calls map[string]int) func(int, string, time.Duration) {
	return func(_ int, name string, _ time.Duration) { calls[name]++ }
}

// A small generator in bytes.
func Example() {
	m := model.Generator(model.Config{Width: 2, Latent: 8, Size: 8, Seed: 1})
	q, _, err := quantize.Quantize(context.Background(), m, quantize.Options{Images: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := q.NewSession(model.Options{Batch: 1, Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	z := make([]float32, q.Input().Len())
	model.Latents(z, len(z), 1, 0)
	pixels := make([]uint8, q.Output().Len())
	if err := s.Pixels(pixels, z); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q.Input(), "to", q.Output(), "in", len(q.Ops()), "operators")
	// Output: 8 to 8x8x1 in 4 operators
}
