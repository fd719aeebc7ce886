package eval

import (
	"context"
	"math"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

func TestBlocks(t *testing.T) {
	for _, n := range []int{2, 3, 99, 100, 101, 10000} {
		b := blocksOf(n)
		at := 0
		for i := range b.count {
			lo, hi := b.of(i)
			if lo != at || hi-lo < 2 {
				t.Errorf("%d rows: block %d is [%d, %d)", n, i, lo, hi)
			}
			at = hi
		}
		if at != n || b.count > mostBlocks {
			t.Errorf("%d rows: %d blocks end at %d", n, b.count, at)
		}
	}
}

// The bootstrap's spread is about that of figures of many independent sets. It keeps who is near to
// whom, which makes it too small for figures that hang on few neighbors, as here in few dimensions.
func TestSpread(t *testing.T) {
	const n, d, times = 200, 4, 40
	ctx := context.Background()
	o := Options{Kernels: simd.Best(), Threads: 2, K: 5}
	s := newSweeper(o)
	defer s.close()
	var drawn [figureCount][]float64
	var boot [figureCount]float64
	for i := range times {
		sets := [2]*set{}
		for j := range sets {
			r := randomRows(n, d, uint32(2*i+j+1))
			if j == 0 {
				for k := range r.x {
					r.x[k] = 1.2*r.x[k] + 0.3
				}
			}
			seen := &Seen{Features: r.x, N: n, D: d, Classes: make([]int32, n), Sure: make([]float32, n)}
			for k := range n {
				if r.x[k*d] > 0.5 {
					seen.Classes[k] = 1
				}
				seen.Sure[k] = r.x[k*d]
			}
			var err error
			if sets[j], err = s.newSet(ctx, seen, make([]float64, d), 5); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.compare(ctx, sets[0], sets[1], make([]int32, n), []float64{0.9, 0.1}, 5)
		if err != nil {
			t.Fatal(err)
		}
		v := c.values(sets[0].blocks.ones(), sets[1].blocks.ones())
		for f := range drawn {
			drawn[f] = append(drawn[f], v[f])
		}
		if i%8 > 0 {
			continue
		}
		r, err := s.result(ctx, c, true, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		for f, v := range [figureCount]float64{
			frechetAt: r.Spread.Frechet, kidAt: r.Spread.KID, precisionAt: r.Spread.Precision, recallAt: r.Spread.Recall,
			densityAt: r.Spread.Density, coverageAt: r.Spread.Coverage, tvAt: r.Spread.TV, agreementAt: *r.Spread.LabelAgreement, sureAtAt: r.Spread.Sure,
		} {
			boot[f] += v / 5
		}
	}
	for f, x := range drawn {
		if f == modesAt {
			continue
		}
		if ratio := boot[f] / deviation(x); !(ratio > 0.4 && ratio < 1.8) || math.IsNaN(ratio) {
			t.Errorf("figure %d: the bootstrap's spread is %v, that of new sets %v", f, boot[f], deviation(x))
		}
	}
}
