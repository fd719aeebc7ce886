package eval

import (
	"context"
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/dataset"
)

// mostModes bounds the classes of stacked pictures, for each of which the figures hold sums.
const mostModes = 1 << 15

// Stacked returns the Classifier of stacked pictures, of which c sees each channel: their class is
// (red*K + green)*K + blue of K classes, the mode of Stacked MNIST; their features are those of the
// channels, one after the other. c must read pictures of one channel.
func (c *Classifier) Stacked() (*Classifier, error) {
	s := &Classifier{m: c.m, in: c.in, classes: 1, features: dataset.StackImages * c.features, channel: c}
	if c.in.C != 1 {
		return nil, fmt.Errorf("eval: %w: it reads pictures of %v, those of a stack have one channel", ErrClassifier, c.in)
	}
	if s.features > maxFeatures {
		return nil, fmt.Errorf("eval: %w: %d features of %d channels, want at most %d", ErrClassifier, s.features, dataset.StackImages, maxFeatures)
	}
	s.in.C = dataset.StackImages
	for range dataset.StackImages {
		if s.classes *= c.classes; s.classes > mostModes {
			return nil, fmt.Errorf("eval: %w: %d classes a channel, stacks of more than %d modes", ErrClassifier, c.classes, mostModes)
		}
	}
	return s, nil
}

// seeStacked looks at each channel of stacked pictures.
func (c *Classifier) seeStacked(ctx context.Context, pix []uint8, o Options) (*Seen, error) {
	const channels = dataset.StackImages
	n, d := len(pix)/c.in.Len(), c.channel.features
	all := &Seen{Pix: pix, N: n, D: c.features, Features: make([]float32, n*c.features), Classes: make([]int32, n), Sure: slices.Repeat([]float32{1}, n)}
	gray := make([]uint8, len(pix)/channels)
	for ch := range channels {
		for i := range gray {
			gray[i] = pix[i*channels+ch]
		}
		seen, err := c.channel.See(ctx, gray, o)
		if err != nil {
			return nil, err
		}
		for i := range n {
			copy(all.Features[(i*channels+ch)*d:], seen.Features[i*d:][:d])
			all.Classes[i] = all.Classes[i]*int32(c.channel.classes) + seen.Classes[i]
			all.Sure[i] = min(all.Sure[i], seen.Sure[i])
		}
	}
	return all, nil
}

// StackedFrequencies are the frequencies of the modes of pictures that are stacked of images with
// these labels, of so many classes: the channels are chosen apart, so they are the products of the
// frequencies of the labels.
func StackedFrequencies(labels []int32, classes int) []float64 {
	one := make([]float64, classes)
	for _, k := range labels {
		one[k] += 1 / float64(len(labels))
	}
	f := []float64{1}
	for range dataset.StackImages {
		next := make([]float64, 0, len(f)*classes)
		for _, a := range f {
			for _, b := range one {
				next = append(next, a*b)
			}
		}
		f = next
	}
	return f
}
