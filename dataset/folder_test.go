package dataset

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/draw"
)

// put encodes img as dir/name, by the name's extension.
func put(t *testing.T, dir, name string, img image.Image) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if strings.EqualFold(filepath.Ext(name), ".png") {
		err = png.Encode(f, img)
	} else {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flat returns a picture of one color.
func flat(w, h int, c color.Color) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func grayOf(w, h int, pix ...uint8) image.Image {
	return &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, h)}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "b.png", grayOf(2, 2, 0, 100, 200, 255))
	put(t, dir, "a.PNG", flat(2, 2, color.NRGBA{255, 0, 0, 255}))
	put(t, dir, "c.jpeg", flat(2, 2, color.Gray{77}))
	put(t, dir, ".hidden.png", flat(9, 9, color.White))
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []uint8{76, 76, 76, 76, 0, 100, 200, 255, 77, 77, 77, 77} // red's luma is 76
	if d.N != 3 || d.H != 2 || d.W != 2 || d.C != 1 || !slices.Equal(d.Pix, want) || d.Labels != nil {
		t.Errorf("got %+v, want pixels %v", d, want)
	}
	d, err = Open(dir, Options{Channels: 3})
	if err != nil {
		t.Fatal(err)
	}
	if d.C != 3 || !slices.Equal(d.Pix[:6], []uint8{255, 0, 0, 255, 0, 0}) || !slices.Equal(d.Image(1), []uint8{0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255}) {
		t.Errorf("RGB: %+v", d)
	}
}

func TestFolderClasses(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "dogs/2.png", grayOf(1, 1, 2))
	put(t, dir, "dogs/1.jpg", grayOf(1, 1, 1))
	put(t, dir, "cats/9.png", grayOf(1, 1, 9))
	if err := os.Mkdir(filepath.Join(dir, "apes"), 0o777); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Classes, []string{"cats", "dogs"}) || !slices.Equal(d.Labels, []int32{0, 1, 1}) || !slices.Equal(d.Pix, []uint8{9, 1, 2}) {
		t.Errorf("classes %v, labels %v, pixels %v", d.Classes, d.Labels, d.Pix)
	}
	put(t, dir, "stray.png", grayOf(1, 1, 0))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "both") {
		t.Errorf("a picture beside the classes: %v", err)
	}
}

func TestFolderErrors(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.png", grayOf(2, 2, 1, 2, 3, 4))
	put(t, dir, "b.png", grayOf(2, 1, 1, 2))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "b.png")+": 2x1 pixels, but a.png has 2x2") {
		t.Errorf("two sizes: %v", err)
	}
	if _, err := Open(dir, Options{Size: 4}); err != nil {
		t.Errorf("two sizes, resized: %v", err)
	}
	bad := filepath.Join(dir, "c.png")
	for _, contents := range []string{"", "\x89PNG\r\n\x1a\n"} {
		if err := os.WriteFile(bad, []byte(contents), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{Size: 4}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("contents %q: %v", contents, err)
		}
	}
}

func TestResize(t *testing.T) {
	// A wide picture loses its sides: red | green green | blue.
	wide := image.NewNRGBA(image.Rect(0, 0, 8, 4))
	for x := range 8 {
		for y := range 4 {
			c := color.NRGBA{G: 200, A: 255}
			switch {
			case x < 2:
				c = color.NRGBA{R: 255, A: 255}
			case x >= 6:
				c = color.NRGBA{B: 255, A: 255}
			}
			wide.Set(x, y, c)
		}
	}
	dst := make([]uint8, 2*2*3)
	canvas{h: 2, w: 2, c: 3}.store(dst, decoded{Image: wide, turn: 1})
	if !slices.Equal(dst, []uint8{0, 200, 0, 0, 200, 0, 0, 200, 0, 0, 200, 0}) {
		t.Errorf("cropped to %v", dst)
	}
	// Averages when it shrinks, keeps flat gray flat, both ways.
	dst = make([]uint8, 4)
	canvas{h: 2, w: 2, c: 1}.store(dst, decoded{Image: grayOf(4, 4, 0, 0, 200, 200, 0, 0, 200, 200, 100, 100, 100, 100, 100, 100, 100, 100), turn: 1})
	if dst[0] > 30 || dst[1] < 170 || dst[2] < 80 || dst[2] > 120 || dst[3] < 80 || dst[3] > 120 {
		t.Errorf("shrunk to %v", dst)
	}
	for _, size := range []int{3, 5, 7, 16} {
		dst := make([]uint8, size*size)
		canvas{h: size, w: size, c: 1}.store(dst, decoded{Image: flat(5, 9, color.Gray{123}), turn: 1})
		if !slices.Equal(dst, slices.Repeat([]uint8{123}, size*size)) {
			t.Errorf("size %d: flat 123 became %v", size, dst)
		}
	}
}

