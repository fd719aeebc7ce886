package model

// QDequantize leaves the bytes for float32 values: y = Scale * (x - Zero), one product an element.
// It makes the outputs that are no pixels: logits, features, and values that no tanh has made.
type QDequantize struct{}

func init() { Register[QDequantize]() }

// Kind returns "qdequantize".
func (QDequantize) Kind() string { return "qdequantize" }

// Infer returns float32 values of the input's shape.
func (QDequantize) Infer(in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	return Floats(in[0].Shape), in[0].Type.Params.Check()
}

// Params returns none.
func (QDequantize) Params([]Spec) []Param { return nil }

func (QDequantize) exact(y *bytesOf, x []*bytesOf, in []Spec, _ []*Param) {
	for i, v := range x[0].q {
		y.f[i] = in[0].Type.Scale * float32(int32(v)-in[0].Type.Zero)
	}
}

// dequantizer is a QDequantize on layouts.
type dequantizer struct{ table [256]float32 }

// Lower makes a table of all products.
func (QDequantize) Lower(l *Lowering) (Kernel, error) {
	k, t := &dequantizer{}, l.Specs[0].Type
	for i := range k.table {
		k.table[i] = t.Scale * float32(int32(i-128)-t.Zero)
	}
	return k, nil
}

// Forward: y = table[x+128].
func (k *dequantizer) Forward(_ *Worker, y Tensor, x []Tensor, s Share) {
	for p, n := range s.rows(y.Layout) {
		dst := y.At(p, n)
		for i, v := range x[0].row(p, n) {
			dst[i] = k.table[int(v)+128]
		}
	}
}
