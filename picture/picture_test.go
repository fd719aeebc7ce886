package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/draw"
)

func TestGridGray(t *testing.T) {
	// Three images of 2x1 in two columns.
	img, ok := Grid([]uint8{1, 2, 3, 4, 5, 6}, 2, 1, 1, 2).(*image.Gray)
	if !ok {
		t.Fatal("no gray image")
	}
	if img.Rect != image.Rect(0, 0, 2, 4) || !slices.Equal(img.Pix, []uint8{1, 3, 2, 4, 5, 0, 6, 0}) {
		t.Errorf("%v %v", img.Rect, img.Pix)
	}
	img = GridMargin([]uint8{1, 2, 3, 4}, 1, 2, 1, 1, 1).(*image.Gray)
	want := []uint8{
		0, 0, 0, 0,
		0, 1, 2, 0,
		0, 0, 0, 0,
		0, 3, 4, 0,
		0, 0, 0, 0,
	}
	if img.Rect != image.Rect(0, 0, 4, 5) || !slices.Equal(img.Pix, want) {
		t.Errorf("with a margin: %v %v", img.Rect, img.Pix)
	}
	// Fewer images than columns make a narrow grid.
	if r := Grid([]uint8{1, 2}, 1, 1, 1, 9).Bounds(); r != image.Rect(0, 0, 2, 1) {
		t.Errorf("two images in nine columns: %v", r)
	}
}

