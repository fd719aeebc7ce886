// Command generate draws 16 digits with the embedded model: the least that a program needs in order to do so.
package main

import (
	"image"
	"image/color"
	"image/png"
	"log"
	"os"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
)

func main() {
	if err := write("digits.png", 16, 4, 1); err != nil {
		log.Fatal(err)
	}
}

// write draws n images of a seed as a PNG with so many columns.
func write(path string, n, columns int, seed uint64) error {
	session, in, out, err := pretrained.NewSession(model.Options{Batch: n})
	if err != nil {
		return err
	}
	defer session.Close()

	z := make([]float32, n*in.Len())
	model.Latents(z, in.Len(), seed, 0)
	x := make([]float32, n*out.Len()) // out is 28x28x1
	if err := session.Run(x, z); err != nil {
		return err
	}

	grid := image.NewGray(image.Rect(0, 0, columns*out.W, (n+columns-1)/columns*out.H))
	for i, v := range x { // v is in [-1, 1]; x is (n, H, W, 1)
		k, row, column := i/(out.H*out.W), i/out.W%out.H, i%out.W
		grid.SetGray(k%columns*out.W+column, k/columns*out.H+row, color.Gray{Y: uint8((v+1)*127.5 + 0.5)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := png.Encode(f, grid); err != nil {
		return err
	}
	return f.Close()
}
