package dataset

import (
	"fmt"
	"image"
	"image/color"
	"slices"

	"golang.org/x/image/draw"
)

// convert returns d in the size and channels of o.
func (l *loader) convert(d *Dataset) (*Dataset, error) {
	size := l.o.Size
	if (size == 0 || size == d.H && size == d.W) && l.o.Channels == d.C && l.settled(d) {
		return d, nil
	}
	to := *d
	to.C = l.o.Channels
	if size != 0 {
		to.H, to.W = size, size
	}
	bytes, err := pixelBytes(to.N, to.H, to.W, to.C)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", d.Name, err)
	}
	if need := int64(bytes) + int64(len(d.Pix)); need > l.limit {
		return nil, exceeds(d.describe(), need, l.limit)
	}
	to.Pix = make([]uint8, bytes)
	err = each(l.ctx, d.N, func(i int) error {
		l.canvas(&to).store(to.Image(i), decoded{Image: d.picture(i), turn: 1})
		return nil
	})
	return &to, err
}

// HasAlpha reports whether the last of so many channels is alpha.
func HasAlpha(channels int) bool { return channels == 2 || channels == 4 }

// settled reports whether the pixels of d, of the options' channels, are what the options make of
// transparent ones: opaque, or black where they cannot be seen.
func (l *loader) settled(d *Dataset) bool {
	if !HasAlpha(d.C) {
		return true
	}
	for p := d.Pix; len(p) > 0; p = p[d.C:] {
		switch alpha := p[d.C-1]; {
		case alpha == 0xff:
		case !l.alpha, alpha == 0 && slices.Max(p[:d.C]) > 0:
			return false
		}
	}
	return true
}

// picture returns image i.
func (d *Dataset) picture(i int) image.Image {
	pix, r := d.Image(i), image.Rect(0, 0, d.W, d.H)
	if d.C == 1 {
		return &image.Gray{Pix: pix, Stride: d.W, Rect: r}
	}
	img := image.NewNRGBA(r)
	for p := range d.W * d.H {
		in, out := pix[d.C*p:][:d.C], img.Pix[4*p:][:4]
		switch d.C {
		case 2:
			out[0], out[1], out[2], out[3] = in[0], in[0], in[0], in[1]
		case 3:
			out[0], out[1], out[2], out[3] = in[0], in[1], in[2], 0xff
		case 4:
			copy(out, in)
		}
	}
	return img
}

// canvas is what pictures are laid on: (h, w, c) pixels, with a color below what is transparent.
type canvas struct {
	h, w, c int
	alpha   bool       // is kept
	ground  color.RGBA // opaque; without alpha
}

// canvas is that of the images of d.
func (l *loader) canvas(d *Dataset) canvas {
	return canvas{h: d.H, w: d.W, c: d.C, alpha: l.alpha, ground: l.ground}
}

// pixelBytes is how many bytes a pixel takes on a canvas's way to a set.
func (l *loader) pixelBytes() int64 {
	if l.alpha {
		return 8
	}
	return 4
}

// store writes a picture to dst, upright: its centered square where it must be resized. It reports
// whether the picture was transparent anywhere. Colors are resized multiplied by alpha, so that
// those that cannot be seen leave no trace, and stored as they are seen: 16 bits between keep them
// exact.
func (k canvas) store(dst []uint8, d decoded) (transparent bool) {
	b := d.Bounds()
	w, h := b.Dx(), b.Dy() // as stored
	if d.turn.turned() {
		w, h = h, w
	}
	same := w == k.w && h == k.h
	if gray, ok := d.Image.(*image.Gray); ok && same && k.c == 1 && d.turn <= 1 {
		for y := range k.h {
			copy(dst[y*k.w:(y+1)*k.w], gray.Pix[y*gray.Stride:])
		}
		return false
	}
	size := image.Pt(k.w, k.h) // of the stored picture's part, scaled
	if d.turn.turned() {
		size = image.Pt(k.h, k.w)
	}
	laid := k.sheet(size)
	if same {
		draw.Draw(laid, laid.Bounds(), d.Image, b.Min, draw.Src)
	} else {
		part := d.turn.rect(square(w, h), b.Dx(), b.Dy()).Add(b.Min)
		img, part := shrink(d.Image, part, max(k.h, k.w))
		draw.CatmullRom.Scale(laid, laid.Bounds(), img, part, draw.Src, nil)
	}
	for y := range k.h {
		for x := range k.w {
			q, opaque := k.color(laid, d.turn, x, y)
			transparent = transparent || !opaque
			k.put(dst[(y*k.w+x)*k.c:][:k.c], q)
		}
	}
	return transparent
}

// sheet is an image of premultiplied colors: of 16 bits where alpha is kept, since 8 say little of
// the colors of what is nearly transparent.
func (k canvas) sheet(size image.Point) draw.Image {
	if k.alpha {
		return image.NewRGBA64(image.Rectangle{Max: size})
	}
	return image.NewRGBA(image.Rectangle{Max: size})
}

