package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset/digits"
)

// The hashes are those of the first 10,000 images and labels of MNIST's own
// training files, computed from these by another program.
func TestDigits(t *testing.T) {
	d, err := Open("digits", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.N != digits.Count || d.H != 28 || d.W != 28 || d.C != 1 || d.Name != "digits" {
		t.Fatalf("%d images of %dx%dx%d, %q", d.N, d.H, d.W, d.C, d.Name)
	}
	if want := "2f7182bf021ffc5c1f62db987487f14d899b5c639f421a80f3095affc09a7db2"; d.SHA256 != want {
		t.Errorf("pixels %s, want %s", d.SHA256, want)
	}
	labels := make([]uint8, d.N)
	for i, v := range d.Labels {
		labels[i] = uint8(v)
	}
	sum := sha256.Sum256(labels)
	if got, want := hex.EncodeToString(sum[:]), "2f345bad07338ec537641465e169cc4b7288a44244f251211c7f842641e7d927"; got != want {
		t.Errorf("labels %s, want %s", got, want)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		spec     string
		o        Options
		want     string
		notFound bool
	}{
		{"no/such/place", Options{}, "dataset: no/such/place: no such data set: no such file", true},
		{"digits", Options{Split: Test}, "no test split", true},
		{"digits", Options{Split: "half"}, `split "half"`, false},
		{"digits", Options{Size: -1}, "size -1", false},
		{t.TempDir(), Options{}, "nor pictures", true},
		{t.TempDir(), Options{Split: Test}, "t10k-images-idx3-ubyte", true},
	} {
		_, err := Open(c.spec, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNotFound) != c.notFound {
			t.Errorf("Open(%q, %+v): %v", c.spec, c.o, err)
		}
	}
}

func TestFill(t *testing.T) {
	for _, c := range []int{1, 3} {
		d := &Dataset{N: 7, H: 3, W: 2, C: c, Pix: ramp(7 * 3 * 2 * c)}
		idx := []int32{6, 0, 0, 4}
		m := conv.Layout{H: 3, W: 2, C: c, N: 5, Row: 2*c - 1, Stride: 10*c + 3}
		const guard = 42
		dst := slices.Repeat([]float32{guard}, m.Len())
		want := slices.Clone(dst)
		for n, i := range idx {
			for p := range 6 {
				for ch := range c {
					v := d.Pix[(int(i)*6+p)*c+ch]
					want[p*m.Stride+n*m.Row+ch] = (float32(v) - 127.5) / 127.5
				}
			}
		}
		d.Fill(dst, m, idx)
		if !slices.Equal(dst, want) {
			t.Errorf("%d channels: got\n%v, want\n%v", c, dst, want)
		}
	}
	if scaled[0] != -1 || scaled[255] != 1 {
		t.Errorf("black is %g, white %g", scaled[0], scaled[255])
	}
	d := &Dataset{N: 1, H: 2, W: 2, C: 1, Pix: ramp(4)}
	for _, m := range []conv.Layout{conv.NewLayout(2, 3, 1, 1), conv.NewLayout(2, 2, 3, 1), conv.NewLayout(2, 2, 1, 0)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v did not panic", m)
				}
			}()
			d.Fill(make([]float32, 100), m, []int32{0})
		}()
	}
}

func BenchmarkFill(b *testing.B) {
	d, err := Open("digits", Options{})
	if err != nil {
		b.Fatal(err)
	}
	batches, err := NewBatches(d.N, 256, Cursor{})
	if err != nil {
		b.Fatal(err)
	}
	m := conv.NewLayout(28, 28, 1, 256)
	dst := make([]float32, m.Len())
	b.SetBytes(4 * 256 * 784)
	for b.Loop() {
		d.Fill(dst, m, batches.Next())
	}
}
