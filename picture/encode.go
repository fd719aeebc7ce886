package picture

import (
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/draw"
)

// smallPixels is the size of small pictures.
const smallPixels = 128 * 128

// WritePNG writes img as a PNG: gray, RGB, or RGB and alpha as Grid makes it, though no pixel may
// be transparent. Small ones are compressed less well, by some 5%: the tables to do better are 0.7 MB,
// which takes longer to fill than the picture.
func WritePNG(w io.Writer, img image.Image) error {
	e := png.Encoder{}
	if size := img.Bounds().Size(); size.X*size.Y <= smallPixels {
		e.CompressionLevel = png.BestSpeed
	}
	return e.Encode(w, KeepAlpha(img))
}

// KeepAlpha returns img as an encoder of PNG is to have it: of pictures with alpha it is written
// even where all of it is 255. So a model's pictures have files of one kind, which an animation
// needs.
func KeepAlpha(img image.Image) image.Image {
	if n, ok := img.(*image.NRGBA); ok && n.Opaque() {
		return withAlpha{n}
	}
	return img
}

type withAlpha struct{ *image.NRGBA }

// Opaque is what the encoder asks.
func (withAlpha) Opaque() bool { return false }

// WriteGIF writes the frames as a GIF that repeats for ever and shows each for delay hundredths of
// a second. Gray frames and those of at most 256 colors keep their values, each with a palette of
// its own; frames of more colors are dithered to a fixed palette. All are as large as the first. A
// pixel of a GIF is opaque or cannot be seen: those that are less than half opaque are left out,
// which takes one of the colors, and the others keep theirs.
func WriteGIF(w io.Writer, frames []image.Image, delay int) error {
	if len(frames) == 0 {
		return errors.New("picture: a GIF of no frames")
	}
	g := &gif.GIF{}
	for _, f := range frames {
		if f.Bounds().Size() != frames[0].Bounds().Size() {
			return errors.New("picture: a GIF's frames must have one size")
		}
		p, transparent := paletted(f)
		g.Image = append(g.Image, p)
		g.Delay = append(g.Delay, delay)
		disposal := byte(0)
		if transparent { // the next frame is not to lie on this one
			disposal = gif.DisposalBackground
		}
		g.Disposal = append(g.Disposal, disposal)
	}
	return gif.EncodeAll(w, g)
}

var grays = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		p[i] = color.Gray{Y: uint8(i)}
	}
	return p
}()

// paletted returns img, moved to the origin, in at most 256 colors, and whether one of them is
// transparent.
func paletted(img image.Image) (p *image.Paletted, transparent bool) {
	b := img.Bounds()
	r := image.Rectangle{Max: b.Size()}
	if gray, ok := img.(*image.Gray); ok {
		p = image.NewPaletted(r, grays)
		for y := range r.Dy() {
			copy(p.Pix[y*p.Stride:][:r.Dx()], gray.Pix[gray.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		return p, false
	}
	solid, hidden := harden(img)
	if p = exact(solid, hidden); p == nil {
		p = image.NewPaletted(r, palette.Plan9)
		if hidden != nil { // a dark blue makes room
			p.Palette = slices.Delete(slices.Clone(p.Palette), 1, 2)
		}
		draw.FloydSteinberg.Draw(p, r, solid, image.Point{})
	}
	if hidden == nil {
		return p, false
	}
	p.Palette = append(p.Palette, color.RGBA{})
	for i, h := range hidden {
		if h {
			p.Pix[i] = uint8(len(p.Palette) - 1)
		}
	}
	return p, true
}

// harden returns img, moved to the origin, with every pixel opaque, and tells of each whether it is
// not to be seen, and black here; nil if all are.
func harden(img image.Image) (solid *image.RGBA, hidden []bool) {
	b := img.Bounds()
	solid = image.NewRGBA(image.Rectangle{Max: b.Size()})
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			if c.A < 0x80 {
				if hidden == nil {
					hidden = make([]bool, b.Dx()*b.Dy())
				}
				hidden[y*b.Dx()+x] = true
				c = color.NRGBA{}
			}
			solid.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 0xff})
		}
	}
	return solid, hidden
}

// exact returns img with the palette of its own colors in the order in which they come, without
// those of hidden pixels; nil if it has more of them than fit, beside a transparent one for hidden
// pixels.
func exact(img *image.RGBA, hidden []bool) *image.Paletted {
	most := 256
	if hidden != nil {
		most--
	}
	p := image.NewPaletted(img.Rect, nil)
	index := map[color.RGBA]uint8{}
	for i := range p.Pix {
		if hidden != nil && hidden[i] {
			continue
		}
		c := img.RGBAAt(i%img.Rect.Dx(), i/img.Rect.Dx())
		k, known := index[c]
		if !known {
			if len(index) == most {
				return nil
			}
			k = uint8(len(index))
			index[c] = k
			p.Palette = append(p.Palette, c)
		}
		p.Pix[i] = k
	}
	return p
}
