package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gantiny/gantiny/internal/fmath"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// Errors of this package, for errors.Is.
var (
	ErrClassifier = errors.New("not a classifier of pictures")
	ErrPictures   = errors.New("pictures that cannot be compared")
)

// Classifier sees classes in pictures, and their features.
type Classifier struct {
	m        *model.Model // makes logits and, unless they are the same, features
	in       model.Shape
	classes  int
	features int
	channel  *Classifier // of a classifier of stacked pictures: that of each channel
}

// ReadClassifier is NewClassifier of a file in memory.
func ReadClassifier(file []byte) (*Classifier, error) {
	m, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	return NewClassifier(m)
}

// NewClassifier returns the Classifier of a network that makes two logits or more, one a class, of
// a picture of values in [-1, 1]. The features are what the last Dense layer reads, or the logits
// themselves where nothing but a Softmax follows another layer. Errors wrap ErrClassifier.
func NewClassifier(m *model.Model) (*Classifier, error) {
	in, out := m.Inputs(), m.Outputs()
	if len(in) != 1 || in[0].Type.Kind != model.Float32 || in[0].Shape.IsFlat() {
		return nil, fmt.Errorf("eval: %w: its inputs are %v, not one picture", ErrClassifier, in)
	}
	if len(out) != 1 || out[0].Type.Kind != model.Float32 || !out[0].Shape.IsFlat() || out[0].Shape.C < 2 {
		return nil, fmt.Errorf("eval: %w: it makes %v, not two logits or more", ErrClassifier, out)
	}
	with, err := m.WithOutputs(heads(m.Graph())...)
	if err != nil {
		return nil, fmt.Errorf("eval: %w: %w", ErrClassifier, err)
	}
	c := &Classifier{m: with, in: in[0].Shape, classes: out[0].Shape.C}
	made := with.Outputs()
	if c.features = made[len(made)-1].Shape.Len(); c.features > maxFeatures {
		return nil, fmt.Errorf("eval: %w: %d features, want at most %d", ErrClassifier, c.features, maxFeatures)
	}
	return c, nil
}

// maxFeatures bounds what the covariances take.
const maxFeatures = 512

// heads returns the names of the logits and, unless they are the same, of the features in a
// classifier's graph.
func heads(g model.GraphInfo) []string {
	made := map[string]model.LayerInfo{}
	for _, n := range g.Nodes {
		made[n.Name] = n
	}
	logits := g.Outputs[0]
	if n, ok := made[logits]; ok && n.Op.Kind() == (model.Softmax{}).Kind() {
		logits = n.Inputs[0]
	}
	if n, ok := made[logits]; ok && n.Op.Kind() == (model.Dense{}).Kind() {
		if features, ok := made[n.Inputs[0]]; ok {
			return []string{logits, features.Name}
		}
	}
	return []string{logits}
}

// Input is the shape of the pictures.
func (c *Classifier) Input() model.Shape { return c.in }

// Classes is the number of classes.
func (c *Classifier) Classes() int { return c.classes }

// Features is the number of features of a picture.
func (c *Classifier) Features() int { return c.features }

// Network is the classifier's network; of a stacked one, that of each channel. Its outputs are the
// logits and, unless they are the same, the features.
func (c *Classifier) Network() *model.Model { return c.m }

// Provenance says where the classifier comes from.
func (c *Classifier) Provenance() model.Provenance { return c.m.Provenance }

// Seen is what a Classifier sees in pictures.
type Seen struct {
	Pix      []uint8   // (N, H, W, C), the pictures
	Features []float32 // (N, D)
	Classes  []int32   // (N) the class of the largest logit, the first of equals
	Sure     []float32 // (N) its probability; of stacked pictures, that of the least sure channel
	N, D     int
}

// atOnce is how many pictures are turned to floats at a time.
const atOnce = 256

// See looks at pictures (N, H, W, C), which Seen keeps. They must be of the shape Input. When ctx
// ends, it returns the context's error soon.
func (c *Classifier) See(ctx context.Context, pix []uint8, o Options) (*Seen, error) {
	size := c.in.Len()
	if len(pix) == 0 || len(pix)%size != 0 {
		return nil, fmt.Errorf("eval: %w: %d bytes of pixels, not pictures of %v", ErrPictures, len(pix), c.in)
	}
	if c.channel != nil {
		return c.seeStacked(ctx, pix, o)
	}
	n := len(pix) / size
	// Strict: what is seen in a picture does not depend on how many there are.
	s, err := c.m.NewSession(model.Options{Batch: atOnce, Threads: o.Threads, Kernels: o.Kernels, Strict: true})
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer s.Close()
	seen := &Seen{Pix: pix, N: n, D: c.features, Features: make([]float32, n*c.features), Classes: make([]int32, n), Sure: make([]float32, n)}
	x, logits := make([]float32, atOnce*size), make([]float32, atOnce*c.classes)
	for i := 0; i < n; i += atOnce {
		k := min(atOnce, n-i)
		for j, v := range pix[i*size:][:k*size] {
			x[j] = (float32(v) - 127.5) / 127.5
		}
		features := seen.Features[i*c.features:][:k*c.features]
		feed := model.Feed{In: []model.Data{{Floats: x[:k*size]}}, Out: []model.Data{{Floats: logits[:k*c.classes]}, {Floats: features}}}
		if len(c.m.Outputs()) == 1 {
			feed.Out = feed.Out[:1]
		}
		if err := s.RunFeed(ctx, feed); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		if len(feed.Out) == 1 {
			copy(features, logits)
		}
		for j := range k {
			seen.Classes[i+j], seen.Sure[i+j] = best(logits[j*c.classes:][:c.classes])
		}
	}
	return seen, seen.finite()
}

// best returns the class of the largest logit and its probability by softmax.
func best(logits []float32) (class int32, probability float32) {
	for k, v := range logits {
		if v > logits[class] {
			class = int32(k)
		}
	}
	sum := 0.0
	for _, v := range logits {
		sum += fmath.Exp(float64(v) - float64(logits[class]))
	}
	return class, float32(1 / sum)
}

// finite returns an error if a feature is no finite number.
func (s *Seen) finite() error {
	for i, v := range s.Features {
		if v-v != 0 {
			return fmt.Errorf("eval: %w: feature %d of picture %d is %v", ErrPictures, i%s.D, i/s.D, v)
		}
	}
	for i, v := range s.Sure {
		if v != v {
			return fmt.Errorf("eval: %w: a logit of picture %d is not a number", ErrPictures, i)
		}
	}
	return nil
}

// Accuracy is the share of pictures in which the label is seen.
func (s *Seen) Accuracy(labels []int32) float64 {
	right := 0
	for i, k := range s.Classes {
		if labels[i] == k {
			right++
		}
	}
	return float64(right) / float64(len(s.Classes))
}

// Options say how figures are computed. The zero value is the usual.
type Options struct {
	K       int    // nearest neighbors, 5 if 0
	Seed    uint64 // of which pictures are compared, and of the bootstrap
	Nearest int    // pictures whose nearest training picture is searched for, 0 for none

	// Frequencies of the data's classes; nil for those of the labels of the training pictures.
	Frequencies []float64

	Threads int           // 0 for one per processor that Go may use; any number gives the same bits
	Kernels *simd.Kernels // nil for simd.Best()

	// Stage is called with what is done next, nil for none.
	Stage func(what string)
}

func (o Options) stage(format string, args ...any) {
	if o.Stage != nil {
		o.Stage(fmt.Sprintf(format, args...))
	}
}

func (o Options) withDefaults() Options {
	if o.K == 0 {
		o.K = 5
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	return o
}
