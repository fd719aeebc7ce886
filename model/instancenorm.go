package model

// InstanceNorm normalizes each channel of each image by itself, over its positions (Ulyanov et al.
// 2016):
//
//	y = gamma * (x-mean) / sqrt(variance+Epsilon) + beta
//
// The variance is the biased one. Parameters: gamma, beta (C).
type InstanceNorm struct {
	Epsilon float64 `json:"epsilon"` // 1e-5 if unset
}

func init() { Register[InstanceNorm]() }

// Kind returns "instancenorm".
func (InstanceNorm) Kind() string { return "instancenorm" }

// Infer returns what the input is.
func (l InstanceNorm) Infer(in []Spec) (Spec, error) { return inferNorm(in, 1, l.Epsilon) }

// Params lists gamma and beta.
func (InstanceNorm) Params(in []Spec) []Param { return gammaBeta(in[0].Shape.C) }

func (l InstanceNorm) withDefaults() Op { return InstanceNorm{defaultEpsilon(l.Epsilon)} }

// Reference: see referenceNorm.
func (l InstanceNorm) Reference(y []float64, x, p [][]float64, in []Spec) {
	referenceNorm(y, x[0], p, in[0].Shape, in[0].Shape.C, l.Epsilon)
}

// keeps: Backward reads the input alone.
func (InstanceNorm) keeps() (limit, output need) { return never, nothing }

// Lower: see norm.
func (l InstanceNorm) Lower(at *Lowering) (Kernel, error) {
	return newNorm(at, at.In[0].C, l.Epsilon), nil
}

// LowerTraining: see norm.
func (l InstanceNorm) LowerTraining(at *Lowering) (TrainKernel, error) {
	return newTrainNorm(at, at.In[0].C, l.Epsilon), nil
}
