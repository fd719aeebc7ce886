package pretrained_test

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
)

// The embedded generator draws an image from 100 normal numbers.
func Example() {
	session, in, out, err := pretrained.NewSession(model.Options{Batch: 1})
	if err != nil {
		panic(err)
	}
	defer session.Close()
	z := make([]float32, in.Len())
	model.Latents(z, len(z), 1, 0) // seed 1, image 0
	x := make([]float32, out.Len())
	if err := session.Run(x, z); err != nil {
		panic(err)
	}
	fmt.Println(in, "to", out)
	// Output: 100 to 28x28x1
}
