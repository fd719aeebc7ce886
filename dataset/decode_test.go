package dataset

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// load reads dir and returns the notes with the set.
func load(t testing.TB, dir string, o Options) (*Dataset, string, error) {
	t.Helper()
	var notes []string
	o.Note = func(line string) { notes = append(notes, line) }
	d, err := Load(t.Context(), dir, o)
	return d, strings.Join(notes, "\n"), err
}

// loaded is load of what must load.
func loaded(t testing.TB, dir string, o Options) (*Dataset, string) {
	t.Helper()
	d, notes, err := load(t, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d, notes
}

// write makes dir/name a file.
func write(t testing.TB, dir, name string, p []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, p, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures that Pillow wrote have the pixels that Pillow reads, upright by their tag.
func TestPicturesOracle(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(testdata(t, "pictures.oracle")))
	files := 0
	for ; lines.Scan(); files++ {
		var name string
		var w, h, c int
		line := strings.NewReader(lines.Text())
		if _, err := fmt.Fscan(line, &name, &w, &h, &c); err != nil {
			t.Fatal(err)
		}
		want := make([]uint8, w*h*c)
		for i := range want {
			if _, err := fmt.Fscan(line, &want[i]); err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		write(t, dir, name, testdata(t, name))
		d, _ := loaded(t, dir, Options{Channels: c})
		if d.W != w || d.H != h || !slices.Equal(d.Pix, want) {
			t.Errorf("%s: %dx%d %v, want %dx%d %v", name, d.W, d.H, d.Pix, w, h, want)
		}
	}
	if files < 11 {
		t.Errorf("%d files", files)
	}
	// A JPEG is not exact: turned by 180 degrees it is close to the TIFF of the same picture.
	dir := t.TempDir()
	write(t, dir, "a.jpg", testdata(t, "turned3.jpg"))
	d, _ := loaded(t, dir, Options{Channels: 3})
	write(t, dir, "a.jpg", testdata(t, "plain.webp"))
	upright, _ := loaded(t, dir, Options{Channels: 3})
	worst := 0
	for p := range 15 {
		for c := range 3 {
			worst = max(worst, abs(int(d.Pix[3*p+c])-int(upright.Pix[3*(14-p)+c])))
		}
	}
	if worst > 12 {
		t.Errorf("the turned JPEG differs by %d", worst)
	}
}

func abs(x int) int { return max(x, -x) }

// The square is cut out of the upright picture: all eight ways to store it give the same pixels.
func TestTurnedCrop(t *testing.T) {
	const w, h = 9, 4 // cropping takes two columns on the left and three on the right
	pixel := func(x, y int) uint8 { return uint8(20*x + 3*y) }
	want := make([]uint8, h*h)
	for y := range h {
		for x := range h {
			want[y*h+x] = pixel(x+2, y)
		}
	}
	for o := orientation(1); o <= 8; o++ {
		sw, sh := w, h
		if o.turned() {
			sw, sh = h, w
		}
		img := image.NewGray(image.Rect(3, 2, 3+sw, 2+sh))
		for y := range h {
			for x := range w {
				sx, sy := o.source(x, y, sw, sh)
				img.SetGray(3+sx, 2+sy, color.Gray{Y: pixel(x, y)})
			}
		}
		got := make([]uint8, h*h)
		canvas{h: h, w: h, c: 1}.store(got, decoded{Image: img, turn: o})
		if !slices.Equal(got, want) {
			t.Errorf("orientation %d: %v, want %v", o, got, want)
		}
	}
}

func TestDamagedOrientation(t *testing.T) {
	whole := func(entry string) []byte {
		return []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry)
	}
	if o := exifOrientation(whole("\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00")); o != 6 {
		t.Fatalf("orientation %d, want 6", o)
	}
	for name, p := range map[string][]byte{
		"nothing": nil, "prefix alone": []byte("Exif\x00"), "no order": []byte("XX*\x00\x08\x00\x00\x00\x01\x00"),
		"9":            whole("\x12\x01\x03\x00\x01\x00\x00\x00\x09\x00\x00\x00"),
		"of long":      whole("\x12\x01\x04\x00\x01\x00\x00\x00\x06\x00\x00\x00"),
		"cut":          whole("\x12\x01\x03\x00\x01\x00\x00\x00\x06"),
		"far":          []byte("MM\x00*\xff\xff\xff\xff\x00\x01"),
		"other number": whole("\x13\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"),
	} {
		if o := exifOrientation(p); o != 1 {
			t.Errorf("%s: orientation %d", name, o)
		}
	}
}

// Each format is read, under whatever name: what a file holds decides.
func TestFormats(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Gray{Y: 0}, color.Gray{Y: 90}, color.Gray{Y: 255}})
	copy(img.Pix, []uint8{0, 1, 2, 2, 1, 0})
	want := []uint8{0, 90, 255, 255, 90, 0}
	encode := func(f func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	dir := t.TempDir()
	write(t, dir, "a.bmp", encode(func(b *bytes.Buffer) error { return bmp.Encode(b, img) }))
	write(t, dir, "b.TIFF", encode(func(b *bytes.Buffer) error { return tiff.Encode(b, img, &tiff.Options{Compression: tiff.Deflate}) }))
	write(t, dir, "c.gif", encode(func(b *bytes.Buffer) error {
		second := image.NewPaletted(img.Rect, img.Palette)
		return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{img, second}, Delay: []int{1, 1}})
	}))
	write(t, dir, "d.jpe", pngOf(t, img))
	write(t, dir, "e.jfif", pngOf(t, img))
	d, notes := loaded(t, dir, Options{})
	if d.N != 5 || notes != "reading 5 pictures" {
		t.Fatalf("%d images, notes %q", d.N, notes)
	}
	for i := range d.N {
		if !slices.Equal(d.Image(i), want) {
			t.Errorf("image %d: %v, want %v", i, d.Image(i), want)
		}
	}
	// A frame smaller than its screen lies where it belongs; around it the screen is transparent.
	dir = t.TempDir()
	small := image.NewPaletted(image.Rect(1, 1, 2, 2), img.Palette)
	write(t, dir, "a.gif", encode(func(b *bytes.Buffer) error {
		return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{small}, Delay: []int{0}, Config: image.Config{Width: 3, Height: 2}})
	}))
	if d, _ = loaded(t, dir, Options{}); !slices.Equal(d.Pix, []uint8{255, 255, 255, 255, 0, 255}) {
		t.Errorf("small frame: %v", d.Pix)
	}
}

