package train

import "math"

// Schedule says by which share of the learning rate a step updates. With p the
// share of Decay that has passed since Warmup, at most 1:
//
//	step <= Warmup   step / Warmup
//	constant         1
//	linear           1 - (1-Final)*p
//	cosine           Final + (1-Final)*(1+cos(pi*p))/2
//
// It counts steps rather than epochs of a run, so that a longer run continues a
// shorter one.
type Schedule struct {
	Kind   string // constant, linear or cosine
	Warmup int    // steps in which the rate rises from nothing
	Decay  int    // steps after these in which it falls, for linear and cosine
	Final  float64
}

// scheduleKinds holds what Kind may be.
var scheduleKinds = map[string]func(p, final float64) float64{
	"constant": func(p, final float64) float64 { return 1 },
	"linear":   func(p, final float64) float64 { return 1 - float64((1-final)*p) },
	"cosine":   func(p, final float64) float64 { return final + float64((1-final)*(1+math.Cos(math.Pi*p))/2) },
}

// At returns the share at step, from 1.
func (s Schedule) At(step uint64) float64 {
	n, warmup := float64(step), float64(s.Warmup)
	if n <= warmup {
		return n / warmup
	}
	return scheduleKinds[s.Kind](min(1, (n-warmup)/max(float64(s.Decay), 1)), s.Final)
}
