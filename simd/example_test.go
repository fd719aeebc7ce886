package simd_test

import (
	"fmt"

	"github.com/gantiny/gantiny/simd"
)

// A dense layer of two images, three inputs and two outputs with a leaky ReLU, as one tile of the
// best row.
func Example() {
	k := simd.Best()
	x := []float32{ // (image, input)
		1, 2, 3,
		-1, 0, 1,
	}
	w := []float32{ // (input, output)
		1, -1,
		0, 2,
		2, -4,
	}
	panel := make([]float32, 3*k.NR) // w with rows as wide as the tile
	bias := make([]float32, k.NR)
	for i := range 3 {
		copy(panel[i*k.NR:], w[2*i:2*i+2])
	}
	copy(bias, []float32{0.5, 1})

	y := make([]float32, 4)
	k.GEMM(&simd.GEMM{
		C: y, A: x, B: panel, Bias: bias,
		Taps: []simd.Tap{{}},
		Rows: 2, Cols: 2, K: 3, LDA: 3, ARun: 3, LDC: 2, CRun: 2,
		Start: simd.StartBias, Slope: 0.25,
	})
	fmt.Println(y)
	// Output: [7.5 -2 1.5 -0.5]
}

func ExampleLookup() {
	k, err := simd.Lookup("scalar")
	fmt.Println(k.Name, k.MR, k.NR, err)
	// Output: scalar 4 8 <nil>
}