// unreadable is a file that is no picture, and what is said of it.
type unreadable struct{ name, contents, want string }

// unreadables lists such files; good is a PNG.
func unreadables(t *testing.T, good []byte) []unreadable {
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, flat(40, 40, color.Gray{Y: 77}), nil); err != nil {
		t.Fatal(err)
	}
	sof := bytes.Index(jpg.Bytes(), []byte{0xff, 0xc0})
	patched := func(at int, b byte) []byte {
		p := bytes.Clone(jpg.Bytes())
		p[sof+at] = b
		return p
	}
	progressive := testdata(t, "progressive.jpg")
	lastScan := bytes.LastIndex(progressive, []byte{0xff, jpegSOS})
	return []unreadable{
		{"a.png", string(good[:len(good)-30]), "PNG cut short"},
		{"b.png", string(good[:20]), "PNG cut short"},
		{"c.jpg", "", "an empty file"},
		{"d.jpg", "RIFF\x01\x00\x00\x00WEBPVP8 ", "WebP cut short"},
		{"e.png", "<html>", "an HTML page"},
		{"f.png", "\x00\x00\x00\x20ftypavif", "an AVIF picture"},
		{"g.jpg", "\x00\x00\x00\x18ftypheic", "a HEIC picture"},
		{"h.jpg", string(jpg.Bytes()[:jpg.Len()-30]), "JPEG cut short"},
		{"i.jpg", string(jpg.Bytes()[:sof]), "JPEG cut short: no frame header"},
		{"j.jpg", string(patched(1, 0xc9)), "JPEG with arithmetic coding, which is not read here"},
		{"k.jpg", string(patched(4, 12)), "JPEG of 12 bits a sample, which is not read here"},
		{"l.jpg", string(patched(11, 0x31)), "JPEG of sampling factors [[3 1] [1 1] [1 1]], which is not read here"},
		{"m.jpg", string(patched(11, 0x14)), "JPEG of sampling factors [[1 4] [1 1] [1 1]], which is not read here"},
		{"n.jpg", string(patched(14, 0x21)), "JPEG of sampling factors [[2 2] [2 1] [1 1]], which is not read here"},
		{"o.webp", string(testdata(t, "animated.webp")), "damaged WebP: animated, which is not read here"},
		{"p.jpg", string(progressive[:lastScan]), "JPEG cut short"}, // whole scans, not all of them
		{"q.gif", "GIF89a\x03\x00\x03\x00", "GIF cut short"},
		{"r.png", strings.Replace(string(good), "IHDR\x00\x00\x00\x02", "IHDR\x00\x00\x01\x02", 1), "damaged PNG: invalid checksum"},
		{"s.bmp", "BM" + strings.Repeat("\x00", 60), "damaged BMP: unsupported BMP image"},
	}
}

