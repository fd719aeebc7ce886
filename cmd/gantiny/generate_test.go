package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"image"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGenerateDefault(t *testing.T) {
	t.Chdir(t.TempDir())
	r := gantiny(t, "generate").want(t, exitDone, "gantiny.png: 16 images of 28x28x1")
	if r.stdout != "" {
		t.Errorf("off a terminal it prints %q", r.stdout)
	}
	if b := readPNG(t, "gantiny.png").Bounds(); b != image.Rect(0, 0, 112, 112) {
		t.Errorf("the picture is %v, want 112x112", b)
	}
	if got := files(t, "."); !slices.Equal(got, []string{"gantiny.png"}) {
		t.Errorf("it left %v", got)
	}
}

func TestGenerateJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	r := gantiny(t, "generate", "-n", "3", "--json", "-o", "three.png", "--cols", "1", "--threads", "2").want(t, exitDone)
	var got struct {
		Images  int
		Seconds float64
		Kernel  string
		Model   string
		SHA256  string `json:"pixels_sha256"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	pixels := readPNG(t, "three.png").(*image.Gray).Pix // one column: image after image
	sum := sha256.Sum256(pixels)
	if want := hex.EncodeToString(sum[:]); got.SHA256 != want {
		t.Errorf("pixels_sha256 %s, the picture's is %s", got.SHA256, want)
	}
	if got.Images != 3 || got.Seconds <= 0 || got.Kernel != simd.Best().Name || got.Model != embeddedName {
		t.Errorf("got %+v", got)
	}
}

// TestSameImages draws the same images by every cut of the work.
func TestSameImages(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	whole := drawNPY(t, "-n", "9", "--seed", "5", "--threads", "1")
	size := len(whole) / 9
	for _, args := range []string{"--threads 2", "--threads 3 --batch 2", "--batch 1", "--batch 4"} {
		if got := drawNPY(t, append([]string{"-n", "9", "--seed", "5"}, strings.Fields(args)...)...); !slices.Equal(got, whole) {
			t.Errorf("%s gives other images", args)
		}
	}
	var parts []float32
	for _, shard := range []string{"1/4", "2/4", "3/4", "4/4"} {
		parts = append(parts, drawNPY(t, "-n", "9", "--seed", "5", "--shard", shard)...)
	}
	if !slices.Equal(parts, whole) {
		t.Error("the shards are not the whole")
	}
	if slices.Equal(whole[:size], whole[size:2*size]) {
		t.Error("two images are the same")
	}
	if other := drawNPY(t, "-n", "1", "--seed", "6"); slices.Equal(other, whole[:size]) {
		t.Error("two seeds give the same image")
	}
}

const smallFile = "small.safetensors"

// small writes an untrained model, which takes little time, to the working directory.
func small(t *testing.T) {
	t.Helper()
	if err := model.Generator(model.Config{Width: 4}).Save(smallFile, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// drawNPY draws with the small model.
func drawNPY(t *testing.T, args ...string) []float32 {
	t.Helper()
	gantiny(t, append([]string{"generate", smallFile, "-o", "drawn.npy"}, args...)...).want(t, exitDone)
	x, shape, err := npy.ReadFile("drawn.npy")
	if err != nil {
		t.Fatal(err)
	}
	if len(shape) != 4 || shape[1] != 28 || shape[2] != 28 || shape[3] != 1 {
		t.Fatalf("shape %v, want (N, 28, 28, 1)", shape)
	}
	return x
}

func TestGenerateLatents(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	const n, dim = 5, 100
	z := make([]float32, n*dim)
	model.Latents(z, dim, 8, 0)
	write := func(name string, x []float32, shape ...int) {
		t.Helper()
		if err := npy.WriteFile(name, x, shape...); err != nil {
			t.Fatal(err)
		}
	}
	write("z.npy", z, n, dim)
	if got := drawNPY(t, "--latents", "z.npy"); !slices.Equal(got, drawNPY(t, "-n", "5", "--seed", "8")) {
		t.Error("the latents of seed 8 from a file give other images")
	}
	if got := drawNPY(t, "--latents", "z.npy", "-n", "2"); !slices.Equal(got, drawNPY(t, "-n", "2", "--seed", "8")) {
		t.Error("-n does not take the first latents")
	}
	if got := drawNPY(t, "--seed", "3", "--latents", "z.npy"); !slices.Equal(got, drawNPY(t, "-n", "5", "--seed", "8")) {
		t.Error("a seed changes latents from a file")
	}
	gantiny(t, "generate", smallFile, "--latents", "z.npy", "-n", "6").want(t, exitUsage, "z.npy holds 5 latents")
	write("flat.npy", z, n*dim)
	gantiny(t, "generate", smallFile, "--latents", "flat.npy").want(t, exitFailed, "flat.npy", "want (N, 100)")
	z[dim+7] = float32(math.NaN())
	write("nan.npy", z, n, dim)
	gantiny(t, "generate", smallFile, "--latents", "nan.npy").want(t, exitFailed, "nan.npy: latent 1, number 7")
	gantiny(t, "generate", smallFile, "--latents", "nosuch.npy").want(t, exitFailed, "nosuch.npy")
}

func TestInterpolate(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	ends := drawNPY(t, "-n", "3")
	walk := drawNPY(t, "-n", "3", "--interpolate", "2", "--batch", "4")
	size := len(ends) / 3
	if len(walk) != 7*size {
		t.Fatalf("%d images, want 7", len(walk)/size)
	}
	for i := range 3 {
		if !slices.Equal(walk[3*i*size:][:size], ends[i*size:][:size]) {
			t.Errorf("image %d of the walk is not latent %d's", 3*i, i)
		}
	}
	gantiny(t, "generate", smallFile, "-n", "3", "--interpolate", "2", "-o", "walk.gif").want(t, exitDone)
	f, err := os.Open("walk.gif")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := gif.DecodeAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != 7 || g.Image[0].Bounds() != image.Rect(0, 0, 28, 28) {
		t.Errorf("%d frames of %v, want 7 of 28x28", len(g.Image), g.Image[0].Bounds())
	}
}

func TestOutputs(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	gantiny(t, "generate", smallFile, "-n", "6", "--shard", "2/3", "-o", "folder/").want(t, exitDone)
	if got := files(t, "folder"); !slices.Equal(got, []string{"000002.png", "000003.png"}) {
		t.Errorf("the folder holds %v", got)
	}
	gantiny(t, "generate", smallFile, "-n", "6", "--shard", "2/3", "-o", "both.png", "--cols", "2").want(t, exitDone)
	both, one := readPNG(t, "both.png").(*image.Gray), readPNG(t, "folder/000003.png").(*image.Gray)
	right := both.SubImage(image.Rect(28, 0, 56, 28))
	for y := range 28 {
		for x := range 28 {
			if right.At(28+x, y) != one.At(x, y) {
				t.Fatalf("pixel (%d, %d) of image 3 differs between folder and grid", y, x)
			}
		}
	}
	r := gantiny(t, "generate", smallFile, "-n", "6", "--shard", "2/3", "-o", "-", "--cols", "2").want(t, exitDone)
	file, err := os.ReadFile("both.png")
	if err != nil {
		t.Fatal(err)
	}
	if r.stdout != string(file) {
		t.Error("-o - writes another picture than -o both.png")
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	t.Setenv("LC_ALL", "C.UTF-8")
	if r := gantiny(t, "generate", smallFile, "-n", "2", "-o", "two.png", "--show").want(t, exitDone); !strings.Contains(r.stdout, "▀") {
		t.Errorf("--show prints %q", r.stdout)
	}
}

func TestGenerateFails(t *testing.T) {
	t.Chdir(t.TempDir())
	m := model.Generator(model.Config{Width: 2, Latent: 3})
	if err := m.Save("whole.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "generate", "whole.safetensors", "-n", "1", "-o", "-").want(t, exitDone)
	whole, err := os.ReadFile("whole.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 8, 100, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile("cut.safetensors", whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		gantiny(t, "generate", "cut.safetensors").want(t, exitFailed, "cut.safetensors")
	}
	d := model.Discriminator(model.Config{Width: 2})
	if err := d.Save("d.safetensors", model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "generate", "d.safetensors").want(t, exitFailed, "d.safetensors: not a generator")
	gantiny(t, "generate", "nosuch.safetensors").want(t, exitFailed, "nosuch.safetensors")
	gantiny(t, "generate", "whole.safetensors", "-o", "whole.safetensors/a.png").want(t, exitFailed, "whole.safetensors")
	gantiny(t, "generate", "whole.safetensors", "-o", "nosuch/a.npy").want(t, exitFailed, "nosuch")
	gantiny(t, "generate", "whole.safetensors", "-o", "d.safetensors/").want(t, exitFailed, "d.safetensors")
	if got := files(t, "."); !slices.Equal(got, []string{"cut.safetensors", "d.safetensors", "whole.safetensors"}) {
		t.Errorf("failed runs left %v", got)
	}
}

func TestGenerateInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, out := range []string{"a.png", "a.gif", "a.npy"} {
		gantinyContext(ctx, "generate", "-o", out).want(t, exitInterrupted, "interrupted")
	}
	if got := files(t, "."); len(got) != 0 {
		t.Errorf("interrupted runs left %v", got)
	}
}

// failing is a standard output that takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenStdout(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	for _, args := range []string{"generate small.safetensors -o -", "generate small.safetensors --json", "generate small.safetensors --show",
		"inspect small.safetensors", "inspect small.safetensors --json", "version"} {
		var stderr bytes.Buffer
		if status := run(t.Context(), strings.Fields(args), failing{}, &stderr); status != exitFailed {
			t.Errorf("%s: exit status %d, want %d; %s", args, status, exitFailed, stderr.String())
		}
	}
}

// TestGolden compares the embedded model's picture with the one that was kept: the same on every
// row of kernels and machine.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	golden := filepath.Join("testdata", "digits.golden.png")
	if *update {
		gantiny(t, "generate", "-n", "16", "--seed", "1", "-o", golden, "--kernel", "scalar").want(t, exitDone)
	}
	want := readPNG(t, golden).(*image.Gray)
	for _, k := range simd.Variants() {
		t.Run(k.Name, func(t *testing.T) {
			path := filepath.Join(dir, k.Name+".png")
			gantiny(t, "generate", "-n", "16", "--seed", "1", "-o", path, "--kernel", k.Name).want(t, exitDone)
			got := readPNG(t, path).(*image.Gray)
			if got.Rect != want.Rect || !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("the picture, %v, differs from the one kept, %v", got.Rect, want.Rect)
			}
		})
	}
}

// TestEmbeddedFloats looks for the embedded model's floats where packages put them.
func TestEmbeddedFloats(t *testing.T) {
	dir := t.TempDir()
	places := []string{filepath.Join(dir, "none", floatFile), filepath.Join(dir, floatFile)}
	if n, err := openEmbedded(false, places); err != nil || n.form() != formInt8 {
		t.Fatalf("a model in %s, error %v", n.form(), err)
	}
	if _, err := openEmbedded(true, places); err == nil || !strings.Contains(err.Error(), places[0]) || !strings.Contains(err.Error(), floatURL) {
		t.Errorf("without the file, error %v: want it to say where the file was expected and where it can be had", err)
	}
	m, err := model.Load(cloneFloat())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(places[1], model.SaveOptions{Half: true}); err != nil {
		t.Fatal(err)
	}
	if n, err := openEmbedded(true, places); err != nil || n.form() != formFloat || n.name != places[1] {
		t.Errorf("%s in %s, error %v", n.name, n.form(), err)
	}
	m.Provenance.Epochs++
	if err := m.Save(places[1], model.SaveOptions{Half: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := openEmbedded(true, places); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("floats of another model: error %v", err)
	}
	if err := os.WriteFile(places[1], []byte("cut"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openEmbedded(true, places); err == nil || !strings.Contains(err.Error(), places[1]) {
		t.Errorf("a broken file: error %v", err)
	}
}

// TestFloatInClone: in a clone --float draws with the file that it holds, in whatever folder one
// is.
func TestFloatInClone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.png")
	if got := drawJSON(t, "--float", "-o", out); got.Form != formFloat {
		t.Errorf("drawn in %s", got.Form)
	}
	t.Chdir(t.TempDir())
	if got := cloneFloat(); got != "" {
		t.Errorf("outside of a clone it is %s", got)
	}
	writeFile(t, "go.mod", "module example.com/other\n")
	if got := cloneFloat(); got != "" {
		t.Errorf("in another module it is %s", got)
	}
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestShare: parts are contiguous and together the whole, whatever the numbers.
func TestShare(t *testing.T) {
	for _, c := range []struct{ n, count int }{{1, 5}, {3, 10}, {7, 3}, {1 << 30, math.MaxInt32}, {math.MaxInt, math.MaxInt32}} {
		if share(0, c.n, c.count) != 0 || share(c.n, c.n, c.count) != c.count {
			t.Errorf("%d parts of %d: from %d to %d", c.n, c.count, share(0, c.n, c.count), share(c.n, c.n, c.count))
		}
		if half := share(c.n/2, c.n, c.count); half < 0 || half > c.count/2+1 {
			t.Errorf("half of %d in %d parts is %d", c.count, c.n, half)
		}
	}
}
