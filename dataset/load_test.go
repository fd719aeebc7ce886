package dataset

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Ink on transparency is seen: the ground is white, or what was asked for.
func TestBackground(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2)) // black ink: none, a half, all; and white ink
	img.Pix[7], img.Pix[11] = 0x80, 0xff
	copy(img.Pix[12:], []uint8{255, 255, 255, 255})
	dir := t.TempDir()
	write(t, dir, "a.png", pngOf(t, img))
	d, notes := loaded(t, dir, Options{})
	if !slices.Equal(d.Pix, []uint8{255, 127, 0, 255}) || !strings.Contains(notes, "transparent in places: 1 of 1; they lie on #ffffff") {
		t.Errorf("on white: %v, notes %q", d.Pix, notes)
	}
	if d, _ = loaded(t, dir, Options{Background: color.Black}); !slices.Equal(d.Pix, []uint8{0, 0, 0, 255}) {
		t.Errorf("on black: %v", d.Pix)
	}
	d, _ = loaded(t, dir, Options{Channels: 3, Background: color.RGBA{200, 100, 0, 255}})
	if want := []uint8{200, 100, 0, 100, 50, 0, 0, 0, 0, 255, 255, 255}; !slices.Equal(d.Pix, want) {
		t.Errorf("on orange: %v, want %v", d.Pix, want)
	}
	if _, err := Open(dir, Options{Background: color.Transparent}); err == nil {
		t.Error("a transparent ground")
	}
	// Where the ground hides all ink, a note says so.
	write(t, dir, "a.png", pngOf(t, flat(3, 3, color.NRGBA{255, 255, 255, 9})))
	if _, notes = loaded(t, dir, Options{}); !strings.Contains(notes, "pictures of one color all over: 1 of 1") {
		t.Errorf("hidden ink: notes %q", notes)
	}
}

func gray16(values ...uint16) image.Image {
	img := image.NewGray16(image.Rect(0, 0, len(values), 1))
	for x, v := range values {
		img.SetGray16(x, 0, color.Gray16{Y: v})
	}
	return img
}

// Pictures of 16 bits that use only the lowest of them are stretched, all by the same factor.
func TestSixteenBits(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", pngOf(t, gray16(0, 1000, 2048)))
	write(t, dir, "b.png", pngOf(t, gray16(16, 3000, 4095)))
	write(t, dir, "c.png", pngOf(t, grayOf(3, 1, 0, 100, 200))) // 8 bits: as it is
	d, notes := loaded(t, dir, Options{})
	if want := []uint8{0, 62, 128, 1, 187, 255, 0, 100, 200}; !slices.Equal(d.Pix, want) || !strings.Contains(notes, "no value of the 2 pictures of 16 bits is above 4095: 4095 is taken for white") {
		t.Errorf("12 bits: %v, want %v, notes %q", d.Pix, want, notes)
	}
	if d, _ = loaded(t, dir, Options{White: 65535}); !slices.Equal(d.Pix, []uint8{0, 4, 8, 0, 12, 16, 0, 100, 200}) {
		t.Errorf("white is 65535: %v", d.Pix)
	}
	if d, _ = loaded(t, dir, Options{White: 2048}); !slices.Equal(d.Pix, []uint8{0, 125, 255, 2, 255, 255, 0, 100, 200}) {
		t.Errorf("white is 2048: %v", d.Pix)
	}
	write(t, dir, "b.png", pngOf(t, gray16(0, 30000, 65535)))
	if d, notes = loaded(t, dir, Options{}); !slices.Equal(d.Pix[:6], []uint8{0, 4, 8, 0, 117, 255}) || notes != "reading 3 pictures" {
		t.Errorf("16 bits: %v, notes %q", d.Pix, notes)
	}
	// Colors are stretched, alpha is not, with and without premultiplication.
	n := &image.NRGBA64{Pix: []uint8{0x0f, 0xff, 0x08, 0, 0, 0, 0x80, 0x80}, Stride: 8, Rect: image.Rect(0, 0, 1, 1)}
	if got := narrow16(n, 4095).(*image.NRGBA).Pix; !slices.Equal(got, []uint8{255, 128, 0, 128}) {
		t.Errorf("NRGBA64: %v", got)
	}
	r := &image.RGBA64{Pix: []uint8{0x0f, 0xff, 0x04, 0, 0, 0, 0x80, 0x80}, Stride: 8, Rect: image.Rect(0, 0, 1, 1)}
	if got := narrow16(r, 4095).(*image.RGBA).Pix; !slices.Equal(got, []uint8{128, 64, 0, 128}) {
		t.Errorf("RGBA64: %v", got)
	}
	for largest, want := range map[int]int{0: 65535, 1: 255, 255: 255, 256: 1023, 4095: 4095, 4096: 16383, 16384: 65535} {
		if got := likelyWhite(largest); got != want {
			t.Errorf("largest %d: white %d, want %d", largest, got, want)
		}
	}
}

