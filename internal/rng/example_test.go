package rng_test

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/rng"
)

func Example() {
	key := rng.NewKey(42, rng.Latent)
	z := make([]float32, 3)
	rng.FillNormal(z, key, 1000) // the latent of image 1000, whatever came before
	fmt.Println(z)

	order := make([]int32, 5)
	rng.Perm(order, rng.NewKey(42, rng.Shuffle).Sub(7)) // epoch 7
	fmt.Println(order)
	// Output:
	// [1.7626457 -0.041323185 -0.96459293]
	// [3 4 1 0 2]
}
