package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset/digits"
)

// Errors of a set, for errors.Is. ErrFormat, ErrPicture and ErrMemory are others.
var (
	ErrNotFound = errors.New("no such data set")                      // nothing to read under this name
	ErrNotFile  = errors.New("neither a folder nor an ordinary file") // a pipe, a device, a socket
	ErrLabels   = errors.New("labels are needed")                     // NeedLabels is set, and there are none to use, see also TakeClasses
)

// Dataset is a set of images of one size, with a label each if it has labels.
type Dataset struct {
	Name    string // what Load was asked for, without its directory
	H, W, C int    // C is 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and alpha)
	N       int
	Pix     []uint8  // (N, H, W, C), colors not multiplied by alpha, and 0 where alpha is 0
	Labels  []int32  // (N), the class of each image, or nil
	Classes []string // names of the labels where they have any, or nil
	SHA256  string   // of Pix, in hex
}

// NumClasses returns the number of classes, 0 without labels: that of their names or, where they
// have none, one more than the largest label.
func (d *Dataset) NumClasses() int {
	if d.Labels == nil {
		return 0
	}
	return max(len(d.Classes), int(slices.Max(d.Labels))+1)
}

// TakeClasses numbers the labels as another set's, such as the training pictures', by the names of
// the classes. Sets without names stay as they are; a class that other lacks is an error, which
// wraps ErrLabels.
func (d *Dataset) TakeClasses(other *Dataset) error {
	if d.Labels == nil || d.Classes == nil || other.Classes == nil || slices.Equal(d.Classes, other.Classes) {
		return nil
	}
	number := make([]int32, len(d.Classes))
	for i, name := range d.Classes {
		k := slices.Index(other.Classes, name)
		if k < 0 {
			return fmt.Errorf("%w: there are pictures of class %q in one part of %s, and none in another", ErrLabels, name, d.Name)
		}
		number[i] = int32(k)
	}
	labels := make([]int32, len(d.Labels)) // those there are may be shared
	for i, k := range d.Labels {
		labels[i] = number[k]
	}
	d.Labels, d.Classes = labels, slices.Clone(other.Classes)
	return nil
}

// Split selects one of the parts that MNIST-like sets come in.
type Split string

const (
	Train Split = "train" // also what "" means
	Test  Split = "test"
)

// Choice is a setting that can be left to the program.
type Choice int

const (
	Auto Choice = iota
	Yes
	No
)

// Options change what Load returns. The zero value is grayscale images of their own size.
type Options struct {
	Size  int   // resize to Size x Size, after cropping to a centered square; 0 keeps the size
	Split Split // which of the IDX files of a directory or a named set, or which folder of pictures

	// Channels is C of the set: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; 0 is 1.
	Channels int
	// Background is what transparent pictures are laid on, which makes them opaque. nil is white
	// for sets without alpha; those with alpha keep it then.
	Background color.Color
	// White is the value of a color of 16 bits that becomes 255, 1 to 65535. For 0 it is 65535,
	// unless no picture of 16 bits uses more than the lowest 8, 10, 12 or 14 bits: then it is the
	// largest number of that many bits.
	White int
	// Transpose exchanges rows and columns of the images of an IDX file. Auto does so where the
	// name begins with emnist-, since EMNIST's files hold their images that way.
	Transpose Choice
	// SkipBad leaves pictures out that cannot be read, with a note, instead of failing.
	SkipBad bool
	// NeedLabels makes a set without labels an error, which wraps ErrLabels. Otherwise a labels
	// file that cannot be read is ignored, with a note.
	NeedLabels bool
	// Labels is a CSV file of the labels of a folder's pictures: a picture's path, from the folder
	// or from the file, and its label on each line, which may follow a header. "" is LabelsFile in
	// the folder, where there is one and folders are no classes.
	Labels string
	// Exclude names files and folders that are not read though they lie in the data's folder, such
	// as the folder that a run writes to. What does not exist is ignored, and so is the data's
	// folder itself.
	Exclude []string

	// MaxRAM is how many bytes loading may take, the images included: a set or a picture that needs
	// more is an error, which wraps ErrMemory and says how much. 0 is three quarters of what the
	// system has available; of that at most 1 GiB for all pictures that are being decoded at a
	// time, and at most 256 MiB for a file that grows to more than 64 times its size.
	MaxRAM int64
	// CacheDir is a folder for converted sets of pictures, so that they load at once the next time;
	// "" is for none. See the package's documentation.
	CacheDir string

	// Note is called with a line of text, without its newline, for what whoever has the data should
	// know: what is read, what was left out, what was damaged. nil is for none.
	Note func(line string)
	// Progress is called after each picture of a folder with how many of how many are read, from
	// one goroutine at a time. nil is for none.
	Progress func(done, total int)
}