// tryConvert is convert within unlimited memory.
func tryConvert(d *Dataset, o Options) (*Dataset, error) {
	l, err := newLoader(context.Background(), "", o)
	if err != nil {
		return nil, err
	}
	return l.convert(d)
}

// A large picture is averaged before it is scaled: the result is that of scaling all its pixels.
func TestShrink(t *testing.T) {
	const side, target = 331, 7
	at := image.Rect(5, 3, 5+side, 3+side)
	soft := func(x, y int) color.NRGBA {
		wave := func(a, b float64) uint8 { return uint8(127.5 + 127*math.Sin(float64(x)*a+float64(y)*b)) }
		return color.NRGBA{wave(0.02, 0.01), wave(0.01, -0.02), wave(-0.02, 0.02), wave(0.02, 0.02)}
	}
	nrgba, rgba, gray := image.NewNRGBA(at), image.NewRGBA(at), image.NewGray(at)
	chroma := image.NewYCbCr(at, image.YCbCrSubsampleRatio420)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			c := soft(x, y)
			nrgba.SetNRGBA(x, y, c)
			rgba.Set(x, y, c)
			gray.SetGray(x, y, color.Gray{Y: c.R})
			chroma.Y[chroma.YOffset(x, y)], chroma.Cb[chroma.COffset(x, y)], chroma.Cr[chroma.COffset(x, y)] = c.R, c.G, c.B
		}
	}
	for _, img := range []image.Image{nrgba, rgba, gray, chroma} {
		name := fmt.Sprintf("%T", img)
		small, part := shrink(img, at, target)
		if part != image.Rect(0, 0, finest*target, finest*target) || small.Bounds() != part {
			t.Fatalf("%s: %v of %v", name, part, small.Bounds())
		}
		got, want := image.NewRGBA(image.Rect(0, 0, target, target)), image.NewRGBA(image.Rect(0, 0, target, target))
		draw.CatmullRom.Scale(got, got.Rect, small, part, draw.Src, nil)
		draw.CatmullRom.Scale(want, want.Rect, img, at, draw.Src, nil)
		worst := 0
		for i := range got.Pix {
			worst = max(worst, abs(int(got.Pix[i])-int(want.Pix[i])))
		}
		if worst > 3 {
			t.Errorf("%s: differs by %d", name, worst)
		}
	}
	if img, part := shrink(gray, at, 21); img != image.Image(gray) || part != at {
		t.Error("331 pixels were averaged to 8 * 21")
	}
	if img, _ := shrink(image.NewPaletted(at, color.Palette{color.Black}), at, 2); img.Bounds() != at {
		t.Error("a paletted picture was averaged")
	}
	dst := make([]uint8, 16)
	if (canvas{h: 4, w: 4, c: 1}).store(dst, decoded{Image: flat(301, 211, color.Gray{Y: 123}), turn: 6}); !slices.Equal(dst, slices.Repeat([]uint8{123}, 16)) {
		t.Errorf("flat 123 became %v", dst)
	}
}

func TestConvertIDX(t *testing.T) {
	d := &Dataset{Name: "d", N: 2, H: 2, W: 2, C: 1, Pix: []uint8{50, 50, 50, 50, 1, 2, 3, 4}}
	rgb, err := tryConvert(d, Options{Channels: 3})
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}; !slices.Equal(rgb.Pix, want) {
		t.Errorf("RGB %v", rgb.Pix)
	}
	back, err := tryConvert(rgb, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Pix, d.Pix) {
		t.Errorf("gray again: %v", back.Pix)
	}
	larger, err := tryConvert(d, Options{Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	if larger.H != 3 || larger.W != 3 || !slices.Equal(larger.Image(0), slices.Repeat([]uint8{50}, 9)) {
		t.Errorf("larger: %+v", larger)
	}
	if same, _ := tryConvert(d, Options{Size: 2}); same != d {
		t.Error("the same size was copied")
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		done := make([]bool, n)
		if err := each(t.Context(), n, func(i int) error { done[i] = true; return nil }); err != nil || slices.Contains(done, false) {
			t.Errorf("n = %d: %v, %v", n, err, done)
		}
	}
	for range 20 {
		err := each(t.Context(), 100, func(i int) error {
			if i%10 == 7 {
				return fmt.Errorf("failed at %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "failed at 7" {
			t.Fatalf("got %v", err)
		}
	}
}