// What cannot be read is named by what it is, all of it at once, or left out.
func TestUnreadable(t *testing.T) {
	good := pngOf(t, grayOf(2, 2, 1, 2, 3, 4))
	files := unreadables(t, good)
	dir := t.TempDir()
	write(t, dir, "0/0.png", good)
	for _, f := range files {
		write(t, dir, "1/"+f.name, []byte(f.contents))
	}
	write(t, dir, "1/z.png", good)
	_, _, err := load(t, dir, Options{Size: 2})
	var bad *PicturesError
	if !errors.As(err, &bad) || !errors.Is(err, ErrPicture) || errors.Is(err, ErrMemory) || len(bad.Bad) != len(files) || bad.Of != len(files)+2 {
		t.Fatalf("got %v", err)
	}
	for i, f := range files {
		if b := bad.Bad[i]; b.Path != filepath.Join(dir, "1", f.name) || b.Reason != f.want {
			t.Errorf("%s: %q, want %q", b.Path, b.Reason, f.want)
		}
	}
	text := err.Error()
	if !strings.HasPrefix(text, fmt.Sprintf("dataset: %d of %d pictures cannot be read:\n", len(files), len(files)+2)) ||
		!strings.Contains(text, "j.jpg: JPEG with") || strings.Contains(text, "k.jpg") || !strings.HasSuffix(text, "\n  and 9 more") {
		t.Errorf("message %q", text)
	}
	d, notes := loaded(t, dir, Options{Size: 2, SkipBad: true})
	if d.N != 2 || !slices.Equal(d.Pix, []uint8{1, 2, 3, 4, 1, 2, 3, 4}) || !slices.Equal(d.Labels, []int32{0, 1}) || !strings.Contains(notes, "left out: 19 of 21 pictures cannot be read:") {
		t.Errorf("left out: %+v, notes %q", d, notes)
	}
	// Their own size is that of the first that can be read.
	if err := os.Remove(filepath.Join(dir, "0/0.png")); err != nil {
		t.Fatal(err)
	}
	if d, _ = loaded(t, dir, Options{SkipBad: true}); d.N != 1 || d.H != 2 {
		t.Errorf("own size: %+v", d)
	}
	if err := os.Remove(filepath.Join(dir, "1/z.png")); err != nil {
		t.Fatal(err)
	}
	if _, _, err = load(t, dir, Options{SkipBad: true}); !errors.Is(err, ErrPicture) {
		t.Errorf("nothing left: %v", err)
	}
}

// chunked is a PNG of these chunks.
func chunked(chunks ...pngChunk) []byte {
	p := []byte(pngSignature)
	for _, c := range chunks {
		p = binary.BigEndian.AppendUint32(p, uint32(len(c.data)))
		p = append(append(p, c.name...), c.data...)
		sum := crc32.ChecksumIEEE(p[len(p)-len(c.data)-4:])
		if !c.whole {
			sum++
		}
		p = binary.BigEndian.AppendUint32(p, sum)
	}
	return p
}

// A PNG whose pixels are all there loads, with a warning.
func TestDamagedPNG(t *testing.T) {
	want := ramp(8 * 8)
	var chunks []pngChunk
	eachPNGChunk(pngOf(t, grayOf(8, 8, want...)), func(c pngChunk) bool { chunks = append(chunks, c); return true })
	if len(chunks) != 3 {
		t.Fatalf("%d chunks", len(chunks))
	}
	head, pixels, end := chunks[0], chunks[1], chunks[2]
	with := func(c pngChunk, change func(c *pngChunk)) pngChunk { change(&c); return c }
	noSum := func(c *pngChunk) { c.whole = false }
	other := func(name string, n int) pngChunk { return pngChunk{name: name, data: make([]byte, n), whole: true} }
	for name, c := range map[string]struct {
		file []byte
		ok   bool
	}{
		"IDAT's checksum":  {chunked(head, with(pixels, noSum), end), true},
		"IEND's checksum":  {chunked(head, pixels, with(end, noSum)), true},
		"other checksum":   {chunked(head, with(other("tEXt", 5), noSum), pixels, end), true},
		"no IEND":          {chunked(head, pixels), true},
		"no zlib checksum": {chunked(head, with(pixels, func(c *pngChunk) { c.data = c.data[:len(c.data)-4] }), end), true},
		"zlib checksum": {chunked(head, with(pixels, func(c *pngChunk) {
			c.data = bytes.Clone(c.data)
			c.data[len(c.data)-1]++
		}), end), true},
		"surplus":           {chunked(with(head, func(c *pngChunk) { c.data = slices.Concat(c.data[:7], []byte{5}, c.data[8:]) }), pixels, end), true},
		"palette in gray":   {chunked(head, other("PLTE", 6), pixels, end), true},
		"after IEND":        {append(chunked(head, pixels, end), "more"...), true},
		"pixels missing":    {chunked(head, with(pixels, func(c *pngChunk) { c.data = c.data[:len(c.data)/2] }), end), false},
		"header's checksum": {chunked(with(head, noSum), pixels, end), false},
		"no pixels":         {chunked(head, end), false},
		"cut in pixels":     {chunked(head, pixels)[:45], false},
	} {
		dir := t.TempDir()
		write(t, dir, "a.png", c.file)
		d, notes, err := load(t, dir, Options{})
		warned := strings.Contains(notes, "though all pixels are there")
		switch {
		case !c.ok && !errors.Is(err, ErrPicture):
			t.Errorf("%s: %v", name, err)
		case c.ok && (err != nil || !slices.Equal(d.Pix, want[:len(d.Pix)]) || d.W != 8 || warned != (name != "after IEND")):
			t.Errorf("%s: %+v, notes %q, %v", name, d, notes, err)
		}
	}
}