// color is pixel (x, y), upright, of a sheet that is turned: red, green, blue and alpha, not
// premultiplied. It reports whether it was opaque.
func (k canvas) color(sheet draw.Image, turn orientation, x, y int) (q [4]uint8, opaque bool) {
	size := sheet.Bounds().Max
	sx, sy := turn.source(x, y, size.X, size.Y)
	switch img := sheet.(type) {
	case *image.RGBA64:
		q = straight(img.RGBA64At(sx, sy))
		return q, q[3] == 0xff
	case *image.RGBA:
		copy(q[:], img.Pix[4*(sy*size.X+sx):])
		if opaque = q[3] == 0xff; !opaque {
			k.over(&q)
		}
	}
	return q, opaque
}

// put stores a color.
func (k canvas) put(to []uint8, q [4]uint8) {
	// Rec. 601 luma with weights of sum 2^16: gray stays what it is.
	luma := uint8((19595*uint32(q[0]) + 38470*uint32(q[1]) + 7471*uint32(q[2]) + 1<<15) >> 16)
	switch k.c {
	case 1:
		to[0] = luma
	case 2:
		to[0], to[1] = luma, q[3]
	default:
		copy(to, q[:])
	}
}

// over lays the premultiplied color q over the ground.
func (k canvas) over(q *[4]uint8) {
	through := 0xff - uint32(q[3])
	for i, g := range [3]uint8{k.ground.R, k.ground.G, k.ground.B} {
		q[i] = uint8(min(0xff, uint32(q[i])+(uint32(g)*through+127)/255))
	}
	q[3] = 0xff
}

// straight returns a premultiplied color as red, green, blue and alpha of 8 bits, not
// premultiplied: black where alpha is 0.
func straight(c color.RGBA64) (q [4]uint8) {
	a := uint32(c.A)
	if q[3] = uint8((a*0xff + 0x7fff) / 0xffff); q[3] == 0 {
		return q
	}
	for i, v := range [3]uint16{c.R, c.G, c.B} {
		q[i] = uint8(min(0xff, (uint32(v)*0xff+a/2)/a))
	}
	return q
}

// square returns the largest square in the middle of w x h pixels.
func square(w, h int) image.Rectangle {
	side := min(w, h)
	at := image.Pt((w-side)/2, (h-side)/2)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}

// samples16 returns the 16-bit samples of a picture, big-endian, and how many of each pixel's are
// colors, of how many; nil if it has 8 bits a sample.
func samples16(img image.Image) (pix []uint8, colors, of int) {
	switch m := img.(type) {
	case *image.Gray16:
		return m.Pix, 1, 1
	case *image.RGBA64:
		return m.Pix, 3, 4
	case *image.NRGBA64:
		return m.Pix, 3, 4
	}
	return nil, 0, 0
}

// largest16 returns the largest of a picture's 16-bit colors; -1 if it has 8 bits a sample.
func largest16(img image.Image) int {
	pix, colors, of := samples16(img)
	if pix == nil {
		return -1
	}
	largest := 0
	for ; len(pix) >= 2*of; pix = pix[2*of:] {
		for c := range colors {
			largest = max(largest, int(pix[2*c])<<8|int(pix[2*c+1]))
		}
	}
	return largest
}

// narrow16 returns a picture of 16 bits a sample with 8 bits, in the same memory: white and what is
// above it becomes 255. Pictures of 8 bits it returns as they are.
func narrow16(img image.Image, white int) image.Image {
	pix, colors, of := samples16(img)
	if pix == nil {
		return img
	}
	var color, alpha [1 << 16]uint8
	for v := range uint32(1 << 16) {
		w := uint32(white)
		color[v] = uint8(min(v*255+w/2, w*255) / w)
		alpha[v] = uint8((v*255 + 0x7fff) / 0xffff)
	}
	n := len(pix) / 2
	for i := 0; i < n; i += of {
		for c := range of {
			v := uint16(pix[2*(i+c)])<<8 | uint16(pix[2*(i+c)+1])
			if pix[i+c] = color[v]; c >= colors {
				pix[i+c] = alpha[v]
			}
		}
	}
	switch m := img.(type) {
	case *image.Gray16:
		return &image.Gray{Pix: pix[:n], Stride: m.Stride / 2, Rect: m.Rect}
	case *image.NRGBA64:
		return &image.NRGBA{Pix: pix[:n], Stride: m.Stride / 2, Rect: m.Rect}
	case *image.RGBA64: // premultiplied: no color is above its alpha
		for p := pix[:n]; len(p) >= 4; p = p[4:] {
			p[0], p[1], p[2] = min(p[0], p[3]), min(p[1], p[3]), min(p[2], p[3])
		}
		return &image.RGBA{Pix: pix[:n], Stride: m.Stride / 2, Rect: m.Rect}
	}
	return img
}

// likelyWhite returns the white of 16-bit pictures of which largest is the largest color: that of
// the usual depth, 8, 10, 12 or 14 bits, which holds it, else 65535.
func likelyWhite(largest int) int {
	for _, bits := range []int{8, 10, 12, 14} {
		if largest > 0 && largest < 1<<bits {
			return 1<<bits - 1
		}
	}
	return 0xffff
}
