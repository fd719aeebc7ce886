package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// conditional writes a small generator with four classes to a file.
func conditional(t *testing.T, path string) {
	t.Helper()
	g := &model.Graph{}
	z, class := g.Input("latent", model.Flat(6)), g.Class("class", 4)
	h := g.Add(model.Concat{}, z, g.Add(model.Embedding{Dim: 3}, class))
	h = g.Add(model.Dense{Units: 4 * 4 * 4}, h)
	h = g.Add(model.Reshape{H: 4, W: 4, C: 4}, h)
	h = g.Add(model.ConvTranspose2D{Filters: 1, Kernel: [2]int{4, 4}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, g.Add(model.LeakyReLU{Slope: 0.2}, h))
	g.Add(model.Tanh{}, h)
	m, err := model.FromGraph("conditional", g)
	if err != nil {
		t.Fatal(err)
	}
	m.ClassNames = []string{"round", "square", "ankle boot"}
	m.Init(5, model.Normal(0.5))
	if err := m.Save(path, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestClasses: without --class the classes take turns, with it all images are of one; neither
// depends on batch, threads or shard.
func TestClasses(t *testing.T) {
	reference, err := filepath.Abs("../../model/pretrained/generator.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	conditional(t, "c.safetensors")
	turns := drawJSON(t, "c.safetensors", "-n", "8", "-o", "a.png").SHA256
	if got := drawJSON(t, "c.safetensors", "-n", "8", "--batch", "3", "--threads", "3", "-o", "a.png").SHA256; got != turns {
		t.Error("a batch of 3 draws other images")
	}
	seen := map[string]bool{turns: true}
	for _, class := range []string{"0", "1", "2", "3"} {
		seen[drawJSON(t, "c.safetensors", "-n", "8", "--class", class, "-o", "a.png").SHA256] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d different sets of images, want 5", len(seen))
	}
	seen[drawJSON(t, "c.safetensors", "-n", "8", "--truncation", "0.5", "-o", "a.png").SHA256] = true
	if len(seen) != 6 {
		t.Error("--truncation changes nothing")
	}
	named := drawJSON(t, "c.safetensors", "-n", "8", "--class", "Ankle boot", "-o", "a.png").SHA256
	if numbered := drawJSON(t, "c.safetensors", "-n", "8", "--class", "2", "-o", "a.png").SHA256; named != numbered {
		t.Error("class 2 is not the one that its name stands for")
	}
	gantiny(t, "generate", "c.safetensors", "--class", "triangle", "-o", "a.png").want(t, exitUsage, "classes 0 to 3: round, square, ankle boot")
	gantiny(t, "generate", "c.safetensors", "--class", "4", "-o", "a.png").want(t, exitUsage, "classes 0 to 3")
	gantiny(t, "generate", reference, "--class", "0", "-o", "a.png").want(t, exitUsage, "no classes")
	gantiny(t, "generate", "--truncation", "-1", "-o", "a.png").want(t, exitUsage, "--truncation")
	gantiny(t, "inspect", "c.safetensors").want(t, exitDone)
}

// TestMorph: a morph begins and ends with its classes, whatever the batch and the shard, and has
// others between.
func TestMorph(t *testing.T) {
	t.Chdir(t.TempDir())
	conditional(t, "c.safetensors")
	draw := func(args ...string) string {
		t.Helper()
		r := gantiny(t, append([]string{"generate", "c.safetensors", "--json"}, args...)...).want(t, exitDone)
		var d pixelsOf
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
			t.Fatal(err)
		}
		return d.SHA256
	}
	gantiny(t, "generate", "c.safetensors", "--morph", "round,ankle boot,3", "-o", "a.gif").want(t, exitDone, "31 images")
	of := func(i string) string {
		return draw("--morph", "0,2", "--interpolate", "3", "--seed", "7", "--shard", i+"/5", "-o", "a.png")
	}
	if of("1") != draw("-n", "1", "--class", "0", "--seed", "7", "-o", "a.png") || of("5") != draw("-n", "1", "--class", "2", "--seed", "7", "-o", "a.png") {
		t.Error("the ends of a morph are not its classes")
	}
	if seen := map[string]bool{of("1"): true, of("2"): true, of("3"): true, of("4"): true, of("5"): true}; len(seen) != 5 {
		t.Errorf("%d different pictures, want 5", len(seen))
	}
	whole := draw("--morph", "0,2", "-o", "a.apng")
	if draw("--morph", "0,2", "--batch", "3", "--threads", "2", "-o", "a.png") != whole {
		t.Error("a batch of 3 draws other images")
	}
	for says, args := range map[string][]string{
		"want two classes or more":  {"--morph", "3"},
		"--morph 9: c.safetensors":  {"--morph", "3,9"},
		"no -n":                     {"--morph", "0,1", "-n", "3"},
		"no --class":                {"--morph", "0,1", "--class", "1"},
		"more than 10000 images":    {"--morph", "0,1", "--interpolate", "2000000000"},
		"--interpolate -1":          {"--morph", "0,1", "--interpolate", "-1"},
		"--morph : c.safetensors":   {"--morph", "0,"},
		"--morph: does not go with": {"--morph", "0,1", "-o", "d-%02d.tar"},
	} {
		gantiny(t, append([]string{"generate", "c.safetensors"}, args...)...).want(t, exitUsage, says)
	}
}
