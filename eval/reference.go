package eval

import (
	"context"
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// LeastPictures is how many pictures figures need at least.
const LeastPictures = 100

// Reference is training pictures to compare with, and the floor: the figures of pictures that no
// generator has made. It is used by one goroutine at a time.
type Reference struct {
	c           *Classifier
	o           Options
	data        *dataset.Dataset
	center      []float64 // the mean of the features
	set         *set
	frequencies []float64 // of the data's classes
	floor       *Result
	search      *search // for the nearest training pictures, nil for none
}

// MostPictures is how many pictures can be compared with training and test pictures; test may be
// nil.
func MostPictures(train, test *dataset.Dataset) int {
	if test == nil {
		return train.N / 2
	}
	return min(train.N, test.N)
}

// NewReference compares n test pictures with n training pictures, both chosen by the seed; without
// test pictures, test being nil, training pictures that are not among the n take their place.
// Errors wrap ErrPictures where the sets do not suit the classifier or n, or are the context's.
func NewReference(ctx context.Context, c *Classifier, train, test *dataset.Dataset, n int, o Options) (*Reference, error) {
	o = o.withDefaults()
	for _, d := range []*dataset.Dataset{train, test} {
		if d != nil && (model.Shape{H: d.H, W: d.W, C: d.C}) != c.in {
			return nil, fmt.Errorf("eval: %w: %s has pictures of %dx%dx%d, the classifier reads %v", ErrPictures, d.Name, d.H, d.W, d.C, c.in)
		}
	}
	if most := MostPictures(train, test); n > most || n < LeastPictures {
		return nil, fmt.Errorf("eval: %w: %d of them, want from %d to %d of %s", ErrPictures, n, LeastPictures, most, train.Name)
	}
	if o.K < 1 || o.K >= n {
		return nil, fmt.Errorf("eval: %w: %d neighbors of %d pictures", ErrPictures, o.K, n)
	}
	if f := o.Frequencies; f != nil && len(f) != c.classes {
		return nil, fmt.Errorf("eval: %w: frequencies of %d classes, the classifier tells %d apart", ErrPictures, len(f), c.classes)
	}
	r := &Reference{c: c, o: o, data: train}
	return r, r.compute(ctx, test, n)
}

func (r *Reference) compute(ctx context.Context, test *dataset.Dataset, n int) error {
	key := rng.NewKey(r.o.Seed, rng.Sample)
	order := make([]int32, r.data.N)
	rng.Perm(order, key.Sub(trainingKey))
	chosen, held, from := order[:n], order[n:], r.data
	if test != nil {
		from, held = test, make([]int32, test.N)
		rng.Perm(held, key.Sub(testKey))
	}
	held = held[:n]
	r.o.stage("looking at %d training pictures", n)
	seen, err := r.c.See(ctx, pictures(r.data, chosen), r.o)
	if err != nil {
		return err
	}
	r.o.stage("looking at %d test pictures", n)
	others, err := r.c.See(ctx, pictures(from, held), r.o)
	if err != nil {
		return err
	}
	r.frequencies = r.classFrequencies(seen)
	s := newSweeper(r.o)
	defer s.close()
	r.center = rows{seen.Features, seen.N, seen.D}.mean()
	r.o.stage("comparing test pictures with training pictures")
	if r.set, err = s.newSet(ctx, seen, r.center, r.o.K); err != nil {
		return err
	}
	var labels []int32
	if from.Labels != nil {
		for _, i := range held {
			labels = append(labels, from.Labels[i])
		}
	}
	if r.floor, err = r.against(ctx, s, others, labels); err != nil || r.o.Nearest == 0 {
		return err
	}
	not := held[:min(n, r.o.Nearest)]
	if test != nil {
		not = nil
	}
	r.search, r.floor.Nearest, err = r.newSearch(ctx, s, others, not)
	return err
}

// pictures returns some pictures of a set, one after the other.
func pictures(d *dataset.Dataset, which []int32) []uint8 {
	pix := make([]uint8, 0, len(which)*d.H*d.W*d.C)
	for _, i := range which {
		pix = append(pix, d.Image(int(i))...)
	}
	return pix
}

// classFrequencies are those of the options, else those of the data's labels or, where it has none
// that the classifier could see, of what is seen in some.
func (r *Reference) classFrequencies(seen *Seen) []float64 {
	if r.o.Frequencies != nil {
		return r.o.Frequencies
	}
	labels := r.data.Labels
	if labels == nil || int(slices.Max(labels)) >= r.c.classes {
		labels = seen.Classes
	}
	f := make([]float64, r.c.classes)
	for _, k := range labels {
		f[k] += 1 / float64(len(labels))
	}
	return f
}

// N is how many pictures are compared.
func (r *Reference) N() int { return r.set.seen.N }

// Floor has the figures of test pictures. LabelAgreement is the classifier's accuracy on them.
func (r *Reference) Floor() *Result { return r.floor }

// Asked returns the classes of which n pictures are to be asked for, so that they are as frequent
// as in the data: at any time the one that is furthest behind.
func (r *Reference) Asked(n int) []int32 {
	list := make([]int32, n)
	behind := make([]float64, len(r.frequencies))
	for i := range list {
		for k, f := range r.frequencies {
			behind[k] += f
			if behind[k] > behind[list[i]] {
				list[i] = int32(k)
			}
		}
		behind[list[i]]--
	}
	return list
}

// Compare compares N pictures (N, H, W, C) with the training pictures. asked has the classes that
// were asked for, nil for none.
func (r *Reference) Compare(ctx context.Context, pix []uint8, asked []int32) (*Result, error) {
	if len(pix) != r.N()*r.c.in.Len() || asked != nil && len(asked) != r.N() {
		return nil, fmt.Errorf("eval: %w: %d bytes of pixels and %d classes, want %d pictures of %v", ErrPictures, len(pix), len(asked), r.N(), r.c.in)
	}
	r.o.stage("looking at %d pictures", r.N())
	seen, err := r.c.See(ctx, pix, r.o)
	if err != nil {
		return nil, err
	}
	s := newSweeper(r.o)
	defer s.close()
	r.o.stage("comparing them with training pictures")
	return r.against(ctx, s, seen, asked)
}

// against compares pictures with the training pictures.
func (r *Reference) against(ctx context.Context, s *sweeper, seen *Seen, asked []int32) (*Result, error) {
	samples, err := s.newSet(ctx, seen, r.center, r.o.K)
	if err != nil {
		return nil, err
	}
	c, err := s.compare(ctx, samples, r.set, asked, r.frequencies, r.o.K)
	if err != nil {
		return nil, err
	}
	result, err := s.result(ctx, c, asked != nil, r.o.Seed)
	if err == nil && r.search != nil {
		result.Nearest, err = r.search.nearest(ctx, s, seen)
	}
	return result, err
}