// More than 256 classes load, with their numbers.
func TestManyClasses(t *testing.T) {
	dir := t.TempDir()
	p := pngOf(t, grayOf(1, 1, 9))
	for i := range 300 {
		write(t, dir, fmt.Sprintf("%03d/a.png", i), p)
	}
	d, _ := loaded(t, dir, Options{})
	if d.N != 300 || len(d.Classes) != 300 || d.Labels[299] != 299 || d.Classes[257] != "257" {
		t.Errorf("%d images, %d classes, labels %v", d.N, len(d.Classes), d.Labels)
	}
}

// Labels that cannot be used are no obstacle, unless they are needed.
func TestWrongLabels(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train-images-idx3-ubyte", idxFile(t, ramp(12), 1, 4, 3))
	if _, err := Open(dir, Options{NeedLabels: true}); !errors.Is(err, ErrLabels) {
		t.Errorf("no labels: %v", err)
	}
	write(t, dir, "train-labels-idx1-ubyte", idxFile(t, ramp(2), 2))
	d, notes := loaded(t, dir, Options{})
	if d.N != 1 || d.Labels != nil || !strings.Contains(notes, "no labels are used: "+filepath.Join(dir, "train-labels-idx1-ubyte")+": byte 4: bad IDX file: 2 labels, want 1") {
		t.Errorf("wrong labels: %+v, notes %q", d, notes)
	}
	if _, err := Open(dir, Options{NeedLabels: true}); !errors.Is(err, ErrLabels) || !errors.Is(err, ErrFormat) {
		t.Errorf("wrong labels that are needed: %v", err)
	}
}

// EMNIST's files hold rows as columns; their name says whose they are.
func TestTranspose(t *testing.T) {
	dir := t.TempDir()
	pix := []uint8{1, 2, 3, 4, 5, 6, 7, 8}
	turned := []uint8{1, 3, 2, 4, 5, 7, 6, 8}
	emnist := write(t, dir, "emnist-letters-train-images-idx3-ubyte", idxFile(t, pix, 2, 2, 2))
	write(t, dir, "emnist-letters-train-labels-idx1-ubyte", idxFile(t, []uint8{3, 4}, 2))
	other := write(t, t.TempDir(), "train-images-idx3-ubyte", idxFile(t, pix, 2, 2, 2))
	for _, c := range []struct {
		spec string
		how  Choice
		want []uint8
	}{
		{emnist, Auto, turned}, {emnist, No, pix}, {emnist, Yes, turned}, {dir, Auto, turned}, {other, Auto, pix}, {other, Yes, turned},
	} {
		d, notes := loaded(t, c.spec, Options{Transpose: c.how})
		said := strings.Contains(notes, "EMNIST")
		if !slices.Equal(d.Pix, c.want) || said != (c.how == Auto && c.spec != other) {
			t.Errorf("%s, %d: %v, notes %q", c.spec, c.how, d.Pix, notes)
		}
		if c.spec != other && !slices.Equal(d.Labels, []int32{3, 4}) {
			t.Errorf("%s: labels %v", c.spec, d.Labels)
		}
	}
	wide := write(t, t.TempDir(), "x-images-idx3", idxFile(t, []uint8{1, 2, 3, 4, 5, 6}, 1, 2, 3))
	if d, _ := loaded(t, wide, Options{Transpose: Yes}); d.H != 3 || d.W != 2 || !slices.Equal(d.Pix, []uint8{1, 4, 2, 5, 3, 6}) {
		t.Errorf("2x3: %+v", d)
	}
	write(t, dir, "emnist-digits-train-images-idx3-ubyte", idxFile(t, pix, 2, 2, 2))
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "emnist-digits-train-images-idx3-ubyte, emnist-letters") {
		t.Errorf("two sets: %v", err)
	}
}

