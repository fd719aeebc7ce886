// Command generate draws 16 digits with the embedded model: the least that a program needs in order
// to do so.
package main

import (
	"context"
	"image"
	"image/draw"
	"image/png"
	"log"
	"os"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

func main() {
	if err := write("digits.png", 16, 4, 1); err != nil {
		log.Fatal(err)
	}
}

// write draws n images of a seed as a PNG with so many columns.
func write(path string, n, columns int, seed uint64) error {
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		return err
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: n, Seed: seed})
	if err != nil {
		return err
	}

	size := images[0].Bounds().Size()
	grid := image.NewGray(image.Rect(0, 0, columns*size.X, (n+columns-1)/columns*size.Y))
	for i, m := range images {
		at := image.Pt(i%columns*size.X, i/columns*size.Y)
		draw.Draw(grid, image.Rectangle{Min: at, Max: at.Add(size)}, m, image.Point{}, draw.Src)
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
