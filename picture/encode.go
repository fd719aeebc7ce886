package picture

import (
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/draw"
)

// WritePNG writes img as a PNG, grey or RGB as the image is.
func WritePNG(w io.Writer, img image.Image) error { return png.Encode(w, img) }

// WriteGIF writes the frames as a GIF that repeats for ever and shows each for
// delay hundredths of a second. Grey frames keep their values; coloured ones
// are dithered to a fixed palette. All are as large as the first.
func WriteGIF(w io.Writer, frames []image.Image, delay int) error {
	if len(frames) == 0 {
		return errors.New("picture: a GIF of no frames")
	}
	g := &gif.GIF{}
	for _, f := range frames {
		if f.Bounds().Size() != frames[0].Bounds().Size() {
			return errors.New("picture: a GIF's frames must have one size")
		}
		g.Image = append(g.Image, paletted(f))
		g.Delay = append(g.Delay, delay)
	}
	return gif.EncodeAll(w, g)
}

var greys = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		p[i] = color.Gray{Y: uint8(i)}
	}
	return p
}()

// paletted returns img, moved to the origin, in at most 256 colours.
func paletted(img image.Image) *image.Paletted {
	b := img.Bounds()
	r := image.Rectangle{Max: b.Size()}
	if grey, ok := img.(*image.Gray); ok {
		p := image.NewPaletted(r, greys)
		for y := range r.Dy() {
			copy(p.Pix[y*p.Stride:][:r.Dx()], grey.Pix[grey.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		return p
	}
	p := image.NewPaletted(r, palette.Plan9)
	draw.FloydSteinberg.Draw(p, r, img, b.Min)
	return p
}
