package model

// QReshape gives bytes another shape, in the order (y, x, c), as Reshape does with floats.
type QReshape struct {
	H int `json:"h"`
	W int `json:"w"`
	C int `json:"c"`
}

func init() { Register[QReshape]() }

// Kind returns "qreshape".
func (QReshape) Kind() string { return "qreshape" }

// Infer returns the new shape.
func (l QReshape) Infer(in []Spec) (Spec, error) { return inferAs(Reshape(l), in) }

// Params returns none.
func (QReshape) Params([]Spec) []Param { return nil }

func (QReshape) reshapes() {}

func (QReshape) exact(y *bytesOf, x []*bytesOf, _ []Spec, _ []*Param) { copy(y.q, x[0].q) }

// Lower: see mover; views need no kernel.
func (QReshape) Lower(*Lowering) (Kernel, error) { return copier{}, nil }
