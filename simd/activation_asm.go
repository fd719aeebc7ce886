//go:build (amd64 || arm64) && !purego

package simd

import "math"

// activationTable holds the constants of activation.go, in every lane.
var activationTable = activationBlock{
	sign: everyLane(math.Float32frombits(1 << 31)), abs: everyLane(math.Float32frombits(1<<31 - 1)),
	half: everyLane(0.5), one: everyLane(1), two: everyLane(2), zMax: everyLane(zMax),
	log2e: everyLane(log2E), magic: everyLane(roundMagic), ln2Hi: everyLane(ln2Hi), ln2Lo: everyLane(ln2Lo), expMax: everyLane(expMax),
	e0: everyLane(expE0), e1: everyLane(expE1), e2: everyLane(expE2), e3: everyLane(expE3), e4: everyLane(expE4),
	p0: everyLane(geluP0), p1: everyLane(geluP1), p2: everyLane(geluP2), p3: everyLane(geluP3), p4: everyLane(geluP4),
	q1: everyLane(geluQ1), q2: everyLane(geluQ2), q3: everyLane(geluQ3), q4: everyLane(geluQ4), q5: everyLane(geluQ5),
	l0: everyLane(logL0), l1: everyLane(logL1), l2: everyLane(logL2), l3: everyLane(logL3),
}

// activationWith serves GELU, Softplus and Mish.
func activationWith(kernel func(dst, x *float32, n int, t *activationBlock)) func(dst, x []float32) {
	return func(dst, x []float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, &activationTable)
			dst, x = dst[n:], x[n:]
		}
	}
}

// activationOf2With serves Gate and ELU, which have two parameters.
func activationOf2With(kernel func(dst, x *float32, n int, t *activationBlock, a, b float32)) func(dst, x []float32, a, b float32) {
	return func(dst, x []float32, a, b float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, &activationTable, a, b)
			dst, x = dst[n:], x[n:]
		}
	}
}
