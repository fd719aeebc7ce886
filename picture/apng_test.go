package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// Files that are no PNG or cut short are refused, at every byte but between chunks.
func TestJoinPNGRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := WritePNG(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	kinds, _ := chunks(t, whole)
	passed := 0
	for n := range len(whole) + 1 {
		if JoinPNG(&bytes.Buffer{}, [][]byte{whole, whole[:n]}, 8) == nil {
			passed++
		}
	}
	if passed != len(kinds) {
		t.Errorf("%d beginnings pass, want %d", passed, len(kinds))
	}
	long := bytes.Clone(whole)
	copy(long[33:], []byte{0xff, 0xff, 0xff, 0xff})
	for _, file := range [][]byte{nil, []byte("GIF89a"), long} {
		if err := JoinPNG(&bytes.Buffer{}, [][]byte{file}, 8); err == nil {
			t.Errorf("%q: no error", file)
		}
	}
}

// chunks splits a PNG file, whose checksums must be right.
func chunks(t *testing.T, file []byte) (kinds []string, data [][]byte) {
	t.Helper()
	for rest := file[8:]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		body := rest[4 : 8+n]
		if sum := binary.BigEndian.Uint32(rest[8+n:]); sum != crc32.ChecksumIEEE(body) {
			t.Errorf("%s: wrong checksum", body[:4])
		}
		kinds, data = append(kinds, string(body[:4])), append(data, body[4:])
		rest = rest[12+n:]
	}
	return kinds, data
}

func TestWriteAPNG(t *testing.T) {
	shades := []color.RGBA{{1, 2, 3, 255}, {200, 2, 3, 255}, {9, 99, 199, 255}}
	var frames []image.Image
	for _, c := range shades {
		img := image.NewRGBA(image.Rect(0, 0, 5, 3))
		for i := range 15 {
			img.SetRGBA(i%5, i/5, c)
		}
		frames = append(frames, img)
	}
	var b bytes.Buffer
	if err := WriteAPNG(&b, frames, 25); err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(b.Bytes())); err != nil || img.At(4, 2) != shades[0] {
		t.Fatalf("as a plain PNG: %v", err)
	}
	kinds, data := chunks(t, b.Bytes())
	if got := strings.Join(kinds, " "); got != "IHDR acTL fcTL IDAT fcTL fdAT fcTL fdAT IEND" {
		t.Fatalf("chunks %s", got)
	}
	if frames := binary.BigEndian.Uint32(data[1]); frames != 3 {
		t.Errorf("%d frames", frames)
	}
	// Every frame made a file of its own has its picture, and the chunks count up.
	sequence := uint32(0)
	for i, kind := range kinds {
		if kind != "fcTL" && kind != "fdAT" {
			continue
		}
		if got := binary.BigEndian.Uint32(data[i]); got != sequence {
			t.Errorf("%s is number %d, want %d", kind, got, sequence)
		}
		sequence++
		if kind == "fcTL" {
			if got, want := data[i][4:], []byte{0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0, 100, 0, 0}; !bytes.Equal(got, want) {
				t.Errorf("fcTL %v, want %v", got, want)
			}
			continue
		}
		single := apng{b: []byte(signature)}
		single.chunk("IHDR", data[0])
		single.chunk("IDAT", data[i][4:])
		single.chunk("IEND", nil)
		if img, err := png.Decode(bytes.NewReader(single.b)); err != nil || img.At(4, 2) != shades[(i-3)/2] {
			t.Errorf("the frame in chunk %d: %v", i, err)
		}
	}
}

func TestWriteAPNGRefuses(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 4, 4))
	for what, frames := range map[string][]image.Image{
		"no frames": nil,
		"two sizes": {gray, image.NewGray(image.Rect(0, 0, 4, 5))},
		"two kinds": {gray, image.NewRGBA(image.Rect(0, 0, 4, 4))},
		"a palette": {image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.White, color.Black})},
	} {
		if err := WriteAPNG(&bytes.Buffer{}, frames, 8); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
