package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// Errors of this package, for errors.Is.
var (
	ErrSet      = errors.New("bad set")      // a Set that cannot be drawn
	ErrManifest = errors.New("bad manifest") // a file that is no manifest, or one of another set
	ErrParts    = errors.New("parts are missing or damaged")
	ErrForeign  = errors.New("a file that no manifest tells of")
)

const (
	maxParts      = 1_000_000
	maxPartImages = 1 << 24
	maxCount      = math.MaxInt / 2
	maxSide       = 1 << 16
	maxShards     = 1 << 16
)

// Set says what a set of pictures is. Two shards belong together if their Sets are equal.
type Set struct {
	// Name is a file name with one verb for the number of a part, such as digits-%05d.tar. How it
	// ends says what the files are:
	//
	//	.tar                            WebDataset: for each picture a .png, a .json and, with classes, a .cls
	//	images-idx3-ubyte, or with .gz  as MNIST's files, with another for labels beside it; idx4 of colors
	//	.npy                            float32 (N, H, W, C) in [-1, 1]
	Name string `json:"name"`

	Count      int     `json:"count"`       // pictures
	PartImages int     `json:"part_images"` // in a part; the last may have fewer
	Seed       uint64  `json:"seed"`        // of the latents
	Class      int     `json:"class"`       // of all pictures; -1: the classes take turns
	Truncation float32 `json:"truncation"`  // a factor of the latents

	// These NewDrawer fills in.
	Model      string   `json:"model_sha256"`     // of the model's file, as model.Model.Encode writes it
	Kernel     string   `json:"kernel,omitempty"` // of models in floats, whose pictures depend on it
	Height     int      `json:"height"`
	Width      int      `json:"width"`
	Channels   int      `json:"channels"`
	ClassNames []string `json:"class_names,omitempty"`
	Classes    int      `json:"classes"`
}

// Parts is the number of parts.
func (s *Set) Parts() int { return (s.Count-1)/s.PartImages + 1 }

// Range returns the pictures [first, end) of part k.
func (s *Set) Range(k int) (first, end int) {
	first = k * s.PartImages
	return first, min(first+s.PartImages, s.Count)
}

// classOf is the class of picture i, of a set that has classes.
func (s *Set) classOf(i int) int {
	if s.Class >= 0 {
		return s.Class
	}
	return i % s.Classes
}

// Shard is one of N shares of a set, I from 1. Its parts are contiguous.
type Shard struct{ I, N int }

// String writes it as --shard does: 2/8.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.I, s.N) }

// parts returns the parts [lo, hi) of parts that are the shard's.
func (s Shard) parts(parts int) (lo, hi int) {
	at := func(i int) int { return int(int64(parts) * int64(i) / int64(s.N)) }
	return at(s.I - 1), at(s.I)
}

func (s Shard) check() error {
	if s.N < 1 || s.N > maxShards || s.I < 1 || s.I > s.N {
		return fmt.Errorf("%w: shard %v, want i/n with i from 1 to n, and n to %d", ErrSet, s, maxShards)
	}
	return nil
}

// check finds what is wrong with a set, also of one that comes from a file.
func (s *Set) check() error {
	n, err := parseName(s.Name)
	switch {
	case err != nil:
		return err
	case s.Count < 1 || s.Count > maxCount:
		return fmt.Errorf("%w: %d pictures", ErrSet, s.Count)
	case s.PartImages < 1 || s.PartImages > maxPartImages:
		return fmt.Errorf("%w: %d pictures in a part, want 1 to %d", ErrSet, s.PartImages, maxPartImages)
	case s.Parts() > maxParts:
		return fmt.Errorf("%w: %d parts, %d at most: put more pictures into each", ErrSet, s.Parts(), maxParts)
	case !n.holds(s.Parts()):
		return fmt.Errorf("%w: %s numbers fewer than %d parts in order: %%0%dd does", ErrSet, s.Name, s.Parts(), len(fmt.Sprint(s.Parts()-1)))
	case !(s.Truncation >= 0 && s.Truncation <= math.MaxFloat32):
		return fmt.Errorf("%w: truncation %v", ErrSet, s.Truncation)
	case s.Classes < 0 || s.Class < -1 || s.Class >= max(s.Classes, 0):
		return fmt.Errorf("%w: class %d of a model with %d classes", ErrSet, s.Class, s.Classes)
	case s.ClassNames != nil && len(s.ClassNames) != s.Classes:
		return fmt.Errorf("%w: %d names for %d classes", ErrSet, len(s.ClassNames), s.Classes)
	case s.Height < 1 || s.Width < 1 || s.Channels < 1 || s.Height > maxSide || s.Width > maxSide || s.Channels > 4:
		return fmt.Errorf("%w: pictures of %dx%dx%d", ErrSet, s.Height, s.Width, s.Channels)
	}
	return n.kind.takes(s)
}

// describe fills in what follows from the model and the kernels.
func (s *Set) describe(m *model.Model, k *simd.Kernels) error {
	latent, class, err := m.GeneratorInputs()
	if err != nil || m.Output().IsFlat() {
		return fmt.Errorf("%w: the model is no generator: it makes %v of %v", ErrSet, m.Output(), m.Inputs()[max(latent, 0)].Shape)
	}
	s.Classes, s.ClassNames = 0, nil
	if class >= 0 {
		s.Classes, s.ClassNames = m.Inputs()[class].Type.Classes, m.ClassNames
	}
	out := m.Output()
	s.Height, s.Width, s.Channels = out.H, out.W, out.C
	if err := s.check(); err != nil {
		return err
	}
	h := sha256.New()
	if err := m.Encode(h, model.SaveOptions{}); err != nil {
		return err
	}
	s.Model = hex.EncodeToString(h.Sum(nil))
	if s.Kernel = ""; !m.Quantized() {
		s.Kernel = runtime.GOARCH + " " + k.Name
	}
	return nil
}
