package fuzz

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"testing"

	"github.com/gantiny/gantiny/picture"
)

// FuzzPictureWriters lays bytes out as a grid of images, writes it as a PNG and as a GIF, and reads
// both back: a PNG keeps every pixel, and so does a GIF of at most 256 colors.
func FuzzPictureWriters(f *testing.F) {
	f.Add([]byte("abcdefghijkl"), uint8(2), uint8(2), uint8(1), uint8(2))
	f.Add([]byte("abcdefghijklmnopqrstuvwx"), uint8(2), uint8(2), uint8(3), uint8(0))
	f.Add(bytes.Repeat([]byte{0, 255}, 600), uint8(1), uint8(20), uint8(4), uint8(4))
	many := make([]byte, 3*400)
	for i := range many {
		many[i] = byte(i * i >> (i % 3))
	}
	f.Add(many, uint8(20), uint8(20), uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, pix []byte, h, w, kind, cols uint8) {
		c := 1 + 2*int(kind%2)
		size := int(h) * int(w) * c
		if size == 0 || len(pix) < size {
			return
		}
		img := picture.GridMargin(pix[:len(pix)/size*size], int(h), int(w), c, 1+int(cols), int(kind%3))
		var b bytes.Buffer
		if err := picture.WritePNG(&b, img); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if n := differing(got, img); n != 0 {
			t.Errorf("PNG: %d pixels differ", n)
		}
		b.Reset()
		if err := picture.WriteGIF(&b, []image.Image{img, img}, 3); err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(&b)
		if err != nil {
			t.Fatal(err)
		}
		few := distinct(img) <= 256
		for i, frame := range g.Image {
			if n := differing(frame, img); frame.Bounds() != img.Bounds() || few && n != 0 {
				t.Errorf("GIF, frame %d: %v, %d pixels differ", i, frame.Bounds(), n)
			}
		}
	})
}

// rgba is a pixel's color.
func rgba(img image.Image, x, y int) color.RGBA {
	return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
}

// differing counts the pixels of want that img has otherwise or not at all.
func differing(img, want image.Image) (n int) {
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			if rgba(img, x, y) != rgba(want, x, y) {
				n++
			}
		}
	}
	return n
}

// distinct counts the colors of img.
func distinct(img image.Image) int {
	seen := map[color.RGBA]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			seen[rgba(img, x, y)] = true
		}
	}
	return len(seen)
}
