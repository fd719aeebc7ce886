package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// jpegHead is the beginning of a JPEG of 8x8 pixels, with these segments before the frame header.
// A component is its name and its sampling factors.
func jpegHead(marker, precision byte, before string, components ...string) []byte {
	p := []byte{0xff, jpegSOI}
	p = append(p, before...)
	p = append(p, 0xff, marker, 0, byte(8+3*len(components)), precision, 0, 8, 0, 8, byte(len(components)))
	for _, c := range components {
		p = append(p, c...)
		p = append(p, 0)
	}
	return p
}

// What a frame header says that the decoder cannot do is named; what it can do has a price.
func TestJPEGFrames(t *testing.T) {
	const rgb, ycbcr = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00", "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"
	three := []string{"1\x11", "2\x11", "3\x11"}
	for name, c := range map[string]struct {
		file  []byte
		says  string
		costs int64
	}{
		"gray":            {jpegHead(jpegSOF0, 8, "", "1\x11"), "", 64},
		"color":           {jpegHead(jpegSOF0, 8, "", three...), "", 3 * 64},
		"RGB by Adobe":    {jpegHead(jpegSOF0, 8, rgb, three...), "", 7 * 64},
		"YCbCr by Adobe":  {jpegHead(jpegSOF0, 8, ycbcr, three...), "", 3 * 64},
		"RGB by name":     {jpegHead(jpegSOF0, 8, "", "R\x11", "G\x11", "B\x11"), "", 7 * 64},
		"fill bytes":      {jpegHead(jpegSOF0, 8, "\xff\xff\xff", three...), "", 3 * 64},
		"progressive":     {jpegHead(jpegSOF2, 8, "", three...), "", 15 * 64},
		"CMYK":            {jpegHead(jpegSOF0, 8, "", "1\x11", "2\x11", "3\x11", "4\x11"), "", 8 * 64},
		"CMYK in blocks":  {jpegHead(jpegSOF0, 8, "", "1\x22", "2\x11", "3\x11", "4\x22"), "", 10*64 + 4*64}, // of 16x16 pixels
		"lossless":        {jpegHead(0xc3, 8, "", "1\x11"), "lossless", 0},
		"hierarchical":    {jpegHead(0xc5, 8, "", "1\x11"), "with hierarchical coding", 0},
		"arithmetic":      {jpegHead(0xc9, 8, "", "1\x11"), "with arithmetic coding", 0},
		"precision":       {jpegHead(jpegSOF0, 12, "", "1\x11"), "of 12 bits a sample", 0},
		"two components":  {jpegHead(jpegSOF0, 8, "", "1\x11", "2\x11"), "of 2 components", 0},
		"black is less":   {jpegHead(jpegSOF0, 8, "", "1\x22", "2\x11", "3\x11", "4\x11"), "of sampling factors [[2 2] [1 1] [1 1] [1 1]]", 0},
		"magenta is more": {jpegHead(jpegSOF0, 8, "", "1\x22", "2\x21", "3\x11", "4\x22"), "of sampling factors [[2 2] [2 1] [1 1] [2 2]]", 0},
	} {
		f, ok := readJPEGFrame(c.file)
		if !ok || f.w != 8 || f.h != 8 || f.unsupported() != c.says {
			t.Errorf("%s: %+v, %t, %q", name, f, ok, f.unsupported())
			continue
		}
		if c.says == "" && f.decodedBytes() != c.costs {
			t.Errorf("%s: %d bytes, want %d", name, f.decodedBytes(), c.costs)
		}
	}
	whole := jpegHead(jpegSOF0, 8, "", "1\x11")
	wrongLength := bytes.Clone(whole)
	wrongLength[11] = 2 // components, of which one is there
	for name, p := range map[string][]byte{
		"nothing": nil, "no segment": whole[:4], "cut": whole[:9], "no length": {0xff, jpegSOI, 0xff, jpegSOF0, 0, 1, 0, 0},
		"components missing": wrongLength, "scan first": {0xff, jpegSOI, 0xff, jpegSOS, 0, 2},
	} {
		if f, ok := readJPEGFrame(p); ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
	// Coded data go on over stuffed zeros and restarts.
	if got := codedData([]byte("a\xff\x00b\xff\xd3c\xff\xd9")); string(got) != "a\xff\x00b\xff\xd3c" {
		t.Errorf("coded data %q", got)
	}
	// A scan header that disagrees with itself sends nothing: what the frame has is missing.
	r := newRefinement()
	r.add(jpegSegment{marker: jpegSOF2, data: []byte{8, 0, 8, 0, 8, 1, '1', 0x11, 0}})
	if r.add(jpegSegment{marker: jpegSOS, data: []byte{2, '1', 0, 0, 63, 0}}); r.complete() {
		t.Error("a scan of two components that names one completes a picture")
	}
	if r.add(jpegSegment{marker: jpegSOS, data: []byte{1, '1', 0, 0, 63, 0}}); !r.complete() {
		t.Error("a whole scan leaves something missing")
	}
}

// Heads that promise nothing, what no decoder is for, and what the repair of a PNG refuses.
func TestDamagedHeads(t *testing.T) {
	screen := "GIF89a\x00\x00\x05\x00\x00\x00\x00"
	chunk := func(name, data string, whole bool) pngChunk {
		return pngChunk{name: name, data: []byte(data), whole: whole}
	}
	head := chunk("IHDR", "\x00\x00\x00\x02\x00\x00\x00\x02\x08\x00\x00\x00\x00", true)
	palette, pixels := chunk("PLTE", "\x01\x02\x03", true), chunk("IDAT", "\x78\x01", true)
	cut := chunked(head, palette)
	binary.BigEndian.PutUint32(cut[len(cut)-15:], 99) // the palette's length
	var frame bytes.Buffer
	if err := gif.Encode(&frame, grayOf(40, 40, ramp(1600)...), nil); err != nil {
		t.Fatal(err)
	}
	webp := testdata(t, "plain.webp")
	dir := t.TempDir()
	for i, c := range []struct{ contents, want string }{
		{screen, "GIF of 0x5 pixels"},
		{string(frame.Bytes()[:frame.Len()-100]), "damaged GIF: not enough image data"},
		{strings.Repeat("\x00", 99), "a file of zeros"},
		{"<?xml version=\"1.0\"?><svg>", "an SVG drawing"},
		{string(chunked(head, chunk("PLTE", "\x01\x02\x03", false), pixels)), "damaged PNG"},
		{string(cut), "PNG cut short"},
		{string(chunked(head, chunk("IDAT", "", true))), "PNG cut short"},
		{string(chunked(head, chunk("IDAT", "\x00\x00abc", true))), "damaged PNG"},
		{string(webp[:len(webp)-8]), "WebP cut short"},
	} {
		path := write(t, dir, fmt.Sprintf("%d.png", i), []byte(c.contents))
		var bad *PicturesError
		if _, err := LoadPictures(t.Context(), []string{path}, Options{}); !errors.As(err, &bad) || !strings.Contains(bad.Bad[0].Reason, c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
	for _, h := range []string{"\x00\x00\x00\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00", "\x00\x00\x00\x02\x00\x00\x00\x02\x08\x05\x00\x00\x00", "\x02\x00\x00\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00"} {
		if r, err := repairPNG(chunked(chunk("IHDR", h, true), pixels)); err == nil {
			r.Close()
			t.Errorf("header %x is repaired", h)
		}
	}
	if _, err := decodeFormat(t.Context(), pictureHead{format: "XPM"}, nil); err == nil || !strings.Contains(err.Error(), "no decoder for XPM") {
		t.Errorf("a format without a decoder: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	h := pictureHead{format: formatPNG}
	if err := h.explain(fmt.Errorf("png: %w", ended.Err())); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("a context that ended is %v", err)
	}
}

// An interlaced picture is read, and repaired, with passes that have no pixels.
func TestInterlaced(t *testing.T) {
	head := pngChunk{name: "IHDR", data: []byte("\x00\x00\x00\x02\x00\x00\x00\x01\x08\x00\x00\x00\x01"), whole: true}
	// Of 2x1 pixels the first is pass 1's and the second pass 6's; a row begins with its filter.
	// One stored block of zlib's.
	raw := []byte{0, 40, 0, 200}
	z := append([]byte{0x78, 0x01, 1, 4, 0, 0xfb, 0xff}, raw...)
	z = binary.BigEndian.AppendUint32(z, 0x0000_0000) // no good checksum
	for name, sum := range map[string]uint32{"whole": adler(raw), "damaged": 0} {
		dir := t.TempDir()
		binary.BigEndian.PutUint32(z[len(z)-4:], sum)
		write(t, dir, "a.png", chunked(head, pngChunk{name: "IDAT", data: bytes.Clone(z), whole: true}, pngChunk{name: "IEND", whole: true}))
		d, notes := loaded(t, dir, Options{})
		if !slices.Equal(d.Pix, []uint8{40, 200}) || strings.Contains(notes, "all pixels are there") != (sum == 0) {
			t.Errorf("%s: %v, notes %q", name, d.Pix, notes)
		}
	}
}

func adler(p []byte) uint32 {
	a, b := uint32(1), uint32(0)
	for _, v := range p {
		a = (a + uint32(v)) % 65521
		b = (b + a) % 65521
	}
	return b<<16 | a
}

// A WebP's metadata that end behind the file are no orientation.
func TestDamagedWebPMetadata(t *testing.T) {
	p := []byte("RIFF\x20\x00\x00\x00WEBPEXIF\xff\x00\x00\x00II*\x00")
	if o := orientationOf(formatWebP, p); o != 1 {
		t.Errorf("orientation %d", o)
	}
}

// LoadPictures reads the files it is given, and says which it cannot.
func TestLoadPictures(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, dir, "a.png", pngOf(t, grayOf(2, 1, 3, 4))), write(t, dir, "b.txt", pngOf(t, grayOf(2, 1, 5, 6)))
	d, err := LoadPictures(t.Context(), []string{b, a}, Options{})
	if err != nil || d.N != 2 || !slices.Equal(d.Pix, []uint8{5, 6, 3, 4}) {
		t.Errorf("%+v, %v", d, err)
	}
	for name, c := range map[string]struct {
		paths []string
		o     Options
		want  error
		says  string
	}{
		"none":          {nil, Options{}, ErrNotFound, "no pictures"},
		"missing":       {[]string{a, filepath.Join(dir, "none.png")}, Options{}, os.ErrNotExist, "none.png"},
		"device":        {[]string{os.DevNull}, Options{}, ErrNotFile, "a device"},
		"split":         {[]string{a}, Options{Split: "other"}, nil, `split "other"`},
		"white":         {[]string{a}, Options{White: -1}, nil, "white -1, want 1 to 65535"},
		"memory":        {[]string{a}, Options{MaxRAM: -1}, nil, "memory of -1 bytes"},
		"behind a file": {[]string{filepath.Join(a, "b.png")}, Options{}, nil, "b.png"},
	} {
		if _, err := LoadPictures(t.Context(), c.paths, c.o); err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(a, "below"), Options{}); err == nil || errors.Is(err, ErrNotFound) && !strings.Contains(err.Error(), "below") {
		t.Errorf("a folder in a file: %v", err)
	}
}

// Lists of what was left out are long no matter how much was.
func TestManyLeftOut(t *testing.T) {
	dir := tree(t, "a.png")
	for i := range mostNamed + 3 {
		if err := os.Symlink("nowhere", filepath.Join(dir, fmt.Sprintf("gone%02d.png", i))); err != nil {
			t.Skip(err)
		}
		write(t, dir, fmt.Sprintf("b.kind%02d", i), nil)
	}
	d, notes := loaded(t, dir, Options{})
	if d.N != 1 || !strings.Contains(notes, "\n3 more are left out") || !strings.Contains(notes, "and 3 more kinds") {
		t.Errorf("%d images, notes %q", d.N, notes)
	}
	dir = t.TempDir()
	whole := pngOf(t, grayOf(1, 1, 9))
	for i := range mostNamed + 2 {
		write(t, dir, fmt.Sprintf("%02d.png", i), whole[:len(whole)-12])
	}
	if d, notes = loaded(t, dir, Options{}); d.N != mostNamed+2 || !strings.Contains(notes, "2 more are damaged likewise") {
		t.Errorf("%d images, notes %q", d.N, notes)
	}
}

// A large picture is decoded, and its memory given back, before the next.
func TestLargePicture(t *testing.T) {
	if testing.Short() {
		t.Skip("16 MiB of pixels")
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, flat(2100, 2100, color.NRGBA{10, 200, 30, 40})); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "a.png", b.Bytes())
	write(t, dir, "b.png", b.Bytes())
	d, _ := loaded(t, dir, Options{Size: 1, Channels: 3})
	if d.N != 2 || !slices.Equal(d.Pix[:3], d.Pix[3:]) {
		t.Errorf("%+v", d.Pix)
	}
}

// A file of the cache whose checksum is right though its contents disagree is no set.
func TestDisagreeingCache(t *testing.T) {
	file := func(head string, length int, pix int) []byte {
		p := binary.LittleEndian.AppendUint32([]byte(cacheFormat), uint32(length))
		p = append(append(p, head...), make([]byte, pix)...)
		sum := sha256.Sum256(p)
		return append(p, sum[:]...)
	}
	good := `{"N":2,"H":1,"W":3,"C":1,"Labels":[0,1]}`
	if d, _ := decodeCached(file(good, len(good), 6)); d == nil || d.N != 2 {
		t.Fatalf("the whole file: %+v", d)
	}
	for name, p := range map[string][]byte{
		"head beyond the file": file(good, 999, 6),
		"no JSON":              file(good, len(good)-1, 6),
		"pixels missing":       file(good, len(good), 5),
		"size":                 file(strings.Replace(good, `"H":1`, `"H":0`, 1), len(good), 6),
		"labels missing":       file(strings.Replace(good, `[0,1]`, `[0]  `, 1), len(good), 6),
	} {
		if d, _ := decodeCached(p); d != nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// failingWriter fails at its nth write.
type failingWriter struct{ left int }

var errWrite = errors.New("no space left")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errWrite
	}
	return len(p), nil
}

func TestWriteIDXErrors(t *testing.T) {
	for n := range 2 {
		if err := WriteIDX(&failingWriter{n}, ramp(6), 2, 3); !errors.Is(err, errWrite) {
			t.Errorf("write %d fails: %v", n, err)
		}
	}
	for name, dims := range map[string][]int{"none of an axis": {6, 0}, "other data": {5}, "too many": {1, 1, 1, 1, 1, 1, 1, 1, 6}} {
		func() {
			defer func() {
				if r := recover(); r == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			_ = WriteIDX(io.Discard, ramp(6), dims...)
		}()
	}
}

// Files of labels and images that fail while they are read.
func TestIDXReadErrors(t *testing.T) {
	l, err := newLoader(t.Context(), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole := idxFile(t, ramp(4), 1, 2, 2)
	errDisk := errors.New("input/output error")
	for cut := range len(whole) {
		r := io.MultiReader(bytes.NewReader(whole[:cut]), iotest.ErrReader(errDisk))
		if _, _, err := l.readIDX("x", r, int64(len(whole))); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "x") {
			t.Errorf("failing at %d: %v", cut, err)
		}
	}
	dir := t.TempDir()
	images := write(t, dir, "train-images-idx3-ubyte", whole)
	labels := idxFile(t, []uint8{7}, 1)
	for cut := range len(labels) {
		write(t, dir, "train-labels-idx1-ubyte", labels[:cut])
		d, notes, err := load(t, dir, Options{})
		if err != nil || d.Labels != nil || !strings.Contains(notes, "train-labels-idx1-ubyte") {
			t.Errorf("labels cut to %d: %+v, notes %q, %v", cut, d, notes, err)
		}
		if _, err := Open(images, Options{NeedLabels: true}); err == nil || !strings.Contains(err.Error(), "train-labels-idx1-ubyte") {
			t.Errorf("labels cut to %d, which are needed: %v", cut, err)
		}
	}
	if _, err := Open(images, Options{Size: math.MaxInt16, Channels: 3, MaxRAM: 1 << 20}); err == nil {
		t.Error("3 GiB fit 1 MiB")
	}
	write(t, dir, "train-labels-idx1-ubyte", labels)
	t.Setenv("GANTINY_DATA", filepath.Dir(dir))
	if err := os.Rename(dir, filepath.Join(filepath.Dir(dir), "fashion-mnist")); err != nil {
		t.Fatal(err)
	}
	if d, err := Open("fashion", Options{}); err != nil || !slices.Equal(d.Labels, []int32{7}) || !slices.Equal(d.Classes, fashionClasses) {
		t.Errorf("fashion: %+v, %v", d, err)
	}
}
