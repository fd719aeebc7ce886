package fleet

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/zoo/digits"
)

// reference returns the pixels of the set, as the root package draws them.
func reference(t *testing.T, s Set) [][]uint8 {
	t.Helper()
	g, err := gantiny.Read(digits.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	r := gantiny.Request{N: s.Count, Seed: s.Seed, Truncation: s.Truncation}
	if s.Class >= 0 {
		r.Class = &s.Class
	}
	images, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var pixels [][]uint8
	for _, m := range images {
		pixels = append(pixels, m.(*image.Gray).Pix)
	}
	return pixels
}

// TestTar reads the parts as any reader of tar files does.
func TestTar(t *testing.T) {
	set := some("d-%02d.tar")
	set.Truncation, set.Class = 0.5, 6
	dir := t.TempDir()
	drawAll(t, drawer(t, set), dir, 2)
	want := reference(t, set)
	names, _ := filepath.Glob(filepath.Join(dir, "d-*.tar"))
	i := 0
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for r := tar.NewReader(f); ; i++ {
			sample := map[string][]byte{}
			key := ""
			for range 3 {
				h, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if h.Uname+h.Gname != "" || h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 || h.Mode != 0o644 {
					t.Errorf("%s: header %+v", name, h)
				}
				var extension string
				key, extension, _ = strings.Cut(h.Name, ".")
				if sample[extension], err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
			if len(sample) == 0 {
				break
			}
			picture, err := png.Decode(bytes.NewReader(sample["png"]))
			if err != nil || !bytes.Equal(picture.(*image.Gray).Pix, want[i]) {
				t.Errorf("%s: picture %d differs (%v)", name, i, err)
			}
			var about struct{ Index, Seed, Class int }
			if err := json.Unmarshal(sample["json"], &about); err != nil || about.Index != i || about.Seed != 7 || about.Class != 6 {
				t.Errorf("%s: picture %d: %s (%v)", name, i, sample["json"], err)
			}
			if n, err := strconv.Atoi(key); err != nil || n != i || string(sample["cls"]) != "6" {
				t.Errorf("%s: picture %d: key %s, class %s", name, i, key, sample["cls"])
			}
		}
	}
	if i != set.Count {
		t.Errorf("%d pictures, want %d", i, set.Count)
	}
}

// TestIDX reads the parts as data sets.
func TestIDX(t *testing.T) {
	for _, zip := range []string{"", ".gz"} {
		set := some("d-%02d-images-idx3-ubyte" + zip)
		dir := t.TempDir()
		drawAll(t, drawer(t, set), dir, 1)
		want := reference(t, set)
		for k := range set.Parts() {
			read := func(name string, dims int) []uint8 {
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				shape, data, err := dataset.ReadIDX(bytes.NewReader(b), name)
				first, end := set.Range(k)
				if err != nil || len(shape) != dims || shape[0] != end-first {
					t.Fatalf("%s: %v, %v", name, shape, err)
				}
				return data
			}
			number := strconv.Itoa(100 + k)[1:]
			pictures, labels := read("d-"+number+"-images-idx3-ubyte"+zip, 3), read("d-"+number+"-labels-idx1-ubyte"+zip, 1)
			first, _ := set.Range(k)
			for i, label := range labels {
				if int(label) != (first+i)%10 || !bytes.Equal(pictures[i*784:][:784], want[first+i]) {
					t.Errorf("picture %d differs, or its label is %d", first+i, label)
				}
			}
		}
	}
}

// TestNPY compares floats with the pixels that they round to.
func TestNPY(t *testing.T) {
	set := some("d-%02d.npy")
	dir := t.TempDir()
	drawAll(t, drawer(t, set), dir, 1)
	want := reference(t, set)
	for k := range set.Parts() {
		x, shape, err := npy.ReadFile(filepath.Join(dir, "d-"+strconv.Itoa(100 + k)[1:]+".npy"))
		first, end := set.Range(k)
		if err != nil || len(shape) != 4 || shape[0] != end-first {
			t.Fatalf("%v, %v", shape, err)
		}
		for i, v := range x {
			if p := math.RoundToEven(float64(v)*127.5 + 127.5); p != float64(want[first+i/784][i%784]) {
				t.Fatalf("picture %d: %v, want pixel %d", first+i/784, v, want[first+i/784][i%784])
			}
		}
	}
}
