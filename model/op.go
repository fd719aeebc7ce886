package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// Op describes one operator. It is a plain value whose exported fields are the operator's
// attributes in the file format. The parameters belong to the Model.
//
// What else can be done with an operator depends on the other rules that its type implements. Each
// rule is an interface in this file, and there are no defaults: if a graph needs a rule that an
// operator lacks, the error names the operator and wraps ErrRule.
//
// Packages outside this one add operators by the exported rules; examples/operator shows how.
// Rules with unexported names are optimizations and the int8 forms of operators that are not
// pointwise.
type Op interface {
	// Kind is the operator's name in files and messages, such as "conv2d".
	Kind() string
	// Infer returns the Spec of the output. The error wraps ErrShape if the inputs are wrong, and
	// not if an attribute is.
	Infer(in []Spec) (Spec, error)
	// Params lists the parameters, without values, for inputs that Infer accepts.
	Params(in []Spec) []Param
}

// ErrRule is wrapped by the error about an operator that lacks a rule that the graph needs.
var ErrRule = errors.New("operator lacks a rule")

// Referencer computes one image at inference by plain loops in float64. All other forms of the
// operator are tested against it. Values are in (H, W, C) order; a class is x[i][0].
type Referencer interface {
	Op
	Reference(y []float64, x [][]float64, p [][]float64, in []Spec)
}

// Lowerer plans the operator for inference, for given layouts.
type Lowerer interface {
	Op
	Lower(l *Lowering) (Kernel, error)
}

// TrainLowerer plans the operator's Forward and Backward for training. An operator without
// parameters does not need it if its Lower returns a TrainKernel.
type TrainLowerer interface {
	Op
	LowerTraining(l *Lowering) (TrainKernel, error)
}

// Pointwise is an operator that applies one function to every element: y = At(x). It needs no
// other rule: the reference, both lowerings and the int8 form (a table of 256 bytes) follow from
// At and Derivative. Both must give the same bits on every machine. Operators of this module use
// internal/fmath, which does. Others can use quotients, square roots, comparisons, and sums of
// products in which each product is rounded by float64(x*y) before it is added.
type Pointwise interface {
	Op
	At(x float64) float64
	// Derivative is dy/dx, given x and y = At(x).
	Derivative(x, y float64) float64
}

// Lowering tells a rule that lowers an operator about the operator's place in the program. The
// layouts have as many images as one call may work on.
type Lowering struct {
	Name    string        // of the node
	In      []conv.Layout // of the inputs; a class input has H = W = C = 1
	Out     conv.Layout
	Specs   []Spec // of the inputs
	Result  Spec
	Params  []*Param
	Kernels *simd.Kernels

	node    *Node
	options Options
}

// Tensor is a value in memory: N images in a layout, in one of the slices.
type Tensor struct {
	conv.Layout
	F     []float32
	Q     []int8  // Int8
	Class []int32 // Class: one index an image
	Pix   []uint8 // Pixel: (N, H, W, C), not in the layout's order
}

// At returns the row of image n at position p of a float32 value.
func (t *Tensor) At(p, n int) []float32 { return t.F[p*t.Stride+n*t.Row:][:t.C] }

// images returns n images from image lo on.
func (t Tensor) images(lo, n int) Tensor {
	t.N = n
	switch {
	case t.F != nil:
		t.F = t.F[lo*t.Row:]
	case t.Q != nil:
		t.Q = t.Q[lo*t.Row:]
	case t.Class != nil:
		t.Class = t.Class[lo:]
	}
	return t
}

// Share is what one call computes: images [N0, N1), and of these share number Index of Count of the
// positions or, where that suits an operator better, of something else. Shares of one value may be
// computed at the same time. Results never depend on how the work is cut.
type Share struct{ N0, N1, Index, Count int }

// Of returns the range of n items that belongs to the share.
func (s Share) Of(n int) (lo, hi int) {
	return pool.Split(n, max(1, s.Count), s.Index)
}

// rows goes through the share's positions p and images n of a value.
func (s Share) rows(l conv.Layout) iter.Seq2[int, int] {
	return func(yield func(p, n int) bool) {
		p0, p1 := s.Of(l.Positions())
		for p := p0; p < p1; p++ {
			for n := s.N0; n < s.N1; n++ {
				if !yield(p, n) {
					return
				}
			}
		}
	}
}