// Loading ends with its context, and reports how far it is.
func TestLoadStops(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		write(t, dir, fmt.Sprintf("%02d.png", i), pngOf(t, grayOf(1, 1, 9)))
	}
	var seen []int
	d, err := Load(t.Context(), dir, Options{Progress: func(done, total int) {
		if total != 50 {
			t.Errorf("%d of %d", done, total)
		}
		seen = append(seen, done)
	}})
	if err != nil || d.N != 50 || len(seen) != 50 || !slices.IsSorted(seen) || seen[49] != 50 {
		t.Errorf("progress %v, %v", seen, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	most := 0
	_, err = Load(ctx, dir, Options{Progress: func(done, _ int) {
		if most = done; done == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || most > 3+mostOpen || most == 50 {
		t.Errorf("stopped at 3: %d were read, %v", most, err)
	}
	// Within a picture, too.
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	p := pngOf(t, grayOf(64, 64, ramp(64*64)...))
	if _, err := decodePicture(ctx, pictureHead{format: formatPNG, w: 64, h: 64, size: int64(len(p))}, p); !errors.Is(err, context.Canceled) {
		t.Errorf("within a picture: %v", err)
	}
	for _, spec := range []string{"digits", dir, write(t, t.TempDir(), "x", idxFile(t, ramp(4), 1, 2, 2))} {
		if _, err := Load(ctx, spec, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// heavy fills dir with n small pictures in files of more than a megabyte, in classes, that were not
// changed lately.
func heavy(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		p := append(pngOf(t, grayOf(8, 8, ramp(64 + i)[i:]...)), make([]byte, 5<<18)...)
		path := write(t, dir, fmt.Sprintf("%d/a.png", i), p)
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
}

// A set that was converted before comes from the cache: the same images, labels and notes.
func TestCache(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "sets")
	heavy(t, dir, 7)
	o := Options{Size: 8, CacheDir: cache}
	kept := func() []string {
		files, _ := filepath.Glob(filepath.Join(cache, "*")) // a good pattern
		return files
	}
	first, notes := loaded(t, dir, o)
	if files := kept(); len(files) != 1 || strings.Contains(notes, "as they were read before") {
		t.Fatalf("kept %v, notes %q", files, notes)
	}
	same := func(name string, o Options, fromCache bool) {
		t.Helper()
		d, notes := loaded(t, dir, o)
		if d.SHA256 != first.SHA256 || !slices.Equal(d.Labels, first.Labels) || !slices.Equal(d.Classes, first.Classes) || d.Name != first.Name {
			t.Errorf("%s: %+v", name, d)
		}
		if strings.Contains(notes, "as they were read before") != fromCache {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
	same("again", o, true)
	same("no cache", Options{Size: 8}, false)
	for name, damage := range map[string]func(p []byte) []byte{
		"a bit":  func(p []byte) []byte { p[len(p)/2] ^= 1; return p },
		"cut":    func(p []byte) []byte { return p[:len(p)-1] },
		"empty":  func(p []byte) []byte { return nil },
		"header": func(p []byte) []byte { p[len(cacheFormat)+3] = 0xff; return p },
	} {
		p, err := os.ReadFile(kept()[0])
		if err != nil {
			t.Fatal(err)
		}
		write(t, cache, filepath.Base(kept()[0]), damage(p))
		same(name, o, false)
		same(name+", written again", o, true)
	}
	// What the pixels depend on makes another file.
	for name, other := range map[string]Options{"size": {Size: 9}, "RGB": {Size: 8, Channels: 3}, "alpha": {Size: 8, Channels: 4}, "no alpha": {Size: 8, Channels: 4, Background: color.White}, "ground": {Size: 8, Background: color.Black}, "white": {Size: 8, White: 4095}} {
		before := len(kept())
		other.CacheDir = cache
		if _, notes := loaded(t, dir, other); len(kept()) != before+1 || strings.Contains(notes, "as they were") {
			t.Errorf("another %s: %d files, notes %q", name, len(kept()), notes)
		}
	}
	path := filepath.Join(dir, "3/a.png")
	checkTouched(t, path, kept, func(name string) { same(name, o, false) })
	checkTrim(t, cache, kept)
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	o.CacheDir = path // no folder: a cache that cannot be written is no reason to fail
	if _, notes := loaded(t, dir, o); !strings.Contains(notes, "not kept") {
		t.Errorf("no folder: notes %q", notes)
	}
}

// checkTouched: a set of which a picture has another date is read anew, by read, and is not kept
// while it may still change.
func checkTouched(t *testing.T, path string, kept func() []string, read func(name string)) {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	read("touched")
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	before := len(kept())
	if read("just changed"); len(kept()) != before {
		t.Error("a set that may still change was kept")
	}
}

// checkTrim makes a cache as small as its newest file: those used least recently go.
func checkTrim(t *testing.T, cache string, kept func() []string) {
	t.Helper()
	files := kept()
	slices.SortFunc(files, func(a, b string) int {
		x, _ := os.Stat(a)
		y, _ := os.Stat(b)
		return x.ModTime().Compare(y.ModTime())
	})
	last, err := os.Stat(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := trim(cache, last.Size()); err != nil {
		t.Fatal(err)
	}
	if left := kept(); !slices.Equal(left, files[len(files)-1:]) {
		t.Errorf("left %v of %v", left, files)
	}
}

// What a picture or a file needs is compared with what it may take, and said.
func TestMemoryLimits(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", pngOf(t, grayOf(400, 300, ramp(400*300)...)))
	_, _, err := load(t, dir, Options{Size: 4, MaxRAM: 50 << 10})
	if !errors.Is(err, ErrMemory) || !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), "a.png: PNG of 400x300 pixels: needs more memory: ") || !strings.Contains(err.Error(), " KiB, and may take 50 KiB") {
		t.Errorf("one picture: %v", err)
	}
	if _, _, err = load(t, dir, Options{Size: 4, MaxRAM: 140 << 10}); err != nil {
		t.Errorf("with 140 KiB: %v", err)
	}
	if _, _, err = load(t, dir, Options{MaxRAM: 100 << 10}); !errors.Is(err, ErrMemory) || errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), "1 image of 300x400x1: needs more memory: 118 KiB, and may take 100 KiB") {
		t.Errorf("the images: %v", err)
	}
	// 16 images of 2^28 pixels are 2^32 bytes, which 32 bits cannot count.
	d := &Dataset{N: 16, H: 1 << 14, W: 1 << 14, C: 1}
	l, err := newLoader(t.Context(), "", Options{Size: 1 << 14, Channels: 3, MaxRAM: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.convert(d); err == nil {
		t.Error("16 images of 2^28 pixels fit 1 GiB")
	}
	// A PNG of 8192 x 8192 transparent pixels of 64 bits has half a megabyte, and one that only
	// says so a few bytes.
	head := append([]byte{0, 0, 0x20, 0, 0, 0, 0x20, 0, 16, 6}, 0, 0, 0)
	claim := chunked(pngChunk{name: "IHDR", data: head, whole: true}, pngChunk{name: "IDAT", data: []byte("x"), whole: true})
	bomb := chunked(pngChunk{name: "IHDR", data: head, whole: true}, pngChunk{name: "IDAT", data: make([]byte, 521000), whole: true})
	dir = t.TempDir()
	write(t, dir, "claim.png", claim)
	write(t, dir, "bomb.png", bomb)
	var bad *PicturesError
	if _, _, err := load(t, dir, Options{Size: 4}); !errors.As(err, &bad) || len(bad.Bad) != 2 ||
		!strings.Contains(bad.Bad[0].Reason, "needs more memory: 513 MiB, and may take 256 MiB") || bad.Bad[1].Reason != "PNG cut short: 46 bytes cannot hold 8192x8192 pixels" {
		t.Errorf("bombs: %+v", bad)
	}
	// Likewise a gzip file: 200 MB that shrank to a thousandth, and a header that promises more
	// than any file of that size holds.
	for _, c := range []struct {
		images     byte // times 2^24
		size, need int64
		want       string
	}{
		{12, 200 << 10, 384 << 20, "x.gz: needs more memory: 385 MiB, and may take 256 MiB"},
		{12, 100 << 10, 0, "cannot hold them"},
	} {
		plain := idxFile(t, ramp(1), 1, 1, 1)
		plain[4] = c.images
		file := zipped(t, plain)
		file = append(file, make([]byte, c.size-int64(len(file)))...)
		if _, err := Open(write(t, dir, "x.gz", file), Options{}); err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrMemory) != (c.need > 0) {
			t.Errorf("gzip of %d bytes: %v", c.size, err)
		}
	}
}

// Memory is taken by several at a time, but never more than there is.
func TestBudget(t *testing.T) {
	b := newBudget(100)
	if err := each(t.Context(), 64, func(i int) error {
		n := int64(1 + i*3%100)
		if err := b.take(t.Context(), n); err != nil {
			return err
		}
		b.mu.Lock()
		if b.free < 0 {
			t.Errorf("%d bytes free", b.free)
		}
		b.mu.Unlock()
		b.give(n)
		return nil
	}); err != nil || b.free != 100 {
		t.Errorf("%d free, %v", b.free, err)
	}
	if err := b.take(t.Context(), 60); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.take(ctx, 41) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || b.free != 40 {
		t.Errorf("waiting ends with %v, %d free", err, b.free)
	}
}
