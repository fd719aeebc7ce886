package gantiny_test

import (
	"context"
	"fmt"
	"image/png"
	"io"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model/pretrained"
)

// The model that package pretrained embeds draws four digits.
func Example() {
	g, err := gantiny.Read(pretrained.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: 4, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range images {
		if err := png.Encode(io.Discard, m); err != nil { // a file, a response, ...
			fmt.Println(err)
			return
		}
	}
	fmt.Println(len(images), "images of", images[0].Bounds().Size())
	// Output: 4 images of (28,28)
}
