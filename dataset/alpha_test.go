package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAlphaOracle: pictures that Pillow wrote have the colors and the alpha that Pillow reads and,
// resized, those of the formula in float64: a color as far as its alpha shows it.
func TestAlphaOracle(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(testdata(t, "alpha.oracle")))
	pictures := 0
	for ; lines.Scan(); pictures++ {
		var name string
		var size, h, w int
		line := strings.NewReader(lines.Text())
		if _, err := fmt.Fscan(line, &name, &size, &h, &w); err != nil {
			t.Fatal(err)
		}
		want := make([]uint8, 4*h*w)
		for i := range want {
			if _, err := fmt.Fscan(line, &want[i]); err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		write(t, dir, name, testdata(t, name))
		d, _ := loaded(t, dir, Options{Size: size, Channels: 4})
		if d.H != h || d.W != w || d.C != 4 || size == 0 && !slices.Equal(d.Pix, want) {
			t.Errorf("%s: %dx%dx%d %v, want %v", name, d.H, d.W, d.C, d.Pix, want)
			continue
		}
		for p := 0; p < len(want); p += 4 {
			got, want := d.Pix[p:][:4], want[p:][:4]
			for c := range 3 {
				if off := abs(int(got[c]) - int(want[c])); off*int(want[3]) > 2*255 {
					t.Errorf("%s at %d, pixel %d: %v, want %v", name, size, p/4, got, want)
				}
			}
			if abs(int(got[3])-int(want[3])) > 1 {
				t.Errorf("%s at %d, pixel %d: %v, want %v", name, size, p/4, got, want)
			}
		}
	}
	if pictures < 16 {
		t.Errorf("%d pictures", pictures)
	}
}

// Where alpha is 0, colors are too, whatever the picture has there, and leave no trace at edges.
// With a background nothing is transparent.
func TestAlpha(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "disc.png", testdata(t, "disc.png")) // blue on a yellow that cannot be seen
	d, notes := loaded(t, dir, Options{Channels: 4, Size: 11})
	if !strings.Contains(notes, "transparent in places: 1 of 1; their alpha is kept") {
		t.Errorf("notes %q", notes)
	}
	hidden := 0
	for p := d.Pix; len(p) > 0; p = p[4:] {
		switch alpha := p[3]; {
		case alpha == 0:
			hidden++
			if !slices.Equal(p[:4], []uint8{0, 0, 0, 0}) {
				t.Errorf("hidden %v", p[:4])
			}
		case alpha >= 8 && (abs(int(p[0])-40) > 8 || abs(int(p[1])-90) > 8 || abs(int(p[2])-200) > 8):
			t.Errorf("%v, want the disc's color", p[:4])
		}
	}
	if hidden == 0 {
		t.Error("nothing is hidden")
	}
	gray, _ := loaded(t, dir, Options{Channels: 2, Size: 11})
	for p := range 11 * 11 {
		q := d.Pix[4*p:][:4]
		luma := (19595*int(q[0]) + 38470*int(q[1]) + 7471*int(q[2]) + 1<<15) >> 16
		if gray.Pix[2*p] != uint8(luma) || gray.Pix[2*p+1] != q[3] {
			t.Fatalf("gray pixel %d: %v, want luma %d and alpha %d", p, gray.Pix[2*p:][:2], luma, q[3])
		}
	}
	flat, notes := loaded(t, dir, Options{Channels: 4, Size: 11, Background: color.White})
	opaque, _ := loaded(t, dir, Options{Channels: 3, Size: 11})
	for p := range 11 * 11 {
		if want := append(slices.Clone(opaque.Pix[3*p:][:3]), 255); !slices.Equal(flat.Pix[4*p:][:4], want) {
			t.Fatalf("on white: %v, want %v", flat.Pix[4*p:][:4], want)
		}
	}
	if !strings.Contains(notes, "they lie on #ffffff") {
		t.Errorf("on white: notes %q", notes)
	}
	write(t, dir, "disc.png", pngOf(t, grayOf(2, 1, 3, 4)))
	if d, notes = loaded(t, dir, Options{Channels: 4}); !slices.Equal(d.Pix, []uint8{3, 3, 3, 255, 4, 4, 4, 255}) || !strings.Contains(notes, "no picture is transparent anywhere") {
		t.Errorf("opaque: %v, notes %q", d.Pix, notes)
	}
	for _, channels := range []int{-1, 5} {
		if _, err := Open(dir, Options{Channels: channels}); err == nil || !strings.Contains(err.Error(), "want 1 to 4") {
			t.Errorf("%d channels: %v", channels, err)
		}
	}
}

