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

// WriteGIF writes the frames as a GIF that repeats for ever and shows each for delay hundredths of
// a second. Gray frames and those of at most 256 colors keep their values, each with a palette of
// its own; frames of more colors are dithered to a fixed palette. All are as large as the first.
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
	if p := exact(img); p != nil {
		return p
	}
	p := image.NewPaletted(r, palette.Plan9)
	draw.FloydSteinberg.Draw(p, r, img, b.Min)
	return p
}

// exact returns img, moved to the origin, with the palette of its own colors in the order in which
// they come; nil if it has more than 256 of them or is transparent anywhere.
func exact(img image.Image) *image.Paletted {
	b := img.Bounds()
	p := image.NewPaletted(image.Rectangle{Max: b.Size()}, nil)
	index := map[color.RGBA]uint8{}
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.RGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.RGBA)
			i, known := index[c]
			if !known {
				if len(index) == 256 || c.A != 0xff {
					return nil
				}
				i = uint8(len(index))
				index[c] = i
				p.Palette = append(p.Palette, c)
			}
			p.Pix[y*p.Stride+x] = i
		}
	}
	return p
}
