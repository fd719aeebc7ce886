package tiny_test

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/tiny"
)

// Three sevens.
func Example() {
	g, err := gantiny.Read(tiny.Bytes())
	if err != nil {
		panic(err)
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: 3, Seed: 1, Class: gantiny.Class(7)})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(images), "images of", images[0].Bounds())
	// Output: 3 images of (0,0)-(28,28)
}
