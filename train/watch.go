package train

import (
	"fmt"
	"math"
)

// alarm is a sign that a run goes nowhere: what was seen, and what may help. The zero
// value is none.
type alarm struct {
	kind     string
	saw, try string
}

func (a alarm) String() string {
	if a.kind == "" {
		return ""
	}
	return a.saw + "; try " + a.try
}

// What is out of the ordinary in a line of metrics.
const (
	sure    = 0.999 // difference of the mean probabilities of reals and fakes
	large   = 1000  // loss
	lowStd  = 0.02  // of the data's standard deviation, after it was lostStd times as much
	noStd   = 0.003 // of it, at any time: a fresh generator has more
	lostStd = 4
)

// alarm returns the first thing in a line of metrics that shows trouble. loss is the setting. If
// drawn is set, the line has a SampleStd, to be compared with the data's and with the largest one
// of the lines before: a generator that has hardly begun draws pictures much alike, too.
func (m Metrics) alarm(loss string, drawn bool, dataStd, before float64) alarm {
	judges := loss != "wasserstein" // whose discriminator gives scores, not probabilities
	switch {
	case judges && m.Real-m.Fake > sure:
		return alarm{"sure", fmt.Sprintf("the discriminator is sure of all images, D(x) %.4f and D(G(z)) %.4f: the generator learns little from it", m.Real, m.Fake),
			"a smaller d_learning_rate, a gradient penalty (r1 with dropout 0) or, with few pictures, augment"}
	case judges && m.Fake-m.Real > sure:
		return alarm{"wrong", fmt.Sprintf("the discriminator is wrong about all images, D(x) %.4f and D(G(z)) %.4f", m.Real, m.Fake),
			"a smaller learning_rate with a larger d_learning_rate"}
	case math.Abs(m.G) > large || math.Abs(m.D) > large:
		return alarm{"loss", fmt.Sprintf("the losses are out of proportion: G %.4g, D %.4g", m.G, m.D),
			"a smaller learning_rate, clip_norm or, of a GAN, a gradient penalty"}
	case drawn && (m.SampleStd < noStd*dataStd || m.SampleStd < lowStd*dataStd && m.SampleStd*lostStd < before):
		return alarm{"same", fmt.Sprintf("all latents draw the same picture: its pixels differ by %.3g of 255 from sample to sample, the data's by %.3g", m.SampleStd, dataStd),
			"an earlier checkpoint with a smaller learning_rate, or a gradient penalty: variety hardly comes back by itself"}
	}
	return alarm{}
}

// watch says when an epoch's end shows that the run goes nowhere: when that begins, and
// when the run ends so.
func (r *run) watch(m Metrics, a alarm, last bool) {
	if a.kind != "" && (last || a.kind != r.alarmed) {
		r.note("epoch %d: %v", m.Epoch, a)
	}
	r.alarmed = a.kind
}

// imageStd is how much images (n, size) differ from one another: the standard deviation of a pixel
// within groups of so many successive images, of which the mean square is taken over all pixels.
//
//	sqrt( mean over groups and pixels of mean over the group of (x - the group's mean)^2 )
func imageStd(pix []uint8, size, group int) float64 {
	n := len(pix) / size
	var total float64
	groups := 0
	for first := 0; first+group <= n; first += group {
		groups++
		for p := range size {
			var sum, squares float64
			for i := range group {
				x := float64(pix[(first+i)*size+p])
				sum += x
				squares += x * x
			}
			mean := sum / float64(group)
			total += squares/float64(group) - mean*mean
		}
	}
	return math.Sqrt(max(0, total) / max(1, float64(groups*size)))
}

// stdImages is how many of the data's images are measured.
const stdImages = 256

// dataStd is the imageStd of a sample of the data, taken as one group.
func dataStd(pix []uint8, size int) float64 {
	n := len(pix) / size
	count := min(n, stdImages)
	sample := make([]uint8, 0, count*size)
	for i := range count {
		sample = append(sample, pix[i*n/count*size:][:size]...)
	}
	return imageStd(sample, size, count)
}

// GradNorms returns the Euclidean norms of the last step's gradients of all of a network's
// parameters: the generator's, or the classifier's, and the discriminator's, before the setting
// clip_norm cut them. The generator's is 0 after a step that did not update it, see Config.DSteps.
func (t *Trainer) GradNorms() (g, d float64) {
	norm := func(n *Network) float64 {
		if t.cfg.ClipNorm > 0 {
			return n.clipped
		}
		return n.norm.of(t.team)
	}
	if t.d != nil {
		d = norm(t.d)
	}
	if t.cfg.DSteps > 1 && t.steps%uint64(t.cfg.DSteps) != 0 { // the generator was not updated
		return 0, d
	}
	return norm(t.g), d
}
