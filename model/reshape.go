package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Reshape gives the features another shape, in the order (y, x, c). It moves
// data only where the number of channels changes between two images; a vector
// that a Dense makes is laid out as the Reshape after it wants it.
type Reshape struct {
	H int `json:"h"`
	W int `json:"w"`
	C int `json:"c"`
}

func init() { Register[Reshape]() }

// Kind returns "reshape".
func (Reshape) Kind() string { return "reshape" }

// Infer returns the new shape.
func (l Reshape) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	s, x := Shape(l), in[0].Shape
	if err := s.check(); err != nil {
		return Spec{}, err
	}
	if s.Len() != x.Len() {
		return Spec{}, fmt.Errorf("%w: %v has %d features, %v has %d", ErrShape, x, x.Len(), s, s.Len())
	}
	return Floats(s), nil
}

// Params returns none.
func (Reshape) Params([]Spec) []Param { return nil }

// Reference: y = x.
func (Reshape) Reference(y []float64, x, _ [][]float64, _ []Spec) { copy(y, x[0]) }

func (Reshape) reshapes() {}

// Lower: see copier; views need no kernel.
func (Reshape) Lower(*Lowering) (Kernel, error) { return copier{}, nil }

// keeps: Backward reads neither input nor output.
func (Reshape) keeps() (limit, output need) { return never, nothing }

func (Reshape) passesScale() bool { return true }

// quantize: see QReshape.
func (Reshape) quantize(q *quantization, n *Node, _ quant.Params) (*Value, error) {
	return quantizeReshape(q, n)
}

// quantizeReshape adds a QReshape to the shape that n's features have in memory.
func quantizeReshape(q *quantization, n *Node) (*Value, error) {
	return q.graph.add(n.Name, QReshape(n.Out.mem), q.of(n.In[0])), nil
}

// copyOp is the operator that rewrites put where a value has to lie in another layout.
type copyOp struct{ Elementwise }

// Kind returns "copy".
func (copyOp) Kind() string { return "copy" }

// Lower: see copier.
func (copyOp) Lower(*Lowering) (Kernel, error) { return copier{}, nil }

// keeps: Backward reads neither input nor output.
func (copyOp) keeps() (limit, output need) { return never, nothing }

func (copyOp) passesScale() bool { return true }

// quantize: see QReshape.
func (copyOp) quantize(q *quantization, n *Node, _ quant.Params) (*Value, error) {
	return quantizeReshape(q, n)
}

// copier copies features between two layouts of as many features.
type copier struct{}

// Forward: y = x, feature by feature.
func (copier) Forward(_ *Worker, y Tensor, x []Tensor, s Share) { copyFeatures(y, x[0], s) }

// Backward: dx = dy.
func (copier) Backward(_ *Worker, dx []Tensor, dy Tensor, _ []Tensor, _ Tensor, s Share) {
	copyFeatures(dx[0], dy, s)
}

// Tangent: ty = tx.
func (copier) Tangent(_ *Worker, ty Tensor, tx []Tensor, _ []Tensor, _ Tensor, s Share) {
	copyFeatures(ty, tx[0], s)
}

// copyFeatures fills the positions of dst that s names, of float32 or int8 values.
func copyFeatures(dst, src Tensor, s Share) {
	p0, p1 := s.Of(dst.Positions())
	for f, end := p0*dst.C, p1*dst.C; f < end; {
		// A run of features that are neighbors on both sides.
		i, j := f%src.C, f%dst.C
		n := min(src.C-i, dst.C-j)
		x, y := f/src.C*src.Stride+i, f/dst.C*dst.Stride+j
		for k := s.N0; k < s.N1; k++ {
			if dst.Q != nil {
				copy(dst.Q[y+k*dst.Row:][:n], src.Q[x+k*src.Row:])
				continue
			}
			copy(dst.F[y+k*dst.Row:][:n], src.F[x+k*src.Row:])
		}
		f += n
	}
}