// Turned pictures and those of 16 bits keep alpha too.
func TestAlphaForms(t *testing.T) {
	img := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	img.SetNRGBA64(0, 0, color.NRGBA64{R: 0x1000, G: 0x8000, B: 0xffff, A: 0x8080})
	img.SetNRGBA64(1, 0, color.NRGBA64{R: 0xffff, A: 0})
	dir := t.TempDir()
	write(t, dir, "a.png", pngOf(t, img))
	d, _ := loaded(t, dir, Options{Channels: 4})
	if want := []uint8{16, 128, 255, 128, 0, 0, 0, 0}; !slices.Equal(d.Pix, want) {
		t.Errorf("16 bits: %v, want %v", d.Pix, want)
	}
	left := &image.NRGBA{Pix: []uint8{9, 8, 7, 100, 1, 2, 3, 255}, Stride: 8, Rect: image.Rect(0, 0, 2, 1)}
	dst := make([]uint8, 8)
	if (canvas{h: 2, w: 1, c: 4, alpha: true}).store(dst, decoded{Image: left, turn: 6}); !slices.Equal(dst, left.Pix) {
		t.Errorf("turned: %v", dst)
	}
}

// IDX files may have alpha, and other sets take or lose it.
func TestAlphaIDX(t *testing.T) {
	pix := []uint8{10, 20, 30, 255, 50, 60, 70, 0, 1, 2, 3, 51, 200, 100, 0, 128}
	path := filepath.Join(t.TempDir(), "images-idx4-ubyte")
	write(t, filepath.Dir(path), filepath.Base(path), idxFile(t, pix, 1, 2, 2, 4))
	for _, c := range []struct {
		name string
		o    Options
		want []uint8
	}{
		{"kept", Options{Channels: 4}, []uint8{10, 20, 30, 255, 0, 0, 0, 0, 1, 2, 3, 51, 200, 100, 0, 128}},
		{"on white", Options{Channels: 3}, []uint8{10, 20, 30, 255, 255, 255, 204, 204, 205, 227, 177, 127}},
		{"on black, opaque", Options{Channels: 4, Background: color.Black}, []uint8{10, 20, 30, 255, 0, 0, 0, 255, 0, 0, 1, 255, 100, 50, 0, 255}},
		{"gray", Options{}, []uint8{18, 255, 204, 186}},
		{"gray and alpha", Options{Channels: 2}, []uint8{18, 255, 0, 0, 2, 51, 119, 128}},
	} {
		d, err := Open(path, c.o)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range d.Pix {
			if abs(int(v)-int(c.want[i])) > 1 || len(d.Pix) != len(c.want) {
				t.Errorf("%s: %v, want %v", c.name, d.Pix, c.want)
				break
			}
		}
	}
	two := &Dataset{Name: "d", N: 1, H: 1, W: 2, C: 2, Pix: []uint8{50, 255, 0, 0}}
	if same, err := tryConvert(two, Options{Channels: 2}); err != nil || same != two {
		t.Errorf("what is as it should be was copied: %v", err)
	}
	if four, err := tryConvert(two, Options{Channels: 4}); err != nil || !slices.Equal(four.Pix, []uint8{50, 50, 50, 255, 0, 0, 0, 0}) {
		t.Errorf("from gray: %v, %v", four, err)
	}
}