// loader is a Load under way.
type loader struct {
	ctx     context.Context
	o       Options
	limit   int64      // bytes that loading may take
	ground  color.RGBA // below transparent pictures, unless alpha is kept
	alpha   bool       // is kept
	exclude []fs.FileInfo
	notes   []string
	labeled bool // by a CSV file
}

// note tells whoever has the data a line.
func (l *loader) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	l.notes = append(l.notes, line)
	if l.o.Note != nil {
		l.o.Note(line)
	}
}

// Open is Load with a context that does not end.
func Open(spec string, o Options) (*Dataset, error) { return Load(context.Background(), spec, o) }

// Load reads the data set that spec names:
//
//	digits   the first 10,000 training digits of MNIST, built in
//	mnist    MNIST's IDX files in $GANTINY_DATA/mnist, ./mnist, ./data/mnist
//	         or /usr/share/datasets/mnist
//	fashion  Fashion-MNIST, in directories named fashion-mnist likewise
//	         (Debian's package dataset-fashion-mnist puts it there)
//	DIR      a directory of IDX files with MNIST's names, of pictures, or of
//	         folders of pictures, which are classes; or one that has such
//	         a directory somewhere below it
//	FILE     an IDX file of images, with its labels beside it if there are any
//
// A directory that has one of these names is written ./digits. The package's documentation says
// which pictures are read and how.
//
// When ctx ends, Load stops within the picture that it reads and returns the context's error.
// Errors wrap ErrNotFound, ErrNotFile, ErrFormat (an IDX file), ErrCSV (a file of labels),
// ErrPicture (a *PicturesError), ErrLabels, ErrMemory, or the file system's.
func Load(ctx context.Context, spec string, o Options) (*Dataset, error) {
	l, err := newLoader(ctx, spec, o)
	if err != nil {
		return nil, err
	}
	return l.finish(spec, func() (*Dataset, error) { return l.open(spec) })
}

// LoadPictures reads pictures of the given names, as Load does those of a folder.
func LoadPictures(ctx context.Context, paths []string, o Options) (*Dataset, error) {
	name := strings.Join(paths, ", ")
	l, err := newLoader(ctx, name, o)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		if what := notRegular(info); what != "" {
			return nil, fmt.Errorf("dataset: %s: %w: it is %s", path, ErrNotFile, what)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("dataset: %w: no pictures", ErrNotFound)
	}
	return l.finish(name, func() (*Dataset, error) { return l.openPictures(&pictureSet{dir: paths[0], paths: paths}) })
}

// finish opens a set and gives it the size and channels of the options.
func (l *loader) finish(spec string, open func() (*Dataset, error)) (*Dataset, error) {
	d, err := open()
	if err != nil {
		return nil, err
	}
	if l.o.Labels != "" && !l.labeled {
		return nil, fmt.Errorf("dataset: labels: %s: %w: they are of a folder of pictures, and %s is none", l.o.Labels, ErrCSV, spec)
	}
	if d, err = l.convert(d); err != nil {
		return nil, err
	}
	if d.Labels == nil && l.o.NeedLabels {
		return nil, fmt.Errorf("dataset: %s: %w: it has none", spec, ErrLabels)
	}
	sum := sha256.Sum256(d.Pix)
	d.SHA256 = hex.EncodeToString(sum[:])
	return d, nil
}

