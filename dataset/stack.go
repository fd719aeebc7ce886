package dataset

import (
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// StackImages is how many images lie over one another in a stacked picture: as its red, green and
// blue channel, such as the three digits of Stacked MNIST (Metz et al. 2017).
const StackImages = 3

// mostStackClasses bounds the classes of a channel, so that labels of stacked pictures fit.
const mostStackClasses = 1 << 10

// NewStackBatches deals the images of each channel of stacked pictures: picture i of a batch is made
// of image i of the three batches. In each epoch every image has its turn once in each channel. The
// orders depend on (seed, epoch) alone, that of red is the order of NewBatches.
func NewStackBatches(n, size int, at Cursor) (list [StackImages]*Batches, err error) {
	for c := range list {
		if list[c], err = NewBatches(n, size, at); err != nil {
			return list, err
		}
		list[c].channel = c
	}
	return list, nil
}

// FillChannel writes the images idx, of one channel, into channel c of images 0 ... len(idx)-1 of
// the layout m over dst, as Fill does. It panics where m does not fit.
func (d *Dataset) FillChannel(dst []float32, m conv.Layout, c int, idx []int32) {
	if m.H != d.H || m.W != d.W || d.C != 1 || c < 0 || c >= m.C || len(idx) > m.N {
		panic("dataset: FillChannel: the map has another shape")
	}
	size := d.H * d.W
	for p := range m.Positions() {
		row := dst[p*m.Stride+c:]
		src := d.Pix[p:]
		for n, i := range idx {
			row[n*m.Row] = scaled[src[int(i)*size]]
		}
	}
}

// Stacked returns n stacked pictures of the images of d, of one channel: those of which the first
// epochs of NewStackBatches with this seed are made. Where d has labels, all of them below classes,
// the label of a picture is (red*classes + green)*classes + blue; otherwise it has none. There may be
// 1,024 classes.
func (d *Dataset) Stacked(n int, seed uint64, classes int) (*Dataset, error) {
	if d.C != 1 {
		return nil, fmt.Errorf("dataset: %s: stacked pictures are made of images of one channel, these have %d", d.Name, d.C)
	}
	if classes < 0 || classes > mostStackClasses {
		return nil, fmt.Errorf("dataset: %s: stacked pictures of %d classes a channel, want at most %d", d.Name, classes, mostStackClasses)
	}
	bytes, err := pixelBytes(n, d.H, d.W, StackImages)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", d.Name, err)
	}
	batches, err := NewStackBatches(d.N, 1, Cursor{Seed: seed})
	if err != nil {
		return nil, err
	}
	s := &Dataset{Name: d.Name, H: d.H, W: d.W, C: StackImages, N: n, Pix: make([]uint8, bytes)}
	if d.Labels != nil && d.NumClasses() <= classes {
		s.Labels = make([]int32, n)
	}
	for i := range n {
		to := s.Image(i)
		for c, b := range batches {
			from := b.Next()[0]
			for p, v := range d.Image(int(from)) {
				to[p*StackImages+c] = v
			}
			if s.Labels != nil {
				s.Labels[i] = s.Labels[i]*int32(classes) + d.Labels[from]
			}
		}
	}
	return s, nil
}
