package conv_test

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// A 2x2 image of one channel doubled in size: each pixel becomes a 2x2 block.
func Example() {
	g := conv.Valid(2, 2, 1, 1, 2, 2, true)
	h, w, err := g.Out()
	if err != nil {
		fmt.Println(err)
		return
	}
	in, out := conv.NewLayout(2, 2, 1, 1), conv.NewLayout(h, w, 1, 1)
	p, err := conv.NewPlan(g, in, out, simd.Best())
	if err != nil {
		fmt.Println(err)
		return
	}
	weights := []float32{1, 1, 1, 1}
	ws, packed := p.NewWorkspace(), make([]float32, p.PackedLen())
	p.Pack(ws, packed, weights)

	x, y := []float32{1, 2, 3, 4}, make([]float32, out.Len())
	p.Forward(ws, y, x, packed, conv.Epilogue{Slope: 1}, conv.Share{N1: 1, P1: p.Panels()})
	for line := range h {
		fmt.Println(y[line*w:][:w])
	}
	// Output:
	// [1 1 2 2]
	// [1 1 2 2]
	// [3 3 4 4]
	// [3 3 4 4]
}
