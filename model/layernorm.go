package model

// LayerNorm normalizes each image by itself, over all its features (Ba et al. 2016):
//
//	y = gamma * (x-mean) / sqrt(variance+Epsilon) + beta
//
// The variance is the biased one. Parameters: gamma, beta (H*W*C), in the order (y, x, c).
type LayerNorm struct {
	Epsilon float64 `json:"epsilon"` // 1e-5 if unset
}

func init() { Register[LayerNorm]() }

// Kind returns "layernorm".
func (LayerNorm) Kind() string { return "layernorm" }

// Infer returns what the input is.
func (l LayerNorm) Infer(in []Spec) (Spec, error) { return inferNorm(in, 1, l.Epsilon) }

// Params lists gamma and beta.
func (LayerNorm) Params(in []Spec) []Param { return gammaBeta(in[0].Shape.Len()) }

func (l LayerNorm) withDefaults() Op { return LayerNorm{defaultEpsilon(l.Epsilon)} }

// Reference: see referenceNorm.
func (l LayerNorm) Reference(y []float64, x, p [][]float64, in []Spec) {
	referenceNorm(y, x[0], p, in[0].Shape, 1, l.Epsilon)
}

func (LayerNorm) anyLayout() {}

// keeps: Backward reads the input alone.
func (LayerNorm) keeps() (limit, output need) { return never, nothing }

// Lower: see norm.
func (l LayerNorm) Lower(at *Lowering) (Kernel, error) { return newNorm(at, 1, l.Epsilon), nil }

// LowerTraining: see norm.
func (l LayerNorm) LowerTraining(at *Lowering) (TrainKernel, error) {
	return newTrainNorm(at, 1, l.Epsilon), nil
}
