// Command epaper draws a frame for an e-paper panel of 296 by 128 pixels: eight digits, dithered to
// black and white or, with -gray, to the four shades that some panels have. frame.bin is what goes
// to the panel: row by row, 8 or 4 pixels a byte, the leftmost in the highest bits, 0 for black.
// frame.png is the same to look at.
package main

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

func main() {
	seed := flag.Uint64("seed", 1, "which digits")
	gray := flag.Bool("gray", false, "four shades, in 2 bits a pixel")
	flag.Parse()
	bits := 1
	if *gray {
		bits = 2
	}
	if err := write("frame.bin", "frame.png", *seed, bits); err != nil {
		log.Fatal(err)
	}
}

func write(frame, preview string, seed uint64, bits int) error {
	m, err := digitsFrame(seed)
	if err != nil {
		return err
	}
	shades := dither(m, bits)
	var b bytes.Buffer
	if err := png.Encode(&b, shades); err != nil {
		return err
	}
	if err := os.WriteFile(preview, b.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(frame, pack(shades, bits), 0o666)
}

// digitsFrame draws black digits on white, four by two, each enlarged to 64 pixels a side.
func digitsFrame(seed uint64) (*image.Gray, error) {
	const side, columns, rows = 64, 4, 2
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		return nil, err
	}
	defer g.Close()
	images, err := g.Draw(context.Background(), gantiny.Request{N: columns * rows, Seed: seed})
	if err != nil {
		return nil, err
	}
	m := image.NewGray(image.Rect(0, 0, 296, 128))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i, digit := range images {
		left, top := 20+i%columns*side, i/columns*side
		for y := range side {
			for x := range side {
				m.SetGray(left+x, top+y, color.Gray{Y: 255 - between(digit.(*image.Gray), x, y, side)})
			}
		}
	}
	return m, nil
}

// between is pixel (x, y) of a picture that is enlarged to so many pixels a side: the mean of four,
// weighted by their distance. Whole numbers alone, so that a frame is the same bytes on every
// processor.
func between(m *image.Gray, x, y, side int) uint8 {
	w, h := m.Rect.Dx()-1, m.Rect.Dy()-1
	i, u := x*w/(side-1), x*w%(side-1)
	j, v := y*h/(side-1), y*h%(side-1)
	at := func(i, j int) int { return int(m.GrayAt(min(i, w), min(j, h)).Y) }
	top := at(i, j)*(side-1-u) + at(i+1, j)*u
	bottom := at(i, j+1)*(side-1-u) + at(i+1, j+1)*u
	return uint8((top*(side-1-v) + bottom*v) / (side - 1) / (side - 1))
}

// dither takes the nearest of 2^bits shades for each pixel and hands the error on to the pixels
// beside and below it (Floyd and Steinberg 1976).
func dither(m *image.Gray, bits int) *image.Paletted {
	var shades color.Palette
	for i := range 1 << bits {
		shades = append(shades, color.Gray{Y: uint8(255 * i / (1<<bits - 1))})
	}
	p := image.NewPaletted(m.Rect, shades)
	draw.FloydSteinberg.Draw(p, p.Rect, m, m.Rect.Min)
	return p
}

// pack joins the pixels of each row to bytes. The last byte of a row is filled up with zeros.
func pack(p *image.Paletted, bits int) []byte {
	perByte := 8 / bits
	stride := (p.Rect.Dx() + perByte - 1) / perByte
	packed := make([]byte, stride*p.Rect.Dy())
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			packed[y*stride+x/perByte] |= p.Pix[y*p.Stride+x] << (8 - bits*(x%perByte+1))
		}
	}
	return packed
}
