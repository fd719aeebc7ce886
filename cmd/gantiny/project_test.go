package main

import (
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/npy"
)

// TestProject looks for two drawn digits, and draws what was found.
func TestProject(t *testing.T) {
	if testing.Short() {
		t.Skip("searches for seconds; package latent is tested")
	}
	t.Chdir(t.TempDir())
	gantiny(t, "generate", "-n", "2", "--class", "4", "--seed", "9", "-o", "drawn/").want(t, exitDone)
	first, second := filepath.Join("drawn", "000000.png"), filepath.Join("drawn", "000001.png")
	r := gantiny(t, "project", first, second, "--json", "--preview", "pairs.png")
	r.want(t, exitDone)
	var got struct {
		Out      string
		Pictures []projected
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatalf("%s: %v", r.stdout, err)
	}
	if got.Out != "latents.npy" || len(got.Pictures) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, p := range got.Pictures {
		if p.Picture != []string{first, second}[i] || p.Class == nil || *p.Class != 4 || p.Distance > 12 {
			t.Errorf("%+v", p)
		}
	}
	if _, shape, err := npy.ReadFile("latents.npy"); err != nil || len(shape) != 2 || shape[0] != 2 || shape[1] != 64 {
		t.Errorf("latents of shape %v, %v", shape, err)
	}
	f, err := os.Open("pairs.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 56 || img.Bounds().Dy() < 56 {
		t.Errorf("the preview: %v", err)
	}
	r = gantiny(t, "project", first, "--class", "4", "-o", "z.npy")
	r.want(t, exitDone)
	if !strings.HasPrefix(r.stdout, first+": class 4, off by ") {
		t.Errorf("%q", r.stdout)
	}
	gantiny(t, "generate", "--latents", "latents.npy", "--class", "4", "-o", "again.png").want(t, exitDone)
}

// TestProjectRefuses: what cannot be is said before anything is searched.
func TestProjectRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	gantiny(t, "generate", "-n", "1", "-o", "drawn/").want(t, exitDone)
	first := filepath.Join("drawn", "000000.png")
	if err := os.WriteFile("a.npy", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"needs a PICTURE":      {},
		"want a file .npy":     {first, "-o", "z.png"},
		"want a file .png":     {first, "--preview", "z.gif"},
		"classes 0 to 9":       {first, "--class", "12"},
		"no color":             {first, "--background", "pale"},
		"is the same file":     {"a.npy", "-o", "a.npy"},
		"--threads":            {first, "--threads", "-2"},
		"no folder nowhere":    {first, "-o", "nowhere/z.npy"},
		"no such file or dire": {"missing.png"},
	} {
		if r := gantiny(t, append([]string{"project"}, args...)...); r.status == exitDone || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: status %d, %s", args, r.status, r.stderr)
		}
	}
	if err := os.WriteFile("page.png", []byte("<html>"), 0o666); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "project", "page.png").want(t, exitFailed, "HTML")
}

// TestDirections: a grid along two directions has the same middle picture as a drawing of the
// latent itself, its rows and columns are as asked, and shards and batches change nothing.
func TestDirections(t *testing.T) {
	t.Chdir(t.TempDir())
	drawing := func(args ...string) (d drawn) {
		t.Helper()
		r := gantiny(t, append([]string{"generate", "--json"}, args...)...).want(t, exitDone)
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
			t.Fatalf("%v in %q", err, r.stdout)
		}
		return d
	}
	middle := drawing("-n", "1", "--class", "3", "--seed", "6", "-o", "one/").SHA256
	whole := drawing("--directions", "1,2", "--cols", "3", "--class", "3", "--seed", "6", "-o", "grid/")
	if whole.Images != 9 {
		t.Errorf("%d images, want 9", whole.Images)
	}
	one, err := os.ReadFile("one/000000.png")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("grid/000004.png"); err != nil || string(got) != string(one) {
		t.Errorf("the middle of the grid is another picture, %v", err)
	}
	if other, err := os.ReadFile("grid/000005.png"); err != nil || string(other) == string(one) {
		t.Errorf("the one beside it is the same, %v", err)
	}
	if row := drawing("--directions", "1", "--class", "3", "--seed", "6", "-o", "row.apng"); row.Images != 9 {
		t.Errorf("%d images in a row, want 9", row.Images)
	}
	if again := drawing("--directions", "1,2", "--cols", "3", "--class", "3", "--seed", "6", "--batch", "2", "-o", "grid.png"); again.SHA256 != whole.SHA256 {
		t.Error("batches of 2 draw another grid")
	}
	if still := drawing("--directions", "1", "--cols", "1", "--class", "3", "--seed", "6", "-o", "one.png"); still.SHA256 != middle {
		t.Error("a row of one is not the latent itself")
	}
	for want, args := range map[string][]string{
		"from 1 to 64":      {"--directions", "0"},
		"one number or two": {"--directions", "1,2,3"},
		"no -n":             {"--directions", "1", "-n", "4"},
		"1000 a side":       {"--directions", "1", "--cols", "2000"},
	} {
		gantiny(t, append([]string{"generate"}, args...)...).want(t, exitUsage, want)
	}
}
