package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset/digits"
)

// ErrNotFound is what Open's errors wrap where there is nothing to open.
var ErrNotFound = errors.New("no such data set")

// Dataset is a set of images of one size, with a label each if it has labels.
type Dataset struct {
	Name    string // what Open was asked for, without its directory
	H, W, C int    // C is 1 (grey) or 3 (RGB)
	N       int
	Pix     []uint8  // (N, H, W, C)
	Labels  []uint8  // (N), or nil
	Classes []string // names of the labels where they have any, or nil
	SHA256  string   // of Pix, in hex
}

// Split selects one of the parts that MNIST-like sets come in.
type Split string

const (
	Train Split = "train" // also what "" means
	Test  Split = "test"
)

// Options change what Open returns.
type Options struct {
	Size  int   // resize to Size x Size, after cropping to a centred square; 0 keeps the size
	RGB   bool  // three channels instead of one
	Split Split // which of the IDX files of a directory or a named set
}

// Open reads the data set that spec names:
//
//	digits   the first 10,000 training digits of MNIST, built in
//	mnist    MNIST's IDX files in $GANTINY_DATA/mnist, ./mnist, ./data/mnist
//	         or /usr/share/datasets/mnist
//	fashion  Fashion-MNIST, in directories named fashion-mnist likewise
//	         (Debian's package dataset-fashion-mnist puts it there)
//	DIR      a directory of IDX files with MNIST's names, or of pictures
//	FILE     an IDX file of images, with its labels beside it if there are any
//
// A directory that has one of these names is written ./digits.
func Open(spec string, o Options) (*Dataset, error) {
	if o.Size < 0 || o.Size > maxSide {
		return nil, fmt.Errorf("dataset: size %d, want 1 to %d", o.Size, maxSide)
	}
	switch o.Split {
	case "", Train, Test:
	default:
		return nil, fmt.Errorf("dataset: split %q, want %q or %q", o.Split, Train, Test)
	}
	d, err := open(spec, o)
	if err != nil {
		return nil, err
	}
	if d, err = d.convert(o); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(d.Pix)
	d.SHA256 = hex.EncodeToString(sum[:])
	return d, nil
}

func open(spec string, o Options) (*Dataset, error) {
	switch spec {
	case "digits":
		return openDigits(o)
	case "mnist":
		return openNamed(spec, "mnist", o)
	case "fashion", "fashion-mnist":
		return openNamed("fashion", "fashion-mnist", o)
	}
	info, err := os.Stat(spec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dataset: %s: %w: no such file or directory, and the known names are digits, mnist and fashion", spec, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if !info.IsDir() {
		return openImages(spec, labelsBeside(spec))
	}
	images, labels := findIDX(spec, o.Split)
	if images != "" {
		d, err := openImages(images, labels)
		if err == nil {
			d.Name = baseName(spec)
		}
		return d, err
	}
	return openPictures(spec, o)
}

func openDigits(o Options) (*Dataset, error) {
	if o.Split == Test {
		return nil, fmt.Errorf("dataset: digits: %w: it has no test split; mnist has", ErrNotFound)
	}
	d, err := readImages("digits", bytes.NewReader(digits.Images()), -1)
	if err != nil {
		return nil, err
	}
	return d, d.readLabels("digits", bytes.NewReader(digits.Labels()), -1)
}

// openNamed looks for a well-known set where it is usually kept.
func openNamed(name, dir string, o Options) (*Dataset, error) {
	places := []string{dir, filepath.Join("data", dir), filepath.Join("/usr/share/datasets", dir)}
	if root := os.Getenv("GANTINY_DATA"); root != "" {
		places = append([]string{filepath.Join(root, dir)}, places...)
	}
	for _, place := range places {
		images, labels := findIDX(place, o.Split)
		if images == "" {
			continue
		}
		d, err := openImages(images, labels)
		if err == nil {
			d.Name = name
		}
		return d, err
	}
	return nil, fmt.Errorf("dataset: %s: %w: looked for %s in %s; set GANTINY_DATA to the folder that holds %s/, or give the folder of its files",
		name, ErrNotFound, idxName(o.Split, "images")+"[.gz]", strings.Join(places, ", "), dir)
}

// Image returns the pixels of image i, (H, W, C).
func (d *Dataset) Image(i int) []uint8 {
	size := d.H * d.W * d.C
	return d.Pix[i*size : (i+1)*size : (i+1)*size]
}

// scaled holds (v - 127.5) / 127.5 for each v.
var scaled = func() (t [256]float32) {
	for v := range t {
		t[v] = (float32(v) - 127.5) / 127.5
	}
	return t
}()

// Fill writes the images idx into images 0 ... len(idx)-1 of the Map m over dst,
// each pixel v as (v - 127.5) / 127.5. It panics where m does not fit.
func (d *Dataset) Fill(dst []float32, m conv.Layout, idx []int32) {
	if m.H != d.H || m.W != d.W || m.C != d.C || len(idx) > m.N {
		panic("dataset: Fill: the map has another shape")
	}
	// Position after position: the writes run on, and the reads stay within
	// images that fit a cache.
	size := d.H * d.W * d.C
	for p := range m.Positions() {
		row := dst[p*m.Stride:]
		src := d.Pix[p*d.C:]
		if m.Row == 1 {
			for n, i := range idx {
				row[n] = scaled[src[int(i)*size]]
			}
			continue
		}
		for n, i := range idx {
			for c, v := range src[int(i)*size:][:d.C] {
				row[n*m.Row+c] = scaled[v]
			}
		}
	}
}

const (
	maxSide   = 1 << 14 // pixels of a side
	maxPixels = 1 << 26 // pixels of one picture, decoded
)

// pixelBytes returns n*h*w*c, and an error where memory could not hold that.
func pixelBytes(n, h, w, c int) (int, error) {
	total := uint64(1)
	for _, f := range []int{n, h, w, c} {
		if f <= 0 {
			return 0, fmt.Errorf("%d images of %dx%dx%d", n, h, w, c)
		}
		if total > math.MaxInt/uint64(f) {
			return 0, fmt.Errorf("%d images of %dx%dx%d do not fit in memory", n, h, w, c)
		}
		total *= uint64(f)
	}
	return int(total), nil
}

func baseName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return filepath.Base(path)
}
