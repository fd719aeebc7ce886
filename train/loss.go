package train

import (
	"math"

	"github.com/gantiny/gantiny/internal/fmath"
)

// Loss computes the losses of generator and discriminator, means over a batch of N
// pairs, from the discriminator's logits on N reals and N fakes, and sets their
// derivatives by the logits:
//
//	dD[n]   = dD/dreal[n]   for n < N
//	dD[N+n] = dD/dfake[n]
//	dG[n]   = dG/dfake[n]
//
// Sums are taken in float64 in the order of the images. A logit that is no number
// makes a loss that is none.
type Loss func(dD, dG, real, fake []float32) (g, d float64)

// losses holds what the setting "loss" may be.
var losses = map[string]Loss{
	"bce":          BCE,
	"hinge":        Hinge,
	"lsgan":        LeastSquares,
	"wasserstein":  Wasserstein,
	"relativistic": Relativistic,
}

// BCE is the reference: binary cross-entropy on logits, in which the generator
// wants its fakes to be taken for reals (Goodfellow et al. 2014, non-saturating).
//
//	G = mean(softplus(-fake))
//	D = mean(softplus(-real)) + mean(softplus(fake))
func BCE(dD, dG, real, fake []float32) (g, d float64) {
	n := float64(len(real))
	for i, x := range real {
		x := float64(x)
		d += softplus(-x)
		dD[i] = float32(-sigmoid(-x) / n)
	}
	for i, x := range fake {
		x := float64(x)
		d += softplus(x)
		g += softplus(-x)
		dD[len(real)+i] = float32(sigmoid(x) / n)
		dG[i] = float32(-sigmoid(-x) / n)
	}
	return g / n, d / n
}

// SmoothedBCE is BCE in which the discriminator is to give reals a probability of 1-smoothing only,
// so that it does not grow sure of them (Salimans et al. 2016, one-sided label smoothing).
//
//	D = mean((1-smoothing)*softplus(-real) + smoothing*softplus(real)) + mean(softplus(fake))
func SmoothedBCE(smoothing float64) Loss {
	return func(dD, dG, real, fake []float32) (g, d float64) {
		g, d = BCE(dD, dG, real, fake)
		n := float64(len(real))
		var sum float64
		for i, x := range real { // softplus(x) is softplus(-x) + x
			sum += float64(x)
			dD[i] = float32((sigmoid(float64(x)) - (1 - smoothing)) / n)
		}
		return g, d + float64(smoothing*sum)/n
	}
}

// Hinge is the loss of Lim and Ye (2017) and of Miyato et al. (2018).
//
//	G = -mean(fake)
//	D = mean(max(0, 1-real)) + mean(max(0, 1+fake))
func Hinge(dD, dG, real, fake []float32) (g, d float64) {
	n := float64(len(real))
	for i, x := range real {
		x := float64(x)
		d += math.Max(0, 1-x)
		dD[i] = float32(-step(1-x) / n)
	}
	for i, x := range fake {
		x := float64(x)
		d += math.Max(0, 1+x)
		g -= x
		dD[len(real)+i] = float32(step(1+x) / n)
		dG[i] = float32(-1 / n)
	}
	return g / n, d / n
}

// LeastSquares is the loss of Mao et al. (2017) with reals at 1 and fakes at 0.
//
//	G = mean((fake-1)^2) / 2
//	D = mean((real-1)^2) / 2 + mean(fake^2) / 2
func LeastSquares(dD, dG, real, fake []float32) (g, d float64) {
	n := float64(len(real))
	for i, x := range real {
		x := float64(x)
		d += (x - 1) * (x - 1) / 2
		dD[i] = float32((x - 1) / n)
	}
	for i, x := range fake {
		x := float64(x)
		d += x * x / 2
		g += (x - 1) * (x - 1) / 2
		dD[len(real)+i] = float32(x / n)
		dG[i] = float32((x - 1) / n)
	}
	return g / n, d / n
}

// Wasserstein is the critic's loss of Arjovsky et al. (2017). It does not keep the
// critic Lipschitz by itself: small learning rates and few steps must, or an
// Objective that adds what does.
//
//	G = -mean(fake)
//	D = mean(fake) - mean(real)
func Wasserstein(dD, dG, real, fake []float32) (g, d float64) {
	n := float64(len(real))
	for i, x := range real {
		d -= float64(x)
		dD[i] = float32(-1 / n)
	}
	for i, x := range fake {
		d += float64(x)
		g -= float64(x)
		dD[len(real)+i] = float32(1 / n)
		dG[i] = float32(-1 / n)
	}
	return g / n, d / n
}

// Relativistic pairs each fake with the real at its place in the batch, of which
// one is to look more real than the other (Jolicoeur-Martineau 2018).
//
//	G = mean(softplus(real-fake))
//	D = mean(softplus(fake-real))
func Relativistic(dD, dG, real, fake []float32) (g, d float64) {
	n := float64(len(real))
	for i := range real {
		x := float64(real[i]) - float64(fake[i])
		g += softplus(x)
		d += softplus(-x)
		dD[i] = float32(-sigmoid(-x) / n)
		dD[len(real)+i] = float32(sigmoid(-x) / n)
		dG[i] = float32(-sigmoid(x) / n)
	}
	return g / n, d / n
}

// softplus is log(1+exp(x)), the cross-entropy of logit x against 0; against 1 it is
// softplus(-x).
func softplus(x float64) float64 { return fmath.Softplus(x) }

// sigmoid is 1/(1+exp(-x)), the derivative of softplus. It loses no digits where it
// is close to 0, so 1-sigmoid(x) is best had as sigmoid(-x).
func sigmoid(x float64) float64 { return fmath.Sigmoid(x) }

// step returns 1 where x > 0, else 0: the derivative of max(0, x).
func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

// meanProbability returns the mean of sigmoid(x).
func meanProbability(logits []float32) float64 {
	var sum float64
	for _, x := range logits {
		sum += sigmoid(float64(x))
	}
	return sum / float64(len(logits))
}

func finite(x float64) bool { return x-x == 0 }
