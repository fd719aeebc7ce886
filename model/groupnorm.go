package model

// GroupNorm normalizes each of Groups groups of neighboring channels of each image by itself, over
// its positions and channels (Wu and He 2018):
//
//	y = gamma * (x-mean) / sqrt(variance+Epsilon) + beta
//
// The variance is the biased one. Parameters: gamma, beta (C).
type GroupNorm struct {
	Groups  int     `json:"groups"`  // a divisor of the number of channels
	Epsilon float64 `json:"epsilon"` // 1e-5 if unset
}

func init() { Register[GroupNorm]() }

// Kind returns "groupnorm".
func (GroupNorm) Kind() string { return "groupnorm" }

// Infer returns what the input is.
func (l GroupNorm) Infer(in []Spec) (Spec, error) { return inferNorm(in, l.Groups, l.Epsilon) }

// Params lists gamma and beta.
func (GroupNorm) Params(in []Spec) []Param { return gammaBeta(in[0].Shape.C) }

func (l GroupNorm) withDefaults() Op { return GroupNorm{l.Groups, defaultEpsilon(l.Epsilon)} }

// Reference: see referenceNorm.
func (l GroupNorm) Reference(y []float64, x, p [][]float64, in []Spec) {
	referenceNorm(y, x[0], p, in[0].Shape, l.Groups, l.Epsilon)
}

// keeps: Backward reads the input alone.
func (GroupNorm) keeps() (limit, output need) { return never, nothing }

// Lower: see norm.
func (l GroupNorm) Lower(at *Lowering) (Kernel, error) {
	return newNorm(at, l.Groups, l.Epsilon), nil
}

// LowerTraining: see norm.
func (l GroupNorm) LowerTraining(at *Lowering) (TrainKernel, error) {
	return newTrainNorm(at, l.Groups, l.Epsilon), nil
}
