package quant

import "math"

// latentOne is the fixed-point unit of latents: package rng's normal numbers are whole multiples of
// 1/latentOne below 8.
const latentOne = 1 << 21

// Latents: dst[i] = z[i]*2^21 / step, rounded to the nearest whole number, ties away from zero,
// within -127 ... 127. All of it is integer arithmetic: numbers of package rng are whole multiples
// of 2^-21; others lose what is below. Values are clipped to [-8, 8]; NaN counts as -8. step, at
// least 1, is a quantization step in units of 2^-21, see LatentScale.
func Latents(dst []int8, z []float32, step int32) {
	if len(dst) != len(z) || step < 1 {
		panic("quant: Latents: lengths differ or no step")
	}
	for i, v := range z {
		if !(v > -8) {
			v = -8
		}
		n := int32(min(v, 8) * latentOne) // the product is exact
		half := step / 2
		if n < 0 {
			half = -half
		}
		dst[i] = int8(max(-127, min(127, (n+half)/step)))
	}
}

// LatentStep returns the step for latents in [-most, most].
func LatentStep(most float64) int32 {
	return int32(max(1, min(8, most)*latentOne/127+0.5))
}

// StepOf returns the step whose LatentScale is nearest to scale, 0 if none is within a thousandth.
func StepOf(scale float32) int32 {
	v := math.RoundToEven(float64(scale) * latentOne)
	if !(v >= 1 && v <= 1<<24) || math.Abs(v/latentOne/float64(scale)-1) > 1e-3 {
		return 0
	}
	return int32(v)
}

// LatentScale is the real value of one step.
func LatentScale(step int32) float32 { return float32(step) / latentOne }
