package picture

import (
	"fmt"
	"image"
)

// Grid lays out the images pix (n, h, w, c) in rows of cols, from the left and the top. c is 1
// (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and alpha). The last row may end in black, or in
// nothing where there is alpha.
func Grid(pix []uint8, h, w, c, cols int) image.Image {
	return GridMargin(pix, h, w, c, cols, 0)
}

// GridMargin is Grid with margin such pixels round every image.
func GridMargin(pix []uint8, h, w, c, cols, margin int) image.Image {
	if h < 1 || w < 1 || cols < 1 || margin < 0 || c < 1 || c > 4 {
		panic(fmt.Sprintf("picture: grid of images %dx%dx%d in %d columns, margin %d", h, w, c, cols, margin))
	}
	size := h * w * c
	n := len(pix) / size
	if n == 0 || n*size != len(pix) {
		panic("picture: pixels are no whole number of images")
	}
	cols = min(cols, n)
	rows := (n + cols - 1) / cols
	r := image.Rect(0, 0, cols*(w+margin)+margin, rows*(h+margin)+margin)

	img, dst, stride := blank(r, c)
	channels := stride / r.Dx()
	for i := range n {
		x := margin + i%cols*(w+margin)
		for y := range h {
			line := pix[i*size+y*w*c:][:w*c]
			at := dst[(margin+i/cols*(h+margin)+y)*stride+x*channels:]
			if c == 1 {
				copy(at, line)
				continue
			}
			for p := range w {
				from, to := line[c*p:][:c], at[4*p:][:4]
				switch c {
				case 2:
					to[0], to[1], to[2], to[3] = from[0], from[0], from[0], from[1]
				default:
					copy(to, from) // of three, the fourth is set
				}
			}
		}
	}
	return img
}

// blank returns an image for pixels of c channels, of one byte or four: black, or transparent where
// there is alpha.
func blank(r image.Rectangle, c int) (img image.Image, pix []uint8, stride int) {
	switch c {
	case 1:
		gray := image.NewGray(r)
		return gray, gray.Pix, gray.Stride
	case 3:
		rgba := image.NewRGBA(r)
		for i := 3; i < len(rgba.Pix); i += 4 {
			rgba.Pix[i] = 0xff
		}
		return rgba, rgba.Pix, rgba.Stride
	}
	nrgba := image.NewNRGBA(r)
	return nrgba, nrgba.Pix, nrgba.Stride
}
