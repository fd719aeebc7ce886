package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes a folder of files: pictures of one pixel, whose value is their place in the list, and
// others.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		switch {
		case strings.HasSuffix(name, "/"):
			if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(name, "images"):
			write(t, dir, name, idxFile(t, []uint8{uint8(i)}, 1, 1, 1))
		default:
			write(t, dir, name, pngOf(t, grayOf(1, 1, uint8(i))))
		}
	}
	return dir
}

// A set that is below the folder is found where there is but one, or one of the wanted split.
func TestSetsBelow(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		split Split
		pix   []uint8
		reads string // below the folder
		fails string
	}{
		{"classes below train", []string{"train/cat/a.png", "train/dog/a.png", "test/cat/a.png"}, "", []uint8{0, 1}, "train", ""},
		{"test", []string{"train/cat/a.png", "test/cat/a.png", "test/dog/a.png"}, Test, []uint8{1, 2}, "test", ""},
		{"validation for test", []string{"Training/a.png", "Validation/a.png"}, Test, []uint8{1}, "Validation", ""},
		{"pictures below train and test", []string{"test/a.png", "train/a.png"}, "", []uint8{1}, "train", ""},
		{"train alone", []string{"train/a.png", "train/b.png"}, "", []uint8{0, 1}, "train", ""},
		{"classes with such a name", []string{"apple/a.png", "test/a.png", "train/a.png"}, "", []uint8{0, 1, 2}, "", ""},
		{"torchvision's MNIST", []string{"MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/t10k-images-idx3-ubyte", "MNIST/processed/"}, "", []uint8{0}, "MNIST/raw", ""},
		{"torchvision's MNIST, test", []string{"MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/t10k-images-idx3-ubyte"}, Test, []uint8{1}, "MNIST/raw", ""},
		{"Kaggle's folders named like files", []string{"train-images-idx3-ubyte/train-images-idx3-ubyte", "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte"}, "", []uint8{0}, "", ""},
		{"a hidden folder beside", []string{"archive/pictures/sub/a.png", ".git/a.png"}, "", []uint8{0}, "archive/pictures", ""},
		{"three floors", []string{"a/b/c/d.png"}, "", []uint8{0}, "a/b", ""},
		{"several", []string{"a/x/1.png", "b/y/1.png"}, "", nil, "", "several sets are below it; give one of "},
		{"nothing", []string{"a/b/"}, "", nil, "", "neither train-images"},
		{"no test", []string{"cats/a.png", "dogs/a.png"}, Test, nil, "", "several sets"},
		{"no test of one", []string{"cats/a.png"}, Test, nil, "", "no folder of pictures called test"},
	} {
		dir := tree(t, c.files...)
		d, notes, err := load(t, dir, Options{Split: c.split})
		if c.fails != "" {
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		reads := c.reads == "" || strings.Contains(notes, "reading "+filepath.Join(dir, c.reads)+", which is below "+dir)
		if err != nil || !slices.Equal(d.Pix, c.pix) || !reads || d.Name != filepath.Base(dir) {
			t.Errorf("%s: %+v, notes %q, %v", c.name, d, notes, err)
		}
	}
}

// Files that are no pictures are counted by extension, in use and where there is nothing else.
func TestLeftOut(t *testing.T) {
	dir := tree(t, "a.png", "b.png")
	for _, name := range []string{"1.avif", "2.AVIF", "1.heic", "notes.txt", "README", ".DS_Store"} {
		write(t, dir, name, []byte("x"))
	}
	d, notes := loaded(t, dir, Options{})
	if want := "5 files left out (.avif 2, .heic 1, .txt 1, without extension 1): no pictures that are read here\nreading 2 pictures"; d.N != 2 || notes != want {
		t.Errorf("%d images, notes %q, want %q", d.N, notes, want)
	}
	for _, name := range []string{"a.png", "b.png"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "what is there cannot be read: .avif 2, .heic 1") {
		t.Errorf("nothing else: %v", err)
	}
}

// Links that lead nowhere or round in circles and what one may not read are left out, by name.
func TestTrouble(t *testing.T) {
	dir := tree(t, "cats/a.png", "lost+found/")
	for name, to := range map[string]string{"gone.png": "nowhere", "cats/round.png": "round.png", "cats/link.png": "a.png"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "lost+found"), 0); err != nil {
		t.Fatal(err)
	}
	d, notes := loaded(t, dir, Options{})
	if d.N != 2 || !strings.Contains(notes, filepath.Join(dir, "gone.png")+" is left out: ") || !strings.Contains(notes, filepath.Join(dir, "cats", "round.png")+" is left out: ") {
		t.Errorf("%d images, notes %q", d.N, notes)
	}
	if _, err := os.ReadDir(filepath.Join(dir, "lost+found")); err != nil && !strings.Contains(notes, "lost+found is left out: permission denied") {
		t.Errorf("notes %q", notes) // root may read anything
	}
}

// What gantiny itself leaves in a folder is no data.
func TestOwnPictures(t *testing.T) {
	dir := tree(t, "a.png", "gantiny.png", "samples/epoch-0001.png", "run/samples/epoch-0001.png")
	write(t, dir, "generator.safetensors", nil)
	d, notes := loaded(t, dir, Options{})
	if d.N != 1 || !strings.Contains(notes, "gantiny.png is left out: a grid that gantiny drew") {
		t.Errorf("a run in the folder of pictures: %+v, notes %q", d, notes)
	}
	dir = tree(t, "a/1.png", "b/1.png", "run1/1.png", "b/2.png")
	d, _ = loaded(t, dir, Options{Exclude: []string{filepath.Join(dir, "run1"), filepath.Join(dir, "b", "2.png"), filepath.Join(dir, "none"), dir}})
	if !slices.Equal(d.Pix, []uint8{0, 1}) || !slices.Equal(d.Classes, []string{"a", "b"}) {
		t.Errorf("excluded: %+v", d)
	}
	// By another way to the same folder, too.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if d, _ = loaded(t, link, Options{Exclude: []string{filepath.Join(dir, "run1")}}); !slices.Equal(d.Classes, []string{"a", "b"}) {
		t.Errorf("through a link: %+v", d)
	}
}

// A file that is no set is called what it is.
func TestNotIDX(t *testing.T) {
	dir := t.TempDir()
	for contents, want := range map[string]string{
		string(pngOf(t, grayOf(1, 1, 1))): "it is a PNG picture: give the folder of the pictures",
		"PK\x03\x04....":                  "it is a ZIP archive: unpack it and give the folder",
		"<!DOCTYPE html><p>":              "it is an HTML page",
		"":                                "it is an empty file",
		"label,pixel1\n":                  "it is text",
		"version https://git-lfs.github.com/spec/v1\n": "a pointer of Git LFS",
	} {
		if _, err := Open(write(t, dir, "x", []byte(contents)), Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", contents, err)
		}
	}
}
