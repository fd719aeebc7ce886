package train

import "math"

// Losses are what one step measures, before its updates.
type Losses struct {
	G, D       float64 // the generator's and the discriminator's loss, means over the batch
	Real, Fake float64 // mean probability of being real that the discriminator gave to reals and to fakes
}

// softplus returns log(1+exp(x)), exact for large |x| too: the cross-entropy of
// logit x against 0; against 1 it is softplus(-x).
func softplus(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// sigmoid returns 1/(1+exp(-x)), the derivative of softplus. It loses no digits
// where it is close to 0, so 1-sigmoid(x) is best had as sigmoid(-x).
func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// lossesOf returns the losses of N reals and N fakes with these logits, and sets
// the losses' derivatives by the logits:
//
//	G = mean(softplus(-fake)),                           dg[n]   = -sigmoid(-fake[n])/N
//	D = mean(softplus(-real)) + mean(softplus(fake)),    dd[n]   = -sigmoid(-real[n])/N
//	                                                     dd[N+n] =  sigmoid(fake[n])/N
//
// The sums are taken in float64 in the order of the images.
func lossesOf(dd, dg []float32, real, fake []float32) Losses {
	var l Losses
	n := float64(len(real))
	for i, x := range real {
		x := float64(x)
		l.D += softplus(-x)
		l.Real += sigmoid(x)
		dd[i] = float32(-sigmoid(-x) / n)
	}
	for i, x := range fake {
		x := float64(x)
		l.D += softplus(x)
		l.G += softplus(-x)
		l.Fake += sigmoid(x)
		dd[len(real)+i] = float32(sigmoid(x) / n)
		dg[i] = float32(-sigmoid(-x) / n)
	}
	l.D /= n
	l.G /= n
	l.Real /= n
	l.Fake /= n
	return l
}

func finite(x float64) bool { return x-x == 0 }
