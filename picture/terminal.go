package picture

import (
	"bufio"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/draw"
)

// Colors is what a terminal can show.
type Colors int

const (
	TrueColor  Colors = iota // 24-bit colors
	Palette256               // the 256 colors of xterm
	Gray256                  // the grays among these
	Plain                    // characters of more or less ink, no control codes
)

// Text says how Terminal draws.
type Text struct {
	Width  int // columns at most; 0 is 80
	Colors Colors
}

// Terminal draws img as lines of text that stand alone: each character is a
// column wide and shows two pixels, one above the other, as a half block. An
// image with more columns than there is width is scaled down. What is transparent
// lies on a checkerboard or, without control codes, on black.
func Terminal(w io.Writer, img image.Image, t Text) error {
	rgba := fit(img, t.Width)
	lay(rgba, t.Colors != Plain)
	b := bufio.NewWriter(w)
	for y := 0; y < rgba.Rect.Dy(); y += 2 {
		if t.Colors == Plain {
			plainLine(b, rgba, y)
		} else {
			colorLine(b, rgba, y, t.Colors)
		}
	}
	return b.Flush()
}

// fit returns img at the origin, at most width wide, its sides in proportion.
func fit(img image.Image, width int) *image.RGBA {
	if width <= 0 {
		width = 80
	}
	b := img.Bounds()
	r := image.Rectangle{Max: b.Size()}
	if b.Dx() > width {
		r.Max = image.Pt(width, max(1, (b.Dy()*width+b.Dx()/2)/b.Dx()))
	}
	rgba := image.NewRGBA(r)
	if r.Size() == b.Size() {
		draw.Draw(rgba, r, img, b.Min, draw.Src)
	} else {
		draw.CatmullRom.Scale(rgba, r, img, b, draw.Src, nil)
	}
	return rgba
}

// lay puts an image on black or on a checkerboard of two grays.
func lay(img *image.RGBA, checkered bool) {
	const side, dark, light = 4, 0x66, 0x99
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			p := img.Pix[img.PixOffset(x, y):][:4]
			through, ground := 255-uint32(p[3]), uint32(0)
			switch {
			case checkered && (x/side+y/side)%2 == 0:
				ground = light
			case checkered:
				ground = dark
			}
			for c, v := range p[:3] {
				p[c] = uint8(min(255, uint32(v)+(ground*through+127)/255))
			}
			p[3] = 255
		}
	}
}

// colorLine draws rows y and y+1. It sets a color only where it changes, and
// none beneath the last row of an odd number.
func colorLine(b *bufio.Writer, img *image.RGBA, y int, c Colors) {
	const fore, back = "38", "48"
	odd := y+1 == img.Rect.Dy()
	var upper, lower string
	for x := range img.Rect.Dx() {
		if u := code(img.Pix[img.PixOffset(x, y):], c); u != upper {
			fmt.Fprintf(b, "\x1b[%s;%sm", fore, u)
			upper = u
		}
		if !odd {
			if l := code(img.Pix[img.PixOffset(x, y+1):], c); l != lower {
				fmt.Fprintf(b, "\x1b[%s;%sm", back, l)
				lower = l
			}
		}
		b.WriteRune('▀')
	}
	b.WriteString("\x1b[0m\n")
}

// code is the color of a pixel as it stands in a control sequence.
func code(p []uint8, c Colors) string {
	switch {
	case c == TrueColor:
		return fmt.Sprintf("2;%d;%d;%d", p[0], p[1], p[2])
	case c == Palette256 && (p[0] != p[1] || p[1] != p[2]):
		return fmt.Sprintf("5;%d", 16+36*cubeLevel(p[0])+6*cubeLevel(p[1])+cubeLevel(p[2]))
	}
	return fmt.Sprintf("5;%d", grayIndex(luma(p)))
}

// cubeLevel is the nearest of the color cube's 0, 95, 135, 175, 215, 255.
func cubeLevel(v uint8) int {
	switch {
	case v < 48:
		return 0
	case v < 115:
		return 1
	}
	return (int(v) - 35) / 40
}

// grayIndex is the nearest gray: black 16, 8 to 238 in steps of ten from 232
// on, white 231.
func grayIndex(v uint8) int {
	switch {
	case v < 4:
		return 16
	case v > 246:
		return 231
	}
	return 232 + min(23, (int(max(v, 8))-3)/10)
}

// plainLine draws rows y and y+1 as one row of characters.
func plainLine(b *bufio.Writer, img *image.RGBA, y int) {
	const ink = " .:-=+*#%@"
	for x := range img.Rect.Dx() {
		v := int(luma(img.Pix[img.PixOffset(x, y):]))
		if y+1 < img.Rect.Dy() {
			v = (v + int(luma(img.Pix[img.PixOffset(x, y+1):]))) / 2
		}
		b.WriteByte(ink[v*len(ink)/256])
	}
	b.WriteByte('\n')
}

// luma is Rec. 601's, with weights of sum 2^16.
func luma(p []uint8) uint8 {
	return uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
}