// Every kind of pixel, interlaced or not, comes through the repair of a PNG without an end.
func TestRepairKinds(t *testing.T) {
	for name, img := range map[string]image.Image{
		"paletted": func() image.Image {
			m := image.NewPaletted(image.Rect(0, 0, 7, 3), color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{9, 8, 7, 40}, color.White})
			for i := range m.Pix {
				m.Pix[i] = uint8(i % 3)
			}
			return m
		}(),
		"64 bits": func() image.Image {
			m := image.NewNRGBA64(image.Rect(0, 0, 5, 4))
			copy(m.Pix, ramp(len(m.Pix)))
			return m
		}(),
		"large": &image.Gray{Pix: ramp(300 * 300), Stride: 300, Rect: image.Rect(0, 0, 300, 300)},
	} {
		whole := pngOf(t, img)
		r, err := repairPNG(whole[:len(whole)-12])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := png.Decode(r)
		r.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, _ := png.Decode(bytes.NewReader(whole))
		for y := range want.Bounds().Dy() {
			for x := range want.Bounds().Dx() {
				if got.At(x, y) != want.At(x, y) {
					t.Fatalf("%s: at %d,%d %v, want %v", name, x, y, got.At(x, y), want.At(x, y))
				}
			}
		}
	}
	// The rows of Adam7, counted by hand: 5x5 pixels of 8 bits make passes of 1x1, 1x1, 2x1, 1x2,
	// 3x1, 2x3 and 5x2.
	head := []byte{0, 0, 0, 5, 0, 0, 0, 5, 8, 0, 0, 0, 1}
	if n, err := pngRawBytes(head); err != nil || n != 2+2+3+2*2+4+3*3+2*6 {
		t.Errorf("interlaced: %d bytes, %v", n, err)
	}
}

// A JPEG whose pixels are all there loads, with a warning.
func TestDamagedJPEG(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, flat(24, 24, color.NRGBA{200, 90, 30, 255}), nil); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	body := good[:len(good)-2]
	stray := func(segment string) []byte { return slices.Concat(good[:2], []byte(segment), good[2:]) }
	progressive := testdata(t, "progressive.jpg")
	for name, c := range map[string]struct{ file, as []byte }{
		"no EOI":                 {body, good},
		"zeros for EOI":          {slices.Concat(body, make([]byte, 50)), good},
		"zeros before EOI":       {slices.Concat(body, make([]byte, 50), good[len(good)-2:]), good},
		"unknown segment":        {stray("\xff\xf3\x00\x04ab"), good},
		"stray markers":          {stray("\xff\x01\xff\x02"), good},
		"unknown and no EOI":     {slices.Concat(good[:2], []byte("\xff\xc8\x00\x02"), body[2:]), good},
		"progressive, no EOI":    {progressive[:len(progressive)-2], progressive},
		"a second picture after": {slices.Concat(good, good), good},
	} {
		dir := t.TempDir()
		write(t, dir, "a.jpg", c.as)
		want, _ := loaded(t, dir, Options{Channels: 3})
		write(t, dir, "a.jpg", c.file)
		d, notes, err := load(t, dir, Options{Channels: 3})
		quiet := name == "zeros before EOI" || name == "a second picture after" // the decoder skips these itself
		if err != nil || d.SHA256 != want.SHA256 || strings.Contains(notes, "though all pixels are there") == quiet {
			t.Errorf("%s: notes %q, %v", name, notes, err)
		}
	}
}
