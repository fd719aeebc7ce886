package main

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWrite: frames are these bytes on every machine, and the preview shows them.
func TestWrite(t *testing.T) {
	for bits, name := range map[int]string{1: "black.golden", 2: "gray.golden"} {
		dir := t.TempDir()
		frame, preview, golden := filepath.Join(dir, "frame.bin"), filepath.Join(dir, "frame.png"), filepath.Join("testdata", name)
		if err := write(frame, preview, 1, bits); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(frame)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bits: %d bytes, not those of %s, %v", bits, len(got), golden, err)
		}
		if len(got) != 296*128*bits/8 {
			t.Errorf("%d bits: %d bytes", bits, len(got))
		}
		f, err := os.Open(preview)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(f)
		f.Close()
		if err != nil || m.Bounds() != image.Rect(0, 0, 296, 128) || !bytes.Equal(pack(m.(*image.Paletted), bits), got) {
			t.Errorf("%d bits: the preview is another picture, %v", bits, err)
		}
	}
}

// TestDither compares with another program's Floyd-Steinberg, and with shades that need no
// dithering.
func TestDither(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "ramp.oracle"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(b))
	ramp := image.NewGray(image.Rect(0, 0, 21, 6))
	for i := range ramp.Pix {
		ramp.Pix[i] = uint8(13*(i%21) + 7*(i/21))
	}
	for bits := 1; bits <= 2; bits++ {
		var got strings.Builder
		for _, v := range dither(ramp, bits).Pix {
			got.WriteByte('0' + v)
		}
		if got.String() != want[bits-1] {
			t.Errorf("%d bits:\n%s, want\n%s", bits, got.String(), want[bits-1])
		}
	}
	plain := image.NewGray(image.Rect(0, 0, 4, 2))
	copy(plain.Pix, []uint8{0, 85, 170, 255, 255, 170, 85, 0})
	if got := dither(plain, 2).Pix; !bytes.Equal(got, []uint8{0, 1, 2, 3, 3, 2, 1, 0}) {
		t.Errorf("shades of the panel become %v", got)
	}
}

func TestPack(t *testing.T) {
	p := image.NewPaletted(image.Rect(0, 0, 10, 2), nil)
	copy(p.Pix, []uint8{1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0})
	if got := pack(p, 1); !bytes.Equal(got, []byte{0x83, 0x40, 0x7c, 0x80}) {
		t.Errorf("1 bit: %x", got)
	}
	p = image.NewPaletted(image.Rect(0, 0, 5, 1), nil)
	copy(p.Pix, []uint8{3, 2, 1, 0, 2})
	if got := pack(p, 2); !bytes.Equal(got, []byte{0xe4, 0x80}) {
		t.Errorf("2 bits: %x", got)
	}
}

func TestBetween(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 2, 2))
	copy(m.Pix, []uint8{0, 100, 200, 255})
	for _, c := range []struct {
		x, y int
		want uint8
	}{{0, 0, 0}, {4, 0, 100}, {0, 4, 200}, {4, 4, 255}, {2, 0, 50}, {2, 2, 138}} {
		if got := between(m, c.x, c.y, 5); got != c.want {
			t.Errorf("(%d, %d) of 5: %d, want %d", c.x, c.y, got, c.want)
		}
	}
}
