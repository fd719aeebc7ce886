package quant_test

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// A tensor in [-1, 4] as bytes, and what they stand for.
func Example() {
	p := quant.Range(-1, 4)
	x := []float32{-1, 0, 0.5, 4, 9}
	q := make([]int8, len(x))
	p.Quantize(q, x)
	p.Round(x)
	fmt.Println(q, "zero", p.Zero)
	fmt.Printf("%.3f\n", x)
	// Output:
	// [-128 -77 -51 127 127] zero -77
	// [-1.000 0.000 0.510 4.000 4.000]
}
