package eval

import (
	"context"
	"math"
	"slices"
)

// Nearest says how far pictures are from the nearest of all training pictures, beside how far test
// pictures are. A generator that remembers training pictures draws some that are far closer.
type Nearest struct {
	N        int       `json:"n"`        // pictures that were looked at
	Features Distances `json:"features"` // Euclidean distances of features
	Pixels   Distances `json:"pixels"`   // roots of the mean squared differences, in levels of 255
}

// Distances are those to the nearest training picture.
type Distances struct {
	Least    float64 `json:"least"`
	Median   float64 `json:"median"`
	Closer   float64 `json:"closer"`   // share of pictures that are closer than 99 of 100 test pictures: .01 if nothing is remembered
	Picture  int     `json:"picture"`  // the closest picture, counted from 0
	Training int     `json:"training"` // the training picture that it is closest to
}

// search finds the nearest of all training pictures.
type search struct {
	n        int       // pictures that are looked at
	pix      []uint8   // of all training pictures
	size     int       // values of a picture
	center   []float64 // of features
	raw      rows      // features of all training pictures
	centered rows
	test     [2][]float64 // ascending distances of test pictures, by features and by pixels
}

// newSearch looks at all training pictures, and finds those that are nearest to the first of the
// test pictures; where these are training pictures too, not names them, so that they do not find
// themselves.
func (r *Reference) newSearch(ctx context.Context, s *sweeper, test *Seen, not []int32) (*search, *Nearest, error) {
	r.o.stage("looking at all %d training pictures", r.data.N)
	all, err := r.c.See(ctx, r.data.Pix, r.o)
	if err != nil {
		return nil, nil, err
	}
	f := &search{n: min(r.o.Nearest, test.N), pix: r.data.Pix, size: r.c.in.Len(), center: r.center, raw: rows{all.Features, all.N, all.D}}
	f.centered = f.raw.less(r.center)
	floor := &Nearest{N: f.n}
	for space, to := range floor.spaces() {
		d, which, err := f.distances(ctx, s, test, space, not)
		if err != nil {
			return nil, nil, err
		}
		f.test[space] = slices.Sorted(slices.Values(d))
		*to = describe(d, which, f.test[space])
	}
	return f, floor, nil
}

// spaces are the distances in the order of byFeatures and byPixels.
func (n *Nearest) spaces() [2]*Distances { return [2]*Distances{&n.Features, &n.Pixels} }

// The spaces of distances.
const (
	byFeatures = iota
	byPixels
)

// distances returns those of the first pictures to the nearest training pictures, and which these
// are. The sweep's own distances are rounded; these are not.
func (f *search) distances(ctx context.Context, s *sweeper, seen *Seen, space int, not []int32) (d []float64, which []int32, err error) {
	d = make([]float64, f.n)
	if space == byFeatures {
		some := rows{seen.Features, seen.N, seen.D}.block(0, f.n)
		if which, err = s.nearest(ctx, some.less(f.center), f.centered, not); err != nil {
			return nil, nil, err
		}
		for i, j := range which {
			d[i] = math.Sqrt(squaredDistance(some.block(i, i+1).x, f.raw.block(int(j), int(j)+1).x))
		}
		return d, which, nil
	}
	if which, err = f.nearestPixels(ctx, s, seen.Pix[:f.n*f.size], not); err != nil {
		return nil, nil, err
	}
	for i, j := range which {
		d[i] = math.Sqrt(squaredDistance(seen.Pix[i*f.size:][:f.size], f.pix[int(j)*f.size:][:f.size]) / float64(f.size))
	}
	return d, which, nil
}

// pixelsAtOnce is how many training pictures are turned to floats at a time.
const pixelsAtOnce = 4 * colBlock

// nearestPixels is sweeper.nearest of pictures.
func (f *search) nearestPixels(ctx context.Context, s *sweeper, pix []uint8, not []int32) ([]int32, error) {
	some := floats(pix, f.size)
	found := make([]int32, f.n)
	least := make([]float64, f.n)
	for i := range least {
		least[i] = math.Inf(1)
	}
	all := len(f.pix) / f.size
	for at := 0; at < all; at += pixelsAtOnce {
		end := min(at+pixelsAtOnce, all)
		var here []int32
		for _, j := range not {
			here = append(here, j-int32(at)) // out of range for most
		}
		which, err := s.nearest(ctx, some, floats(f.pix[at*f.size:end*f.size], f.size), here)
		if err != nil {
			return nil, err
		}
		for i, j := range which {
			if j < 0 {
				continue // only itself
			}
			j += int32(at)
			d := squaredDistance(pix[i*f.size:][:f.size], f.pix[int(j)*f.size:][:f.size])
			if d < least[i] {
				found[i], least[i] = j, d
			}
		}
	}
	return found, nil
}

// floats returns pictures as rows, with gray at 0.
func floats(pix []uint8, size int) rows {
	x := make([]float32, len(pix))
	for i, v := range pix {
		x[i] = float32(v) - 127.5
	}
	return rows{x, len(pix) / size, size}
}

func squaredDistance[T uint8 | float32](x, y []T) (sum float64) {
	for i, v := range x {
		d := float64(v) - float64(y[i])
		sum += d * d
	}
	return sum
}

// nearest compares pictures with all training pictures.
func (f *search) nearest(ctx context.Context, s *sweeper, seen *Seen) (*Nearest, error) {
	n := &Nearest{N: f.n}
	for space, to := range n.spaces() {
		d, which, err := f.distances(ctx, s, seen, space, nil)
		if err != nil {
			return nil, err
		}
		*to = describe(d, which, f.test[space])
	}
	return n, nil
}

// describe sums distances up beside those of test pictures, which are in ascending order.
func describe(d []float64, which []int32, test []float64) Distances {
	var r Distances
	rare := test[len(test)/100]
	for i, v := range d {
		if v < d[r.Picture] {
			r.Picture = i
		}
		r.Closer += oneIf(v < rare)
	}
	r.Closer /= float64(len(d))
	r.Least, r.Training = d[r.Picture], int(which[r.Picture])
	slices.Sort(d)
	r.Median = d[len(d)/2]
	return r
}
