package dataset

import (
	"fmt"
	"image"

	"golang.org/x/image/draw"
)

// convert returns d in the size and channels of o.
func (d *Dataset) convert(o Options) (*Dataset, error) {
	size, c := o.Size, 1
	if o.RGB {
		c = 3
	}
	if (size == 0 || size == d.H && size == d.W) && c == d.C {
		return d, nil
	}
	to := *d
	to.C = c
	if size != 0 {
		to.H, to.W = size, size
	}
	bytes, err := pixelBytes(to.N, to.H, to.W, to.C)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", d.Name, err)
	}
	to.Pix = make([]uint8, bytes)
	each(d.N, func(i int) error {
		store(to.Image(i), d.picture(i), to.H, to.W, to.C)
		return nil
	})
	return &to, nil
}

// picture returns image i.
func (d *Dataset) picture(i int) image.Image {
	pix, r := d.Image(i), image.Rect(0, 0, d.W, d.H)
	if d.C == 1 {
		return &image.Gray{Pix: pix, Stride: d.W, Rect: r}
	}
	img := image.NewRGBA(r)
	for p := range d.W * d.H {
		copy(img.Pix[4*p:], pix[3*p:3*p+3])
		img.Pix[4*p+3] = 0xff
	}
	return img
}

// store writes img to dst as (h, w, c): its centred square where it must be
// resized, over black where it is transparent.
func store(dst []uint8, img image.Image, h, w, c int) {
	b := img.Bounds()
	same := b.Dx() == w && b.Dy() == h
	if grey, ok := img.(*image.Gray); ok && same && c == 1 {
		for y := range h {
			copy(dst[y*w:(y+1)*w], grey.Pix[y*grey.Stride:])
		}
		return
	}
	rgba := image.NewRGBA(image.Rect(0, 0, w, h))
	if same {
		draw.Draw(rgba, rgba.Rect, img, b.Min, draw.Src)
	} else {
		draw.CatmullRom.Scale(rgba, rgba.Rect, img, square(b), draw.Src, nil)
	}
	for p := range w * h {
		q := rgba.Pix[4*p : 4*p+3 : 4*p+3]
		if c == 3 {
			copy(dst[3*p:], q)
			continue
		}
		// Rec. 601 luma with weights of sum 2^16: grey stays what it is.
		dst[p] = uint8((19595*uint32(q[0]) + 38470*uint32(q[1]) + 7471*uint32(q[2]) + 1<<15) >> 16)
	}
}

// square returns the largest square in the middle of r.
func square(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	at := r.Min.Add(image.Pt((r.Dx()-side)/2, (r.Dy()-side)/2))
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}
