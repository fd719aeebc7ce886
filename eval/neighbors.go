package eval

import (
	"context"
	"math"
)

var infinite = float32(math.Inf(1))

// radii returns for each row the squared distance of its k-th nearest other row.
func (s *sweeper) radii(ctx context.Context, a rows, k int) ([]float32, error) {
	near := make([]float32, a.n*k) // (n, k), the smallest distances so far in ascending order
	for i := range near {
		near[i] = infinite
	}
	err := s.distances(ctx, a, a, func(_, i, j0 int, d []float32) {
		if at := i - j0; at >= 0 && at < len(d) {
			d[at] = infinite // itself
		}
		list := near[i*k:][:k]
		for _, v := range d {
			if v < list[k-1] {
				insert(list, v)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	last := make([]float32, a.n)
	for i := range last {
		last[i] = near[i*k+k-1]
	}
	return last, nil
}

// insert puts v, which is less than the last one, in its place among ascending values.
func insert(list []float32, v float32) {
	at := len(list) - 1
	for ; at > 0 && list[at-1] > v; at-- {
		list[at] = list[at-1]
	}
	list[at] = v
}

// near says how two sets of pictures lie among one another: within the distance of a picture from
// the K-th nearest of its own set.
type near struct {
	inside   []int32 // of each sample: how many references it is near to
	covered  []bool  // of each reference: whether a sample is near to it
	recalled []bool  // of each reference: whether it is near to a sample
}

// neighbors compares samples with references, whose squared radii are given.
func (s *sweeper) neighbors(ctx context.Context, samples, references rows, own, their []float32) (*near, error) {
	n := &near{inside: make([]int32, samples.n), covered: make([]bool, references.n), recalled: make([]bool, references.n)}
	flags := make([][2][]bool, s.team.Workers())
	for i := range flags {
		flags[i] = [2][]bool{make([]bool, references.n), make([]bool, references.n)}
	}
	err := s.distances(ctx, samples, references, func(worker, i, j0 int, d []float32) {
		covered, recalled := flags[worker][0][j0:], flags[worker][1][j0:]
		for j, v := range d {
			if v <= their[j0+j] {
				n.inside[i]++
				covered[j] = true
			}
			if v <= own[i] {
				recalled[j] = true
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, f := range flags {
		for j := range references.n {
			n.covered[j] = n.covered[j] || f[0][j]
			n.recalled[j] = n.recalled[j] || f[1][j]
		}
	}
	return n, nil
}

// nearest returns for each row of a the nearest row of b, the first of equals, or -1 for none. Row
// i may not find row not[i] of b; not may be nil.
func (s *sweeper) nearest(ctx context.Context, a, b rows, not []int32) ([]int32, error) {
	index, best := make([]int32, a.n), make([]float32, a.n)
	for i := range best {
		index[i], best[i] = -1, infinite
	}
	err := s.distances(ctx, a, b, func(_, i, j0 int, d []float32) {
		for j, v := range d {
			if v < best[i] && (not == nil || int(not[i]) != j0+j) {
				best[i], index[i] = v, int32(j0+j)
			}
		}
	})
	return index, err
}
