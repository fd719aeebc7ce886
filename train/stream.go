package train

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/rng"
)

// stream is the Source of a run: shuffled images and fresh noise.
type stream struct {
	data    *dataset.Dataset
	batches *dataset.Batches
	others  []*dataset.Batches // of stacked pictures: of the channels after red
	noise   rng.Key
	batch   []int32 // the images that Reals gave last
}

func newStream(data *dataset.Dataset, c Config, at dataset.Cursor) (*stream, error) {
	b, err := dataset.NewBatches(data.N, c.Batch, at)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	s := &stream{data: data, batches: b, noise: rng.NewKey(c.Seed, rng.Noise)}
	if c.Stack {
		channels, err := dataset.NewStackBatches(data.N, c.Batch, at)
		if err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		s.batches, s.others = channels[0], channels[1:]
	}
	return s, nil
}

func (s *stream) Reals(dst []float32, m conv.Layout) {
	s.batch = s.batches.Next()
	if s.others == nil {
		s.data.Fill(dst, m, s.batch)
		return
	}
	s.data.FillChannel(dst, m, 0, s.batch)
	for c, b := range s.others {
		s.data.FillChannel(dst, m, c+1, b.Next())
	}
}

// Labels leaves dst as it is if the images have none.
func (s *stream) Labels(dst []int32) {
	if s.data.Labels == nil {
		return
	}
	for n, i := range s.batch {
		dst[n] = s.data.Labels[i]
	}
}

// Noise depends on (seed, step, image, dimension) alone. An image's noise is a
// flat vector, so dst is one row an image.
func (s *stream) Noise(dst []float32, m conv.Layout, step uint64) {
	key := s.noise.Sub(step)
	for n := range m.N {
		rng.FillNormal(dst[n*m.Row:][:m.C], key, uint64(n))
	}
}

// drawn returns the number of batches that Reals has given since the run began.
func (s *stream) drawn() uint64 {
	at := s.batches.Cursor()
	return uint64(at.Epoch)*uint64(s.batches.PerEpoch()) + uint64(at.Batch)
}
