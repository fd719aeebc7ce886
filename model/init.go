package model

import (
	"hash/fnv"
	"math"

	"github.com/gantiny/gantiny/internal/rng"
)

// Initializer gives a weight its first values. Its numbers depend on the key
// alone. fanIn and fanOut count as in Keras: channels times kernel positions.
type Initializer func(w []float32, key [2]uint32, fanIn, fanOut int)

// GlorotUniform draws from [-l, l) with l = sqrt(6 / (fanIn+fanOut)) (Glorot
// and Bengio 2010), Keras' default.
func GlorotUniform(w []float32, key [2]uint32, fanIn, fanOut int) {
	limit := float32(math.Sqrt(6 / float64(fanIn+fanOut)))
	rng.FillUniform(w, key, 0)
	for i, u := range w {
		w[i] = (2*u - 1) * limit // 2*u - 1 is exact
	}
}

// Normal draws from the normal distribution of mean 0 and the given standard deviation.
func Normal(deviation float32) Initializer {
	return func(w []float32, key [2]uint32, _, _ int) {
		rng.FillNormal(w, key, 0)
		for i := range w {
			w[i] *= deviation
		}
	}
}

// Init gives all parameters their first values: f's to the weights, 0 to biases,
// beta and moving means, 1 to gamma and moving variances, 0.25 to PReLU's slopes. A weight's values
// depend on the seed, the model's name and the weight's place in it.
func (m *Model) Init(seed uint64, f Initializer) {
	name := fnv.New64a()
	name.Write([]byte(m.Name))
	key := rng.NewKey(seed, rng.Init).Sub(name.Sum64())
	for i, p := range m.Params() {
		if p.Init == Weight {
			f(p.Data, key.Sub(uint64(i)), p.FanIn, p.FanOut)
		} else {
			p.fill(p.Init.start())
		}
	}
	m.Changed()
}
