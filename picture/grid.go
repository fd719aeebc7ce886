package picture

import (
	"fmt"
	"image"
)

// Grid lays out the images pix (n, h, w, c), c = 1 or 3, in rows of cols, from
// the left and the top. The last row may end in black.
func Grid(pix []uint8, h, w, c, cols int) image.Image {
	return GridMargin(pix, h, w, c, cols, 0)
}

// GridMargin is Grid with margin black pixels round every image.
func GridMargin(pix []uint8, h, w, c, cols, margin int) image.Image {
	if h < 1 || w < 1 || cols < 1 || margin < 0 || (c != 1 && c != 3) {
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

	var dst []uint8
	var stride, channels int
	var img image.Image
	if c == 1 {
		grey := image.NewGray(r)
		img, dst, stride, channels = grey, grey.Pix, grey.Stride, 1
	} else {
		rgba := image.NewRGBA(r)
		for i := 3; i < len(rgba.Pix); i += 4 {
			rgba.Pix[i] = 0xff
		}
		img, dst, stride, channels = rgba, rgba.Pix, rgba.Stride, 4
	}
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
				copy(at[4*p:], line[3*p:3*p+3])
			}
		}
	}
	return img
}
