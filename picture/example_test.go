package picture_test

import (
	"fmt"
	"os"

	"github.com/gantiny/gantiny/picture"
)

func Example() {
	// Two images of 4x6 pixels: a bar and a ring, as a generator makes them.
	x := make([]float32, 2*4*6)
	for i := range x {
		x[i] = -1
	}
	for y := range 4 {
		x[y*6+2], x[y*6+3] = 1, 0.2
	}
	for _, p := range []int{1, 2, 3, 4, 5, 7, 11, 13, 17, 19, 20, 21, 22, 23} {
		x[24+p] = 1
	}
	pix := make([]uint8, len(x))
	picture.Pixels(pix, x)
	grid := picture.Grid(pix, 4, 6, 1, 2)
	if err := picture.Terminal(os.Stdout, grid, picture.Text{Width: 80, Colors: picture.Plain}); err != nil {
		fmt.Println(err)
	}
	// Output:
	//   @+   @===@
	//   @+   @===@
}
