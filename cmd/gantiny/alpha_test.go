package main

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/internal/tfevents"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// alphaRun prepares runs of a few milliseconds as tinyRun does, of pictures that are half
// transparent.
func alphaRun(t *testing.T) {
	t.Helper()
	tinyRun(t)
	noisePictures(t, 2, func(r image.Rectangle) (image.Image, []uint8) {
		img := image.NewNRGBA(r)
		return img, img.Pix
	})
}

// colorType is the kind of colors that a PNG file names: 0 gray, 2 RGB, 6 RGB and alpha.
func colorType(t *testing.T, path string) byte { return readFile(t, path)[25] }

// TestQuantizedAlpha: what cannot be seen is no difference, and differences of alpha are seen.
func TestQuantizedAlpha(t *testing.T) {
	g := &grids{float: []uint8{200, 7, 90, 0, 100, 100, 100, 255, 10, 20, 30, 255}, int8: []uint8{1, 99, 255, 0, 100, 100, 100, 251, 11, 20, 30, 255}, shape: model.Shape{H: 1, W: 3, C: 4}}
	if got, want := g.difference(), []uint8{0, 0, 0, 255, 32, 32, 32, 255, 8, 0, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("shown as %v, want %v", got, want)
	}
	if d := difference(seen(g.float, 4), seen(g.int8, 4)); d.Largest != 4 {
		t.Errorf("%+v", d)
	}
	if pix := []uint8{1, 2, 3}; !slices.Equal(seen(pix, 3), pix) || !slices.Equal(seen(pix, 1), pix) {
		t.Error("pixels without alpha are others")
	}
}

// imageEvents counts the pictures of so many channels in TensorBoard's file.
func imageEvents(t *testing.T, path string, channels int) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		e, err := tfevents.Read(f)
		if err != nil {
			return n
		}
		for _, v := range e.Values {
			if v.Image != nil && v.Image.Channels == channels {
				n++
			}
		}
	}
}

// TestTrainAlpha: a run learns pictures with alpha, its grids keep it, and settings and flags say
// what transparency becomes.
func TestTrainAlpha(t *testing.T) {
	alphaRun(t)
	for _, c := range []struct {
		args  []string
		says  string
		shape string
		kind  byte
	}{
		{[]string{"--channels", "4", "--augment", "translate,cutout,color", "--tensorboard"}, "their alpha is kept", "8x8x4", 6},
		{[]string{"--channels", "2"}, "their alpha is kept", "8x8x2", 6},
		{[]string{"--channels", "4", "--background", "black"}, "they lie on #000000", "8x8x4", 6},
		{[]string{"--channels", "3"}, "they lie on #ffffff", "8x8x3", 2},
	} {
		run := strings.Join(append(c.args, "run"), " ")
		gantiny(t, append([]string{"train", "--config", "tiny.toml", "--epochs", "2", "--sample-every", "1", "--out", run, "--show"}, c.args...)...).
			want(t, exitDone, c.says, "40 images of "+c.shape)
		for epoch := 1; epoch <= 2; epoch++ {
			if kind := colorType(t, filepath.Join(run, train.SamplesDir, fmt.Sprintf("epoch-%04d.png", epoch))); kind != c.kind {
				t.Errorf("%s: the grid's colors are of kind %d, want %d", run, kind, c.kind)
			}
		}
		if report := readFile(t, filepath.Join(run, train.ReportFile)); strings.Count(report, "data:image/png") != 3 {
			t.Errorf("%s: the report has %d pictures, want two grids and an animation", run, strings.Count(report, "data:image/png"))
		}
		gantiny(t, "train", "--out", run, "--resume").want(t, exitDone, c.says)
	}
	if n := imageEvents(t, filepath.Join("--channels 4 --augment translate,cutout,color --tensorboard run", train.EventsFile), 4); n != 2 {
		t.Errorf("TensorBoard's file has %d grids with alpha, want 2", n)
	}
	gantiny(t, "train", "--config", "tiny.toml", "--channels", "5", "--out", "five").want(t, exitUsage, "channels is 5, want at most 4")
}

// TestGenerateAlpha: every kind of file takes pictures with alpha, and eval reads such data.
// checkAlpha compares the alpha of four pictures of 8x8 in a.png, a grid of two columns, and in a.gif
// with the numbers x of them.
func checkAlpha(t *testing.T, x []float32, channels int) {
	t.Helper()
	grid := readPNG(t, "a.png")
	f, err := os.Open("a.gif")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frames, err := gif.DecodeAll(f)
	if err != nil || len(frames.Image) != 4 {
		t.Fatal(err)
	}
	through := 0
	for i, frame := range frames.Image {
		for p := range 64 {
			want := int((x[(i*64+p+1)*channels-1]+1)*127.5 + 0.5) // as pixels are made of numbers
			c := color.NRGBAModel.Convert(grid.At(i%2*8+p%8, i/2*8+p/8)).(color.NRGBA)
			if d := int(c.A) - want; d < -1 || d > 1 {
				t.Fatalf("%d channels, picture %d, pixel %d: alpha %d, want %d", channels, i, p, c.A, want)
			}
			_, _, _, a := frame.At(p%8, p/8).RGBA()
			if (a == 0) != (c.A < 128) {
				t.Fatalf("%d channels, frame %d, pixel %d: opaque is %v at alpha %d", channels, i, p, a > 0, c.A)
			}
			if a == 0 {
				through++
			}
		}
	}
	if through == 0 {
		t.Error("no picture is transparent anywhere: the test tests nothing")
	}
}

func TestGenerateAlpha(t *testing.T) {
	alphaRun(t)
	for _, channels := range []int{2, 4} {
		run := fmt.Sprint("run", channels)
		gantiny(t, "train", "--config", "tiny.toml", "--epochs", "1", "--channels", fmt.Sprint(channels), "--out", run).want(t, exitDone)
		draw := func(out string, more ...string) string {
			t.Helper()
			return gantiny(t, append([]string{"generate", run, "-n", "4", "--truncation", "16", "-o", out}, more...)...).want(t, exitDone).stdout
		}
		draw("a.npy")
		x, shape, err := npy.ReadFile("a.npy")
		if err != nil || !slices.Equal(shape, []int{4, 8, 8, channels}) {
			t.Fatalf("shape %v, %v", shape, err)
		}
		if text := draw("a.png", "--show"); strings.Count(text, "\n") != 8 {
			t.Errorf("%d channels: drawn as %q", channels, text)
		}
		draw("a.apng")
		draw("dir/")
		for _, path := range []string{"a.png", "a.apng", filepath.Join("dir", "000003.png")} {
			if kind := colorType(t, path); kind != 6 {
				t.Errorf("%s: colors of kind %d, want RGB and alpha", path, kind)
			}
		}
		draw("a.gif")
		checkAlpha(t, x, channels)
		if channels == 2 {
			continue // files of four are enough for the rest
		}
		gantiny(t, "generate", run, "--count", "4", "-o", run+"-%05d.tar").want(t, exitDone)
		gantiny(t, "quantize", run, "-o", "int8.safetensors", "--calib", "16", "--report", "report"+run).want(t, exitDone)
		if pictures := strings.Count(readFile(t, filepath.Join("report"+run, "index.html")), "data:image/png"); pictures != 3 {
			t.Errorf("the report has %d pictures, want 3", pictures)
		}
		gantiny(t, "eval", run, "--data", "pictures").want(t, exitUsage, "their alpha is kept", "--classifier is missing")
		gantiny(t, "project", "pictures/00.png", "--model", run, "--invert", "--preview", "pair.png").want(t, exitDone)
	}
}
