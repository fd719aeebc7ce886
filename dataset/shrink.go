package dataset

import (
	"image"
	"image/color"
)

// finest is how many pixels across an output pixel a large picture keeps for Catmull-Rom, whose
// kernel covers four output pixels. Blocks end at whole pixels, so that edges move by less than a
// sixteenth of an output pixel; smooth pictures differ by 3 of 255. For a photo of 4000x3000 pixels
// in 28x28 the two steps take 36 ms, Catmull-Rom alone 1,800 ms, beside 600 ms of decoding (one
// core of a busy machine).
const finest = 8

// shrink returns the square part of img, averaged over blocks of whole pixels to finest*target
// pixels a side, and where it stands in the result. Pictures less than twice as large, and kinds of
// picture that it has no way to average, it returns as they are.
func shrink(img image.Image, part image.Rectangle, target int) (image.Image, image.Rectangle) {
	side, n := part.Dx(), finest*target
	mean := averager(img)
	if mean == nil || side < 2*n {
		return img, part
	}
	to := image.NewRGBA(image.Rect(0, 0, n, n))
	edge := func(i int) int { return int(int64(i) * int64(side) / int64(n)) }
	for y := range n {
		for x := range n {
			block := image.Rect(edge(x), edge(y), edge(x+1), edge(y+1)).Add(part.Min)
			to.SetRGBA(x, y, mean(block))
		}
	}
	return to, to.Rect
}

// averager returns a function that averages the premultiplied colors of a block; nil if it has none
// for this kind of picture.
func averager(img image.Image) func(block image.Rectangle) color.RGBA {
	switch m := img.(type) {
	case *image.Gray:
		return func(b image.Rectangle) color.RGBA {
			v := meanOf(m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, b.Dx(), b.Dy())
			return color.RGBA{v, v, v, 0xff}
		}
	case *image.YCbCr:
		return func(b image.Rectangle) color.RGBA {
			last := b.Max.Sub(image.Pt(1, 1))
			y := meanOf(m.Y[m.YOffset(b.Min.X, b.Min.Y):], m.YStride, b.Dx(), b.Dy())
			c := m.COffset(b.Min.X, b.Min.Y)
			w := m.COffset(last.X, b.Min.Y) - c + 1
			h := (m.COffset(b.Min.X, last.Y)-c)/m.CStride + 1
			red, green, blue := color.YCbCrToRGB(y, meanOf(m.Cb[c:], m.CStride, w, h), meanOf(m.Cr[c:], m.CStride, w, h))
			return color.RGBA{red, green, blue, 0xff}
		}
	case *image.RGBA:
		return func(b image.Rectangle) color.RGBA {
			return meanRGBA(m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, b, true)
		}
	case *image.NRGBA:
		return func(b image.Rectangle) color.RGBA {
			return meanRGBA(m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, b, false)
		}
	}
	return nil
}

// meanOf returns the rounded mean of w x h values.
func meanOf(pix []uint8, stride, w, h int) uint8 {
	var sum uint64
	for y := range h {
		for _, v := range pix[y*stride:][:w] {
			sum += uint64(v)
		}
	}
	n := uint64(w) * uint64(h)
	return uint8((sum + n/2) / n)
}

// meanRGBA returns the mean of a block of pixels of four values, premultiplied or not.
func meanRGBA(pix []uint8, stride int, b image.Rectangle, premultiplied bool) color.RGBA {
	var sum [3]uint64 // of colors times 255
	var alpha uint64
	for y := range b.Dy() {
		row := pix[y*stride:][:4*b.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			a := uint64(row[3])
			alpha += a
			if premultiplied {
				a = 0xff
			}
			sum[0] += a * uint64(row[0])
			sum[1] += a * uint64(row[1])
			sum[2] += a * uint64(row[2])
		}
	}
	n := uint64(b.Dx()) * uint64(b.Dy())
	by := func(s uint64) uint8 { return uint8((s + 255*n/2) / (255 * n)) }
	return color.RGBA{by(sum[0]), by(sum[1]), by(sum[2]), uint8((alpha + n/2) / n)}
}