// newLoader checks the options.
func newLoader(ctx context.Context, spec string, o Options) (*loader, error) {
	if o.Channels == 0 {
		o.Channels = 1
	}
	l := &loader{ctx: ctx, o: o, limit: memoryLimit(o.MaxRAM), ground: color.RGBA{0xff, 0xff, 0xff, 0xff}}
	l.alpha = o.Background == nil && HasAlpha(o.Channels)
	if o.Channels < 1 || o.Channels > 4 {
		return nil, fmt.Errorf("dataset: %d channels, want 1 to 4", o.Channels)
	}
	if o.Size < 0 || o.Size > maxSide {
		return nil, fmt.Errorf("dataset: size %d, want 1 to %d", o.Size, maxSide)
	}
	switch o.Split {
	case "", Train, Test:
	default:
		return nil, fmt.Errorf("dataset: split %q, want %q or %q", o.Split, Train, Test)
	}
	switch {
	case o.White < 0 || o.White > 0xffff:
		return nil, fmt.Errorf("dataset: white %d, want 1 to 65535", o.White)
	case o.MaxRAM < 0:
		return nil, fmt.Errorf("dataset: memory of %d bytes", o.MaxRAM)
	}
	if o.Background != nil {
		l.ground = color.RGBAModel.Convert(o.Background).(color.RGBA)
		if l.ground.A != 0xff {
			return nil, fmt.Errorf("dataset: background %v is transparent itself", o.Background)
		}
	}
	data, _ := os.Stat(spec)
	for _, path := range o.Exclude {
		if info, err := os.Stat(path); err == nil && (data == nil || !os.SameFile(info, data)) {
			l.exclude = append(l.exclude, info)
		}
	}
	return l, nil
}

func (l *loader) open(spec string) (*Dataset, error) {
	switch spec {
	case "digits":
		return l.openDigits()
	case "mnist":
		return l.openNamed(spec, "mnist")
	case "fashion", "fashion-mnist":
		d, err := l.openNamed("fashion", "fashion-mnist")
		if err == nil && d.Labels != nil {
			d.Classes = slices.Clone(fashionClasses)
		}
		return d, err
	}
	info, err := os.Stat(spec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dataset: %s: %w: no such file or directory, and the known names are digits, mnist and fashion", spec, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if what := notRegular(info); what != "" {
		return nil, fmt.Errorf("dataset: %s: %w: it is %s", spec, ErrNotFile, what)
	}
	if !info.IsDir() {
		d, err := l.openImages(spec, labelsBeside(spec))
		return d, notIDX(spec, err)
	}
	d, err := l.openDir(spec)
	if err != nil {
		return nil, err
	}
	d.Name = baseName(spec)
	return d, nil
}

// fashionClasses are the names of Fashion-MNIST's labels (Xiao, Rasul and Vollgraf 2017).
var fashionClasses = []string{"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}

func (l *loader) openDigits() (*Dataset, error) {
	if l.o.Split == Test {
		return nil, fmt.Errorf("dataset: digits: %w: it has no test split; mnist has", ErrNotFound)
	}
	images, labels := digits.Images(), digits.Labels()
	d, err := l.readImages("digits", bytes.NewReader(images), int64(len(images)))
	if err != nil {
		return nil, err
	}
	return d, l.readLabels(d, "digits", bytes.NewReader(labels), int64(len(labels)))
}

// openNamed looks for a well-known set where it is usually kept.
func (l *loader) openNamed(name, dir string) (*Dataset, error) {
	places := []string{dir, filepath.Join("data", dir), filepath.Join("/usr/share/datasets", dir)}
	if root := os.Getenv("GANTINY_DATA"); root != "" {
		places = append([]string{filepath.Join(root, dir)}, places...)
	}
	for _, place := range places {
		images, labels := findIDX(place, l.o.Split)
		if images == "" {
			continue
		}
		d, err := l.openImages(images, labels)
		if err == nil {
			d.Name = name
		}
		return d, err
	}
	return nil, fmt.Errorf("dataset: %s: %w: looked for %s in %s; set GANTINY_DATA to the folder that holds %s/, or give the folder of its files",
		name, ErrNotFound, idxName(l.o.Split, "images")+"[.gz]", strings.Join(places, ", "), dir)
}

// describe is the set's name and size, for messages.
func (d *Dataset) describe() string {
	return fmt.Sprintf("%s: %s of %dx%dx%d", d.Name, plural(d.N, "image"), d.H, d.W, d.C)
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

const maxSide = 1 << 14 // pixels of an image's side

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
