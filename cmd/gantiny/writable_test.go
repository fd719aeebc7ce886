package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/npy"
)

// TestOutputsBeforeTheWork: what cannot be written is said at once, not after hours.
func TestOutputsBeforeTheWork(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	writeFile(t, "file", "")
	if err := os.Mkdir("dd.npy", 0o777); err != nil {
		t.Fatal(err)
	}
	const long = "2000000000" // images, or calibration that would take days
	for args, want := range map[string]struct {
		status int
		says   string
	}{
		"generate small.safetensors -n " + long + " -o nodir/x.npy":      {exitFailed, "no folder nodir"},
		"generate small.safetensors -n " + long + " -o file/x.npy":       {exitFailed, "file"},
		"generate small.safetensors -n " + long + " -o file/":            {exitFailed, "file/: file is no folder"},
		"generate small.safetensors -n " + long + " -o file/sub/":        {exitFailed, "file"},
		"generate small.safetensors -n " + long + " -o dd.npy":           {exitUsage, "-o dd.npy: is a folder"},
		"generate small.safetensors -n 9999999 --batch 9999999 -o x.npy": {exitUsage, "--batch 9999999: want "},
		"bench small.safetensors --batch 1048576":                        {exitUsage, "--batch 1048576: want "},
		"quantize small.safetensors --calib 1048576 -o nodir/x":          {exitFailed, "no folder nodir"},
		"quantize small.safetensors --calib 1048576 -o -":                {exitUsage, "-o -"},
		"quantize small.safetensors --calib 1048576 -o q --report file":  {exitFailed, "--report file: file is no folder"},
		"quantize small.safetensors --calib 1048576 -o q --report -":     {exitUsage, "--report -"},
		"bench --suite pi -o nodir/x.json --seconds 900000":              {exitFailed, "no folder nodir"},
		"train --data digits --out -":                                    {exitUsage, "--out -"},
	} {
		gantiny(t, strings.Fields(args)...).want(t, want.status, want.says)
	}
	if got := files(t, "."); !slices.Equal(got, []string{"file", smallFile}) {
		t.Errorf("they left %v", got)
	}
}

// TestOutputIsInput: no command writes over what it reads.
func TestOutputIsInput(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	if err := npy.WriteFile("z.npy", make([]float32, 200), 2, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(smallFile, "link.safetensors"); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("z.npy", "also.npy"); err != nil {
		t.Skip(err)
	}
	writeFile(t, "pi.json", `{"suite": "pi", "cases": [{"batch": 1}]}`)
	before := map[string]string{}
	for _, name := range files(t, ".") {
		before[name] = readFile(t, name)
	}
	for _, args := range []string{
		"quantize small.safetensors -o small.safetensors", "quantize small.safetensors -o ./small.safetensors", "quantize small.safetensors -o link.safetensors",
		"bench --suite pi --compare pi.json -o pi.json --seconds 900000",
	} {
		gantiny(t, strings.Fields(args)...).want(t, exitUsage, "is the same file as")
	}
	for _, out := range []string{"z.npy", "also.npy"} {
		gantiny(t, "generate", smallFile, "--latents", "z.npy", "-o", out).want(t, exitUsage, "is the same file as")
	}
	for name, content := range before {
		if readFile(t, name) != content {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestOlderPictures: a folder holds the pictures of one drawing.
func TestOlderPictures(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	gantiny(t, "generate", smallFile, "-n", "6", "-o", "d/").want(t, exitDone)
	gantiny(t, "generate", smallFile, "-n", "6", "--seed", "2", "-o", "d/").want(t, exitDone)
	gantiny(t, "generate", smallFile, "-n", "6", "--shard", "1/3", "-o", "d/").want(t, exitDone)
	gantiny(t, "generate", smallFile, "-n", "7", "-o", "d").want(t, exitDone)
	gantiny(t, "generate", smallFile, "-n", "5", "-o", "d/").want(t, exitUsage, "-o d/: holds 2 pictures of a drawing with more of them, from 000005.png on")
	writeFile(t, "d/notes.txt", "")
	writeFile(t, "d/9.png", "")
	gantiny(t, "generate", smallFile, "-n", "6", "-o", "d/").want(t, exitUsage, "holds 1 picture")
	if err := os.Remove("d/000006.png"); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "generate", smallFile, "-n", "6", "-o", "d/").want(t, exitDone)
}