func TestGridRGB(t *testing.T) {
	img := GridMargin([]uint8{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 1, 3, 2, 1)
	if img.Bounds() != image.Rect(0, 0, 5, 5) {
		t.Fatalf("bounds %v", img.Bounds())
	}
	for at, want := range map[image.Point]color.RGBA{
		{X: 1, Y: 1}: {1, 2, 3, 255}, {X: 3, Y: 1}: {4, 5, 6, 255}, {X: 1, Y: 3}: {7, 8, 9, 255},
		{X: 0, Y: 0}: {0, 0, 0, 255}, {X: 3, Y: 3}: {0, 0, 0, 255},
	} {
		if got := img.At(at.X, at.Y); got != want {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
}

// Two channels are gray and alpha, four RGB and alpha; around the images there is nothing.
func TestGridAlpha(t *testing.T) {
	two := GridMargin([]uint8{9, 100, 7, 0}, 1, 1, 2, 2, 1).(*image.NRGBA)
	four := GridMargin([]uint8{1, 2, 3, 100, 5, 6, 7, 255}, 1, 1, 4, 2, 1).(*image.NRGBA)
	for _, c := range []struct {
		img         *image.NRGBA
		left, right color.NRGBA
	}{{two, color.NRGBA{9, 9, 9, 100}, color.NRGBA{7, 7, 7, 0}}, {four, color.NRGBA{1, 2, 3, 100}, color.NRGBA{5, 6, 7, 255}}} {
		if c.img.Rect != image.Rect(0, 0, 5, 3) || c.img.NRGBAAt(1, 1) != c.left || c.img.NRGBAAt(3, 1) != c.right || c.img.NRGBAAt(2, 1) != (color.NRGBA{}) {
			t.Errorf("%v: %v", c.img.Rect, c.img.Pix)
		}
	}
}

func TestGridPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no image":      func() { Grid(nil, 2, 2, 1, 1) },
		"half an image": func() { Grid(make([]uint8, 6), 2, 2, 1, 1) },
		"five channels": func() { Grid(make([]uint8, 20), 2, 2, 5, 1) },
		"no columns":    func() { Grid(make([]uint8, 4), 2, 2, 1, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestWritePNG(t *testing.T) {
	for _, c := range []int{1, 2, 3, 4} {
		pix := make([]uint8, 4*5*6*c)
		for i := range pix {
			pix[i] = uint8(i * 11)
		}
		img := Grid(pix, 5, 6, c, 2)
		var b bytes.Buffer
		if err := WritePNG(&b, img); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if got.ColorModel() != img.ColorModel() {
			t.Errorf("%d channels: not the same kind of picture", c)
		}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if got.At(x, y) != img.At(x, y) {
					t.Fatalf("%d channels: at %d,%d %v, want %v", c, x, y, got.At(x, y), img.At(x, y))
				}
			}
		}
	}
}

// A picture whose alpha is 255 all over has a file of the kind that others of its model have, and
// can be a frame beside them.
func TestWritePNGOpaque(t *testing.T) {
	opaque, half := image.NewNRGBA(image.Rect(0, 0, 2, 2)), image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i := range opaque.Pix {
		opaque.Pix[i], half.Pix[i] = 255, 128
	}
	for _, img := range []image.Image{opaque, half} {
		var b bytes.Buffer
		if err := WritePNG(&b, img); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if n, ok := got.(*image.NRGBA); err != nil || !ok || n.At(1, 1) != img.At(1, 1) {
			t.Errorf("%T %v", got, err)
		}
	}
	if err := WriteAPNG(&bytes.Buffer{}, []image.Image{half, opaque, half}, 8); err != nil {
		t.Error(err)
	}
}

func TestWriteGIF(t *testing.T) {
	pix := make([]uint8, 3*256)
	for i := range pix {
		pix[i] = uint8(i*5 + i/256)
	}
	var frames []image.Image
	for i := range 3 {
		frames = append(frames, Grid(pix[256*i:256*(i+1)], 16, 16, 1, 1))
	}
	// A window into a larger image, too.
	frames = append(frames, Grid(pix, 16, 16, 1, 3).(*image.Gray).SubImage(image.Rect(16, 0, 32, 16)))
	var b bytes.Buffer
	if err := WriteGIF(&b, frames, 7); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != 4 || !slices.Equal(g.Delay, []int{7, 7, 7, 7}) || g.LoopCount != 0 {
		t.Fatalf("%d frames, delays %v, loops %d", len(g.Image), g.Delay, g.LoopCount)
	}
	for i, frame := range g.Image {
		for p := range 256 {
			want := pix[256*(i%3)+p]
			if i == 3 {
				want = pix[256+p]
			}
			if r, _, _, _ := frame.At(p%16, p/16).RGBA(); uint8(r>>8) != want {
				t.Fatalf("frame %d, pixel %d: %d, want %d", i, p, r>>8, want)
			}
		}
	}

	if err := WriteGIF(&b, nil, 1); err == nil {
		t.Error("a GIF of nothing")
	}
	if err := WriteGIF(&b, []image.Image{frames[0], Grid(pix, 16, 16, 1, 3)}, 1); err == nil {
		t.Error("a GIF of two sizes")
	}
}

// Each frame of at most 256 colors keeps every pixel; with 257 they are dithered to close ones.
func TestGIFColors(t *testing.T) {
	frame := func(colors int) image.Image {
		pix := make([]uint8, 3*20*20)
		for p := range 400 {
			k := p % colors
			pix[3*p], pix[3*p+1], pix[3*p+2] = uint8(k), uint8(k*3), uint8(k/256*9)
		}
		return Grid(pix, 20, 20, 3, 1)
	}
	for _, colors := range []int{1, 2, 3, 234, 256, 257} {
		// The second frame is a window into a larger image.
		frames := []image.Image{frame(colors), frame(5)}
		large := image.NewRGBA(image.Rect(0, 0, 30, 30))
		draw.Draw(large, image.Rect(7, 3, 27, 23), frames[0], image.Point{}, draw.Src)
		frames = append(frames, large.SubImage(image.Rect(7, 3, 27, 23)))
		var b bytes.Buffer
		if err := WriteGIF(&b, frames, 1); err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(&b)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range frames {
			at := f.Bounds().Min
			differ := 0
			for p := range 400 {
				got := color.RGBAModel.Convert(g.Image[i].At(p%20, p/20))
				if got != f.At(at.X+p%20, at.Y+p/20) {
					differ++
				}
			}
			if exact := colors <= 256 || i == 1; exact != (differ == 0) {
				t.Errorf("%d colors, frame %d: %d pixels differ", colors, i, differ)
			}
		}
	}
}

// A GIF leaves out what is less than half opaque, keeps the colors of the rest as far as there is
// room for them, and shows no frame through another.
func TestGIFAlpha(t *testing.T) {
	frame := func(colors int) *image.NRGBA {
		img := image.NewNRGBA(image.Rect(0, 0, 20, 20))
		for p := range 400 {
			k := p % colors
			img.SetNRGBA(p%20, p/20, color.NRGBA{uint8(k), uint8(k * 3), uint8(k / 256 * 9), []uint8{255, 128, 127, 0}[p/2%4]})
		}
		return img
	}
	for _, colors := range []int{3, 255, 397} {
		img := frame(colors) // of 397 colors 199 are seen
		var b bytes.Buffer
		if err := WriteGIF(&b, []image.Image{img, img}, 1); err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(&b)
		if err != nil {
			t.Fatal(err)
		}
		checkGIFAlpha(t, g, img, true)
	}
	many := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	for p := range 400 {
		many.SetNRGBA(p%20, p/20, color.NRGBA{uint8(p), uint8(p / 2), uint8(p / 256 * 255), 255})
	}
	many.SetNRGBA(7, 7, color.NRGBA{})
	var b bytes.Buffer
	if err := WriteGIF(&b, []image.Image{many}, 1); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	checkGIFAlpha(t, g, many, false)
}

// checkGIFAlpha holds every frame to one image.
func checkGIFAlpha(t *testing.T, g *gif.GIF, img *image.NRGBA, exact bool) {
	t.Helper()
	for i, f := range g.Image {
		if g.Disposal[i] != gif.DisposalBackground {
			t.Errorf("frame %d stays below the next", i)
		}
		for p := range img.Rect.Dx() * img.Rect.Dy() {
			x, y := p%img.Rect.Dx(), p/img.Rect.Dx()
			got, want := color.NRGBAModel.Convert(f.At(x, y)).(color.NRGBA), img.NRGBAAt(x, y)
			if want.A >= 128 {
				want.A = 255
			} else {
				want = color.NRGBA{}
			}
			if got.A != want.A || exact && got != want {
				t.Fatalf("frame %d at %d,%d: %v, want %v", i, x, y, got, want)
			}
		}
	}
}

func drawn(t *testing.T, img image.Image, o Text) string {
	t.Helper()
	var b strings.Builder
	if err := Terminal(&b, img, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminal(t *testing.T) {
	// Two columns and three rows.
	gray := Grid([]uint8{0, 0, 255, 255, 128, 128}, 3, 2, 1, 1)
	rgb := Grid([]uint8{255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 255, 0}, 2, 2, 3, 1)
	for _, c := range []struct {
		name   string
		img    image.Image
		colors Colors
		want   string
	}{
		{"gray, 24 bits", gray, TrueColor,
			"\x1b[38;2;0;0;0m\x1b[48;2;255;255;255m▀▀\x1b[0m\n\x1b[38;2;128;128;128m▀▀\x1b[0m\n"},
		{"gray, grays", gray, Gray256, "\x1b[38;5;16m\x1b[48;5;231m▀▀\x1b[0m\n\x1b[38;5;244m▀▀\x1b[0m\n"},
		{"gray, 256", gray, Palette256, "\x1b[38;5;16m\x1b[48;5;231m▀▀\x1b[0m\n\x1b[38;5;244m▀▀\x1b[0m\n"},
		{"color, 24 bits", rgb, TrueColor, "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[48;2;0;255;0m▀\x1b[0m\n"},
		{"color, 256", rgb, Palette256, "\x1b[38;5;196m\x1b[48;5;21m▀\x1b[48;5;46m▀\x1b[0m\n"},
		{"color, grays", rgb, Gray256, "\x1b[38;5;239m\x1b[48;5;234m▀\x1b[48;5;246m▀\x1b[0m\n"},
		{"plain", gray, Plain, "==\n++\n"},
	} {
		if got := drawn(t, c.img, Text{Colors: c.colors}); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

// What is transparent lies on a checkerboard of squares of four pixels; without colors, on black.
func TestTerminalAlpha(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 5, 1))
	img.SetNRGBA(1, 0, color.NRGBA{200, 100, 0, 255})
	img.SetNRGBA(2, 0, color.NRGBA{255, 255, 255, 51})
	want := "\x1b[38;2;153;153;153m▀\x1b[38;2;200;100;0m▀\x1b[38;2;173;173;173m▀\x1b[38;2;153;153;153m▀\x1b[38;2;102;102;102m▀\x1b[0m\n"
	if got := drawn(t, img, Text{}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := drawn(t, img, Text{Colors: Plain}); got != " =.  \n" {
		t.Errorf("plain: %q", got)
	}
}

func TestTerminalWidth(t *testing.T) {
	img := Grid(make([]uint8, 28*28*16), 28, 28, 1, 4) // 112 x 112
	for width, want := range map[int][2]int{200: {112, 56}, 112: {112, 56}, 0: {80, 40}, 56: {56, 28}, 1: {1, 1}} {
		lines := strings.Split(strings.TrimSuffix(drawn(t, img, Text{Width: width, Colors: Plain}), "\n"), "\n")
		if len(lines) != want[1] || len(lines[0]) != want[0] {
			t.Errorf("width %d: %d columns, %d lines, want %v", width, len(lines[0]), len(lines), want)
		}
	}
	if strings.Contains(drawn(t, img, Text{Colors: Plain}), "\x1b") {
		t.Error("plain text has control codes")
	}
}

// Each palette's choice against a search of xterm's colors.
func TestNearestColors(t *testing.T) {
	gray := map[int]int{16: 0, 231: 255}
	for i := range 24 {
		gray[232+i] = 8 + 10*i
	}
	level := []int{0, 95, 135, 175, 215, 255}
	abs := func(x int) int { return max(x, -x) }
	for v := range 256 {
		best := 255
		for _, g := range gray {
			best = min(best, abs(g-v))
		}
		if got := abs(gray[grayIndex(uint8(v))] - v); got != best {
			t.Errorf("gray %d: %d away, the nearest is %d", v, got, best)
		}
		best = 255
		for _, l := range level {
			best = min(best, abs(l-v))
		}
		if got := abs(level[cubeLevel(uint8(v))] - v); got != best {
			t.Errorf("level %d: %d away, the nearest is %d", v, got, best)
		}
	}
}