// Worker holds what one thread of a Session or Pass works with.
type Worker struct {
	ID, Of  int // this one, and how many there are
	Kernels *simd.Kernels
	Conv    *conv.Workspace
	Int8    *conv.QWorkspace

	block   []float32 // a Pass's: a block of images of an activation that is not kept
	floats  []float32 // workspace of the kernels that are scratchers
	doubles []float64
	bytes   byteWork
}

// scratcher is a Kernel that needs a workspace for each worker, during one call.
type scratcher interface {
	scratch() (floats, doubles int)
}

// makeScratch allocates the workers' workspaces, of the largest size that a kernel needs.
func makeScratch(workers []Worker, floats, doubles int) {
	for i := range workers {
		workers[i].floats, workers[i].doubles = make([]float32, floats), make([]float64, doubles)
	}
}

// scratchOf returns the larger of the given sizes and those that k needs.
func scratchOf(k Kernel, floats, doubles int) (int, int) {
	if k, ok := k.(scratcher); ok {
		f, d := k.scratch()
		return max(f, floats), max(d, doubles)
	}
	return floats, doubles
}

// Kernel is an operator planned for given layouts. Several workers run it at the same time.
type Kernel interface {
	// Forward computes the share s of y from x.
	Forward(w *Worker, y Tensor, x []Tensor, s Share)
}

// TrainKernel is a Kernel with a Backward.
type TrainKernel interface {
	Kernel
	// Backward sets the gradients dx of the inputs from dy, that of the output, for images
	// [s.N0, s.N1); it is never given a part of the positions. An input whose gradient nobody wants
	// has no dx.F. All tensors hold the same images, x and y those that Forward has seen and made.
	Backward(w *Worker, dx []Tensor, dy Tensor, x []Tensor, y Tensor, s Share)
}

// ParamKernel is a TrainKernel with trainable parameters.
type ParamKernel interface {
	TrainKernel
	// ParamGrad adds the gradients of all images of dy to dp, one slice for each trainable
	// parameter. s.Of(n) is the worker's part of n features, whose gradients it alone touches.
	ParamGrad(w *Worker, dp [][]float32, dy Tensor, x []Tensor, y Tensor, s Share)
}

// sumsLeaver is a ParamKernel whose ParamGrad reads what Backward of the same images has left in
// the kernel: Backward comes before it even if nobody wants dx.
type sumsLeaver interface{ leavesSums() }

// TangentKernel is a TrainKernel of a piecewise linear operator: one whose Jacobian is constant
// around x. Gradient penalties need it.
type TangentKernel interface {
	TrainKernel
	// Tangent sets ty to the Jacobian times tx, for images [s.N0, s.N1).
	Tangent(w *Worker, ty Tensor, tx []Tensor, x []Tensor, y Tensor, s Share)
}

// registry holds the decoders of all kinds of operators.
var registry = struct {
	sync.Mutex
	decode map[string]func(attributes []byte) (Op, error)
}{decode: map[string]func([]byte) (Op, error){}}

// Register makes the kind of O known to files, importers and tests. Call it from a variable
// declaration of the package or from an init function. It panics if the kind is taken.
func Register[O Op]() {
	var zero O
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.decode[zero.Kind()]; taken {
		panic("model: Register: " + zero.Kind() + " is taken")
	}
	registry.decode[zero.Kind()] = func(attributes []byte) (Op, error) {
		var o O
		err := strict(attributes, &o)
		return o, err
	}
}

// Kinds lists the registered kinds of operators.
func Kinds() []string {
	registry.Lock()
	defer registry.Unlock()
	kinds := make([]string, 0, len(registry.decode))
	for k := range registry.decode {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// decodeOp turns the attributes of an operator of the given kind into an Op.
func decodeOp(kind string, attributes []byte) (Op, error) {
	registry.Lock()
	decode := registry.decode[kind]
	registry.Unlock()
	if decode == nil {
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	return decode(attributes)
}

// encodeOp is the inverse, for a node: one JSON object, its kind first, then the name if it is not
// the one that Add gives, and the inputs unless in is nil.
func encodeOp(n *Node, in []string) ([]byte, error) {
	b, err := json.Marshal(n.Op)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"kind":%q`, n.Op.Kind())
	if n.Name != fmt.Sprint(n.Op.Kind(), n.index) {
		name, err := json.Marshal(n.Name)
		if err != nil {
			return nil, err
		}
		head += `,"name":` + string(name)
	}
	if in != nil {
		names, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		head += `,"in":` + string(names)
	}
	if len(b) > len("{}") {
		head += ","
	}
	return append([]byte(head), b[1:]...), nil
}

// defaulter is an Op that fills in unset attributes.
type defaulter interface {
	Op
	withDefaults() Op
}
