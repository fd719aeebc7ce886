package eval

import (
	"context"
	"math"

	"github.com/gantiny/gantiny/internal/rng"
)

// set is pictures as the figures need them.
type set struct {
	seen     *Seen
	blocks   blocks
	raw      rows // features
	centered rows // features less a center that all sets share, for distances
	moments  []*moments
	radii    []float32   // squared, to the K-th nearest neighbor
	kernel   *kernelSums // of the set with itself
}

// newSet computes what depends on one set alone.
func (s *sweeper) newSet(ctx context.Context, seen *Seen, center []float64, k int) (x *set, err error) {
	x = &set{seen: seen, blocks: blocksOf(seen.N), raw: rows{seen.Features, seen.N, seen.D}}
	x.centered = x.raw.less(center)
	if x.moments, err = s.blockMoments(ctx, x.raw, center, x.blocks); err != nil {
		return nil, err
	}
	if x.radii, err = s.radii(ctx, x.centered, k); err != nil {
		return nil, err
	}
	x.kernel, err = s.kernelSums(ctx, x.raw, x.raw, x.blocks, x.blocks, true)
	return x, err
}

// less returns the rows less center.
func (r rows) less(center []float64) rows {
	x := make([]float32, len(r.x))
	for i, v := range r.x {
		x[i] = float32(float64(v) - center[i%r.d])
	}
	return rows{x, r.n, r.d}
}

// comparison has the sums, over blocks of pictures, of which figures are made: for all blocks once,
// or for those that the bootstrap draws.
type comparison struct {
	samples, references *set
	cross               *kernelSums
	k                   float64
	precision, density  tally   // over samples
	recall, coverage    tally   // over references
	classes             []tally // over samples, for each class
	agreement, sure     tally   // over samples
	frequencies         []float64
}

// compare compares samples, in which the classes asked, if not nil, are looked for, with
// references.
func (s *sweeper) compare(ctx context.Context, samples, references *set, asked []int32, frequencies []float64, k int) (*comparison, error) {
	near, err := s.neighbors(ctx, samples.centered, references.centered, samples.radii, references.radii)
	if err != nil {
		return nil, err
	}
	cross, err := s.kernelSums(ctx, samples.raw, references.raw, samples.blocks, references.blocks, false)
	if err != nil {
		return nil, err
	}
	own, their, seen := samples.blocks, references.blocks, samples.seen
	c := &comparison{samples: samples, references: references, cross: cross, k: float64(k), frequencies: frequencies}
	c.precision = own.tally(func(i int) float64 { return oneIf(near.inside[i] > 0) })
	c.density = own.tally(func(i int) float64 { return float64(near.inside[i]) })
	c.recall = their.tally(func(i int) float64 { return oneIf(near.recalled[i]) })
	c.coverage = their.tally(func(i int) float64 { return oneIf(near.covered[i]) })
	c.sure = own.tally(func(i int) float64 { return oneIf(seen.Sure[i] >= sureAt) })
	for class := range frequencies {
		c.classes = append(c.classes, own.tally(func(i int) float64 { return oneIf(int(seen.Classes[i]) == class) }))
	}
	c.agreement = make(tally, own.count)
	if asked != nil {
		c.agreement = own.tally(func(i int) float64 { return oneIf(seen.Classes[i] == asked[i]) })
	}
	return c, nil
}

// values returns the figures where blocks of samples and references count as often as x and y say.
func (c *comparison) values(x, y []float64) (v values) {
	p, q := newMoments(c.samples.seen.D), newMoments(c.samples.seen.D)
	for i, m := range c.samples.moments {
		p.add(m, x[i])
	}
	for i, m := range c.references.moments {
		q.add(m, y[i])
	}
	v[frechetAt] = frechet(p, q)
	v[kidAt] = kid(c.samples.kernel, c.references.kernel, c.cross, x, y)
	v[precisionAt] = c.precision.weighted(x) / p.n
	v[densityAt] = c.density.weighted(x) / p.n / c.k
	v[recallAt] = c.recall.weighted(y) / q.n
	v[coverageAt] = c.coverage.weighted(y) / q.n
	for class, f := range c.frequencies {
		n := c.classes[class].weighted(x)
		v[tvAt] += math.Abs(n/p.n-f) / 2
		v[modesAt] += oneIf(n > 0)
	}
	v[agreementAt] = c.agreement.weighted(x) / p.n
	v[sureAtAt] = c.sure.weighted(x) / p.n
	return v
}

// result returns the figures with their spreads.
func (s *sweeper) result(ctx context.Context, c *comparison, asked bool, seed uint64) (*Result, error) {
	own, their := c.samples.blocks, c.references.blocks
	ones := own.ones()
	r := &Result{N: own.n, Figures: c.values(ones, their.ones()).figures(asked)}
	for _, t := range c.classes {
		r.Classes = append(r.Classes, t.weighted(ones)/float64(own.n))
	}
	r.KL, r.KLUniform = klOf(r.Classes, c.frequencies), *klOf(r.Classes, uniform(len(r.Classes)))
	draws := make([]values, resamples)
	key := rng.NewKey(seed, rng.Sample).Sub(bootstrapKey)
	err := s.each(ctx, resamples, func(_, i int) {
		words := rng.NewStream(key.Sub(uint64(i)))
		x, y := make([]float64, own.count), make([]float64, their.count)
		draw(x, words)
		draw(y, words)
		draws[i] = c.values(x, y)
	})
	if err != nil {
		return nil, err
	}
	var spread values
	column := make([]float64, resamples)
	for f := range spread {
		for i, v := range draws {
			column[i] = v[f]
		}
		spread[f] = deviation(column)
	}
	r.Spread = spread.spread(asked)
	return r, nil
}

// Keys of the uses of a seed.
const (
	trainingKey = iota // which training pictures are compared
	testKey            // which test pictures
	bootstrapKey
)
