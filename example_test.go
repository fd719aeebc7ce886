package gantiny_test

import (
	"context"
	"embed"
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

//go:embed zoo/tiny/generator.safetensors
var files embed.FS

// A model that is part of the program.
func ExampleOpenFS() {
	g, err := gantiny.OpenFS(files, "zoo/tiny/generator.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(images), "images of", images[0].Bounds().Size())
	// Output: 2 images of (28,28)
}
