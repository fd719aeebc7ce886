package conv

import "github.com/gantiny/gantiny/simd"

// gradLowering computes a weight gradient in two stages, see WeightGrad and
// FinishWeightGrad.
//
//	direct    tiles of channels by channels, see direct_grad.go
//	thin      few channels on the larger side: taps are rows, see thin_grad.go
//	Winograd  see winograd_grad.go and winograd_strided_grad.go
type gradLowering interface {
	images() int  // that are taken at a time
	sumsLen() int // the floats that the first stage leaves to the second
	scratch() int // the floats that either stage needs of a Workspace
	run(ws *Workspace, s Sums, x, dy []float32, n, share, shares int)
	finish(ws *Workspace, s Sums, share, shares int)
}

// lowerGrad picks the lowering of a direct plan.
func lowerGrad(g Geometry, in, out Layout, links []link, k *simd.Kernels) gradLowering {
	if t := newThinGrad(g, in, out, k); t != nil {
		return t
	}
	return newDirectGrad(g, in, out, links, k)
}
