package fashion_test

import (
	"context"
	"fmt"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/fashion"
)

// Three sneakers, by the name of their class.
func Example() {
	g, err := gantiny.Read(fashion.Bytes())
	if err != nil {
		panic(err)
	}
	defer g.Close()
	names := g.Model().ClassNames
	for class, name := range names {
		if name != "sneaker" {
			continue
		}
		images, err := g.Draw(context.Background(), gantiny.Request{N: 3, Seed: 1, Class: gantiny.Class(class)})
		if err != nil {
			panic(err)
		}
		fmt.Println(len(images), "pictures of", images[0].Bounds())
	}
	// Output: 3 pictures of (0,0)-(28,28)
}
